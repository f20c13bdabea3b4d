"""One door to HTTP for reading: pooled, no proxies, errors as values."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, urlencode

import urllib3
from pydantic import Field

from floe_local.errors import printable
from floe_local.plan.env_refs import references, resolve
from floe_local.plan.nested import fill
from floe_local.plan.secrets.mask import mask
from floe_local.plan.values import Frozen

if TYPE_CHECKING:
    from floe_local.plan.blueprint.model import Request

_CONNECT_SECONDS = 2.0
_READ_SECONDS = 10.0
_JSON_LINES = ("application/x-ndjson", "application/jsonl", "application/stream+json")
_EXCERPT = 200
_MOST_READ = 64 * 1024
"""Bytes of an answer from which an excerpt is made: a secret may be longer than what is left."""
_UNSENDABLE = (
    "the request's URL or a header of it is not valid in HTTP (a line break in a variable?)"
)


class Response(Frozen):
    """An HTTP answer; status 0 when there was none, and `error` then says why.

    `secrets` went along with the request: no excerpt holds them.
    """

    status: int
    body: bytes = b""
    error: str = ""
    content_type: str = ""
    secrets: tuple[str, ...] = Field(default=(), repr=False)

    @property
    def ok(self) -> bool:
        """Tell whether the status is 2xx."""
        return self.status // 100 == 2  # noqa: PLR2004 - the class of HTTP statuses

    def parsed(self) -> Any:
        """Return the body as JSON, None when it is none (whatever its content type).

        Of a type that means JSON lines, it is the list of the lines' values.
        """
        try:
            if self.media_type in _JSON_LINES:
                return [json.loads(line) for line in self.body.splitlines() if line.strip()]
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def media_type(self) -> str:
        """The content type without its parameters, in lower case."""
        return self.content_type.partition(";")[0].strip().lower()

    def excerpt(self) -> str:
        """Say of what type the answer is, and how it begins: a line, without secrets."""
        text = self.body[:_MOST_READ].decode("utf-8", "replace")
        for secret in sorted(filter(None, self.secrets), key=len, reverse=True):
            text = text.replace(secret, "***")
        text = printable(" ".join(mask(text, os.environ).split()))
        text = text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}…"
        kind = self.media_type or "an answer without a type"
        return f"{kind}, {text}" if text else f"{kind}, empty"


class Http:
    """A pool of connections, closed at the end of its block; safe to share between threads.

    Headers may refer to the variables that were set when it was made.
    """

    def __init__(self, threads: int) -> None:
        self._environ = dict(os.environ)
        timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS)
        self._pool = urllib3.PoolManager(
            num_pools=16, maxsize=threads, block=False, timeout=timeout, retries=False
        )

    def ask(
        self,
        method: str,
        url: str,
        headers: dict[str, str] | None = None,
        body: str | None = None,
    ) -> Response:
        """Make a request; what goes wrong on the way is a response with status 0."""
        if body is not None:
            headers = {**(headers or {}), "Content-Type": "application/json"}
        try:
            answer = self._pool.request(method, url, body=body, headers=headers, redirect=False)
        except ValueError:  # it quotes the header or the URL, which may hold a credential
            return Response(status=0, error=_UNSENDABLE)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return Response(status=0, error=_plain(error))
        content_type = answer.headers.get("Content-Type") or ""
        return Response(status=answer.status, body=answer.data, content_type=content_type)

    def send(self, request: Request, endpoints: dict[str, str], values: dict[str, Any]) -> Response:
        """Make a blueprint's request with its placeholders filled."""
        base = endpoints.get(request.endpoint)
        if base is None:
            return Response(status=0, error=f"no address is known for endpoint {request.endpoint}")
        secrets = tuple(self._environ.get(n, "") for n in references([base, request.headers]))
        base = resolve(base, self._environ, "the address of a blueprint's endpoint")
        headers = resolve(request.headers, self._environ, "the headers of a blueprint's request")
        answer = self.ask(request.method, base.rstrip("/") + target(request, values), headers)
        return answer.model_copy(update={"secrets": secrets}) if secrets else answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        """Close all connections."""
        self._pool.clear()


def target(request: Request, values: dict[str, Any]) -> str:
    """Return path and query string; every value is URL-quoted where it is put in."""
    path = fill(request.path, values, lambda value: quote(value, safe=""))
    query = {name: fill(text, values) for name, text in request.query.items()}
    return f"{path}?{urlencode(query)}" if query else path


def _plain(error: Exception) -> str:
    """Say what went wrong without the pool's object address."""
    return str(error).rsplit(">: ", 1)[-1].rsplit("): ", 1)[-1] or type(error).__name__
