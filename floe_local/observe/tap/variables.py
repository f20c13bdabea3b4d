"""What a command's environment holds, so that it sends to the tap (docs/env.md)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from floe_local.observe.session.model import own_span
from floe_local.plan.caller import past_the_proxy

if TYPE_CHECKING:
    from collections.abc import Mapping

SESSION_ATTRIBUTE = "floe.session.id"
NAMESPACE = "floe-local"
_LINEAGE_PATH = "api/v1/lineage"
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "grpc_proxy")
_PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"
_PARENTS = ("OPENLINEAGE_PARENT_ID", "OPENLINEAGE_CONTEXT")


class OwnRun(NamedTuple):
    """The run that stands for the command itself, the parent of what it starts."""

    namespace: str
    job: str
    run_id: str

    def __str__(self) -> str:
        """As OPENLINEAGE_PARENT_ID has it."""
        return "/".join(part.replace("/", "_") for part in self)


def tap_variables(
    host: str, otlp_port: int, lineage_port: int, environ: Mapping[str, str]
) -> dict[str, str]:
    """The variables that lead to a tap; OTLP is taken as either protocol, so the caller's stays."""
    origin = f"http://{_in_url(host)}:{lineage_port}"
    transport = {"type": "http", "url": origin, "endpoint": _LINEAGE_PATH}
    found = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{_in_url(host)}:{otlp_port}",
        _PROTOCOL: environ.get(_PROTOCOL) or "grpc",
        "OTEL_EXPORTER_OTLP_INSECURE": "true",
        "OPENLINEAGE_URL": f"{origin}/{_LINEAGE_PATH}",
        "OPENLINEAGE_ENDPOINT": _LINEAGE_PATH.rpartition("/")[2],
        "OPENLINEAGE__TRANSPORT": json.dumps(transport),
        "OPENLINEAGE_NAMESPACE": environ.get("OPENLINEAGE_NAMESPACE") or NAMESPACE,
    }
    if any(environ.get(name) for p in _PROXIES for name in (p, p.upper())):
        listed = ",".join(environ.get(name, "") for name in ("NO_PROXY", "no_proxy"))
        found |= past_the_proxy(listed, [host])
    return found


def marks(
    session_id: str, own: OwnRun, environ: Mapping[str, str], *, traceparent: bool = False
) -> dict[str, str]:
    """The variables that mark what a command sends; a parent run that the caller has stays.

    Args:
        session_id: 32 hexadecimal digits.
        own: the run that stands for the command.
        environ: the caller's variables.
        traceparent: TRACEPARENT, too: its trace has the session's id, and `own_span` is the parent.
    """
    attribute = f"{SESSION_ATTRIBUTE}={session_id}"
    given = environ.get("OTEL_RESOURCE_ATTRIBUTES")
    found = {"OTEL_RESOURCE_ATTRIBUTES": f"{given},{attribute}" if given else attribute}
    if not any(environ.get(name) for name in _PARENTS):
        found |= dict(zip(_PARENTS, (str(own), _context(own)), strict=True))
    if traceparent:
        found["TRACEPARENT"] = f"00-{session_id}-{own_span(session_id)}-01"
        found |= {"TRACESTATE": ""} if environ.get("TRACESTATE") else {}  # of another trace
    return found


def _context(own: OwnRun) -> str:
    run, job = {"runId": own.run_id}, {"namespace": own.namespace, "name": own.job}
    return json.dumps({"parent": {"run": run, "job": job, "root": {"run": run, "job": job}}})


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
