"""What the sandbox's recorder is told: how the backend that it plays behaves, as data.

The recorder (compose/sandbox) reads these values from a YAML file.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from floe_local.plan.values import Frozen, Signal

Status = Annotated[int, Field(ge=200, le=599)]


class Credential(Frozen):
    """The credential that the backend wants, and how it refuses another.

    `value` is the dummy that the sandbox puts in place of the real one: text, or for
    ``basic`` {username, password}, for ``sigv4`` {access_key, secret_key, service}. `form` is
    a regular expression that a credential must match whole. `missing` and `wrong` are the
    statuses of a request without one, and with another.
    """

    kind: Literal["header", "bearer", "basic", "sigv4"]
    header: str = "Authorization"
    value: str | dict[str, str]
    form: str | None = None
    missing: Status = 401
    wrong: Status = 403


class Wording(Frozen):
    """An answer: status (of a route's answer), content type, body and headers."""

    status: Status = 200
    content_type: str = "application/json"
    body: Any = None
    headers: dict[str, str] = {}


class Rule(Frozen):
    """What must hold of a decoded item (JMESPath) for the backend to keep it.

    `status`: how a request is refused that holds another; None: it is answered like any,
    and ignored, with the reason on record.
    """

    query: str
    reason: str
    status: Status | None = None


class Route(Frozen):
    """One thing that the backend can be asked.

    `path` may hold ``{segments}``; `limit` is in bytes, uncompressed. `decode` names the
    decoder of the body; without one a request is answered and counted, not kept.
    """

    name: str
    method: Literal["GET", "POST", "PUT"] = "POST"
    path: str
    content_types: tuple[str, ...] = ()
    encodings: tuple[str, ...] = ("identity", "gzip")
    limit: int | None = Field(default=None, gt=0)
    decode: str | None = None
    signal: Signal | None = None
    credential: bool = True
    schema_: Literal["openlineage"] | None = Field(default=None, alias="schema")
    rules: tuple[Rule, ...] = ()
    answer: Wording = Wording()


class Recording(Frozen):
    """How the recorder plays a backend: its credential, its routes, its words of refusal."""

    credential: Credential | None = None
    routes: tuple[Route, ...] = ()
    answers: dict[Status, Wording] = {}
