"""docs/backends.md: what a test run on all backends of the ADR at once has shown.

tests/integration/backends makes the run, and holds the page against it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from floe_local.plan.values import Kind, Origin
from floe_local.prove.report import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from floe_local.operations.sandbox import Recorded
    from floe_local.plan.artifacts import Backend
    from floe_local.prove.report import Check, Report

HEAD = """# Backends of ADR-0035

<!-- Generated from a test run: tests/integration/backends, with FLOE_UPDATE_GOLDEN=1. -->

All of them ran in one stack, without an account: every pipeline of the Collector had all the
telemetry backends' exporters, lineage went to each of the others. A verdict is what the canaries of
that run came to; `received-by-sandbox` is the recorder's, whose checks the last column lists, and
says nothing of a real account: `--live` does, and could not be run here. `read back` is from a server
in the stack: upstream's image, the same server built from packages, or where neither is to be had a
stand-in. The page is the same for all of them; `smoke-test` says which it was.

| backend | plugin | signal | verdict | against | what was checked on the wire |
|---|---|---|---|---|---|
"""
RECORDER, SERVER = "the sandbox's recorder", "a server in the stack"
READ_BACK = {Verdict.RECEIVED: "read back", Verdict.BY_STAND_IN: "read back"}
"""What is the same whosever the image was."""
PROOF = {
    "otlp-json": "each span whole: ids, parent, kind, status, attributes, events, links, resource",
    None: "{fields}",
}


def page(
    report: Report,
    backends: Sequence[Backend],
    recorded: Sequence[Recorded],
) -> str:
    """The page.

    Args:
        report: of the smoke test.
        backends: of the stack.
        recorded: what the recorders received.
    """
    received = {one.backend: one for one in recorded}
    rows = [
        row
        for backend in sorted(backends, key=lambda b: (b.kind is Kind.LINEAGE, b.name))
        for row in _rows(report, backend, received)
    ]
    return HEAD + "\n".join(rows) + "\n"


def _rows(report: Report, backend: Backend, received: dict[str, Recorded]) -> Iterable[str]:
    used = next(used for used in report.backends if used.name == backend.name)
    for signal in backend.blueprint.accepts:
        checks = [c for c in report.checks if (c.backend, c.signal) == (backend.name, signal)]
        wire = _wire(backend, signal.value, received.get(backend.name))
        read = _read_back(backend, signal)
        kind = "lineage" if backend.kind is Kind.LINEAGE else "telemetry"
        cells = [
            backend.name,
            f"floe-{kind}-{backend.name.partition('.')[0]}",
            signal.value,
            _verdicts(checks),
            RECORDER if used.origin is Origin.SANDBOX else SERVER,
            "; ".join(text for text in (wire, f"read back: {read}") if text),
        ]
        yield f"| {' | '.join(cells)} |"


def _verdicts(checks: Sequence[Check]) -> str:
    """Each verdict with how many canaries came to it; of skipped ones, why."""
    counted: dict[str, int] = {}
    for check in checks:
        verdict = READ_BACK.get(check.verdict, check.verdict.value)
        counted[verdict] = counted.get(verdict, 0) + 1
    reasons = dict.fromkeys(c.reason for c in checks if c.verdict.value == "skipped")
    text = ", ".join(f"{verdict} ({count})" for verdict, count in sorted(counted.items()))
    return f"{text}: {'; '.join(reasons)}" if reasons else text


def _wire(backend: Backend, signal: str, recorded: Recorded | None) -> str:
    """What the recorder saw and checked: requests, credential, size, schema."""
    sandbox = backend.blueprint.sandbox
    if sandbox is None or recorded is None:
        return " and ".join(sorted(backend.blueprint.ingest))
    seen = sorted(
        {
            f"`{r.method} {r.path}`{_format(r.content_type, r.encoding)}"
            for r in recorded.requests
            if r.signal == signal and r.has_data and 200 <= r.status < 300  # noqa: PLR2004 - HTTP's success
        }
    )
    routes = [route for route in sandbox.routes if route.signal and route.signal.value == signal]
    limits = sorted({f"at most {r.limit:,} bytes" for r in routes if r.limit})
    schemas = ["OpenLineage's JSON Schema"] if any(r.schema_ for r in routes) else []
    rules = [rule.reason for route in routes for rule in route.rules]
    return "; ".join([*seen, *_credential(sandbox.credential), *limits, *schemas, *rules])


def _format(content_type: str | None, encoding: str | None) -> str:
    parts = [(content_type or "").partition(";")[0], encoding or ""]
    said = ", ".join(part for part in parts if part and part != "identity")
    return f" ({said})" if said else ""


def _credential(credential: Any) -> list[str]:
    if credential is None:
        return []
    names = {
        "header": f"credential in `{credential.header}`",
        "bearer": "bearer token",
        "basic": "basic auth",
        "sigv4": "SigV4 signature, recomputed with botocore",
    }
    return [names[credential.kind]]


def _read_back(backend: Backend, signal: Any) -> str:
    texts = []
    for probe in backend.blueprint.readback.get(signal, ()):
        fields = ", ".join(e.field for e in probe.expect)
        texts.append(PROOF[probe.decode].format(fields=fields))
    return "; ".join(texts)
