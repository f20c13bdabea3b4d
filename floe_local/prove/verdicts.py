"""From what was seen at each hop to one verdict for each check. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from floe_local.plan.artifacts import ENDS_IN_PIPELINE, SCRAPED
from floe_local.plan.values import Kind, Origin, Signal
from floe_local.prove.hops import is_backend
from floe_local.prove.report import Check, Hop, HopName, HopState, Verdict, received_by

if TYPE_CHECKING:
    from floe_local.prove.acknowledged import Ack
    from floe_local.prove.difference import Difference
    from floe_local.prove.targets import BackendTarget

_HINTS = {
    HopName.CLIENT: "is the stack up? see `floe-local status`; it is sent to {where}",
    HopName.COLLECTOR_ACCEPTED: (
        "the Collector did not take it in: see `floe-local logs otel-collector` (memory limit, "
        "a pipeline without an otlp receiver)"
    ),
    HopName.COLLECTOR_EXPORTED: (
        "the Collector could not pass it on: see `floe-local logs otel-collector` (endpoint, "
        "TLS and credentials of the exporter)"
    ),
    HopName.BACKEND_STORED: (
        "it was passed on and is not there as it was sent: see `floe-local logs {backend}` "
        "(limits, sampling, processors that change attributes)"
    ),
}
_PAST_COLLECTOR = {HopName.COLLECTOR_EXPORTED, HopName.BACKEND_STORED}
_LINEAGE_STORED = (
    "the backend answered 2xx, which proves nothing, and does not show what was sent: see "
    "`floe-local logs {backend}`"
)
_UNANSWERED = (
    "{unanswered}, and the backend does not show what was sent: see `floe-local explain` for "
    "where the transport leads, and `floe-local logs {backend}`"
)
_IN_SANDBOX = "see `floe-local sandbox show {backend}`: what arrived at the recorder, how it was answered, why"
_SAYS_YES = (
    "it answers for an id that was never sent: what answers at {where} is not the backend, "
    "or the blueprint's probe asks for the wrong thing"
)


class Seen(NamedTuple):
    """The last answer to one probe: which check it counts for, and what was wrong with it.

    `never`: it was asked for what was never sent; `said_yes`: and the backend has it.
    """

    backend: str
    signal: Signal
    key: str
    never: bool
    said_yes: bool
    differences: tuple[Difference, ...]
    seconds: float


class Evidence(NamedTuple):
    """All that was seen of one check. `not_held`: why the backend need not hold its canary."""

    target: BackendTarget
    signal: Signal
    protocol: str
    canary: str
    where: str
    ack: Ack | None
    counters: tuple[Hop, ...]
    seen: tuple[Seen, ...]
    not_held: str = ""


def check(evidence: Evidence) -> Check:
    """Judge one check by what was seen of it."""
    if reason := _not_sent(evidence):
        return _check(evidence, Verdict.SKIPPED, reason=reason)
    hops = (_client(evidence), *evidence.counters, *_stored(evidence))
    broken = _broken(hops)
    if broken is not None:
        return _failed(evidence, hops, broken)
    if hops[-1].name is HopName.BACKEND_STORED:
        return _check(evidence, received_by(evidence.target.origin), hops=hops)
    if evidence.not_held:
        return _check(evidence, Verdict.SKIPPED, hops=hops, reason=evidence.not_held)
    if _acknowledged(evidence):
        return _check(
            evidence, Verdict.ACCEPTED, hops=hops, reason=f"acknowledged; {_unread(evidence)}"
        )
    reason = f"{_unacknowledged(evidence)}; {_unread(evidence)}"
    return _check(evidence, Verdict.SKIPPED, hops=hops, reason=reason)


def _unacknowledged(evidence: Evidence) -> str:
    """Say why nothing can be called accepted."""
    if evidence.target.kind is Kind.LINEAGE:
        return _unanswered(evidence)
    if any(map(_is_scraped, evidence.target.exporters.get(evidence.signal, ()))):
        return "the Collector shows it to be scraped, which no backend acknowledges"
    return "no counter of an exporter to a backend to verify with"


def _unanswered(evidence: Evidence) -> str:
    kind = (evidence.target.transport or {}).get("type")
    if kind in ENDS_IN_PIPELINE:
        return f"a transport of type '{kind}' ends in the pipeline itself"
    return f"no HTTP answer to it came over the transport of type '{kind}'"


def _is_scraped(exporter: str) -> bool:
    return exporter.partition("/")[0] in SCRAPED


def _unread(evidence: Evidence) -> str:
    """Say why nothing was read back, and what to set where that is all that it takes."""
    if unset := evidence.target.unset.get(evidence.signal):
        return f"set {' and '.join(unset)} to have it read back"
    return "the blueprint has nothing to read it back with"


def _not_sent(evidence: Evidence) -> str:
    if evidence.signal in evidence.target.unexported:
        return f"the plugin of {evidence.target.name} exports no {evidence.signal}"
    if evidence.signal not in evidence.target.accepts:
        return f"{evidence.target.name} does not take {evidence.signal}"
    if evidence.ack is None:
        return "no address or transport is known to send it to"
    return ""


def _client(evidence: Evidence) -> Hop:
    ack = evidence.ack
    if ack is None or not ack.ok or ack.detail:
        detail = ack.detail if ack else ""
        return Hop(name=HopName.CLIENT, state=HopState.FAILED, detail=detail)
    return Hop(name=HopName.CLIENT, state=HopState.PASSED, seconds=ack.seconds)


def _stored(evidence: Evidence) -> tuple[Hop, ...]:
    """Judge the last hop. A no to the never-sent alone says nothing of what was sent."""
    wrong = _differences(evidence)
    if wrong:
        detail = f"{wrong[0].field}: expected {wrong[0].expected!r}, found {wrong[0].found!r}"
        return (Hop(name=HopName.BACKEND_STORED, state=HopState.FAILED, detail=detail),)
    seconds = max((seen.seconds for seen in evidence.seen if not seen.never), default=None)
    if seconds is None:
        return ()
    return (Hop(name=HopName.BACKEND_STORED, state=HopState.PASSED, seconds=seconds),)


def _broken(hops: tuple[Hop, ...]) -> HopName | None:
    """Name the first hop that failed. What was read back did pass the hops before."""
    stored = [hop for hop in hops if hop.name is HopName.BACKEND_STORED]
    if stored and stored[0].state is HopState.PASSED:
        return None
    return next((hop.name for hop in hops if hop.state is HopState.FAILED), None)


def _acknowledged(evidence: Evidence) -> bool:
    """Tell whether the backend itself said yes: over lineage's transport, or to an exporter."""
    if evidence.target.kind is Kind.LINEAGE:
        return evidence.ack is not None and evidence.ack.answered
    carrying = [*filter(is_backend, evidence.target.exporters.get(evidence.signal, ()))]
    if carrying and all(map(_is_scraped, carrying)):
        return False
    exported = [hop for hop in evidence.counters if hop.name is HopName.COLLECTOR_EXPORTED]
    return bool(exported) and exported[0].state is HopState.PASSED


def _failed(evidence: Evidence, hops: tuple[Hop, ...], broken: HopName) -> Check:
    wrong = _differences(evidence)
    first = wrong[0] if wrong else None
    detail = next(hop.detail for hop in hops if hop.name is broken)
    return _check(
        evidence,
        Verdict.FAILED,
        hops=hops,
        hop=broken,
        reason=detail,
        field=first.field if first else None,
        expected=first.expected if first else None,
        found=first.found if first else None,
        hint=_hint(evidence, broken),
        differences=wrong,
    )


def _hint(evidence: Evidence, broken: HopName) -> str:
    stored = broken is HopName.BACKEND_STORED
    if broken is HopName.CLIENT and evidence.ack and evidence.ack.advice:
        return evidence.ack.advice
    text = _HINTS[broken]
    if stored and evidence.target.kind is Kind.LINEAGE:
        text = _LINEAGE_STORED if _acknowledged(evidence) else _UNANSWERED
    where = evidence.where
    if broken in _PAST_COLLECTOR and evidence.target.origin is Origin.SANDBOX:
        text = _IN_SANDBOX
    if stored and any(seen.said_yes for seen in evidence.seen):
        text, where = _SAYS_YES, ", ".join(evidence.target.endpoints.values())
    unanswered = _unanswered(evidence)
    return text.format(where=where, backend=evidence.target.name, unanswered=unanswered)


def _differences(evidence: Evidence) -> tuple[Difference, ...]:
    """Return what was wrong; a yes to the never-sent first: it makes all answers worthless."""
    ordered = sorted(evidence.seen, key=lambda seen: (not seen.said_yes, seen.never))
    return tuple(difference for seen in ordered for difference in seen.differences)


def _check(evidence: Evidence, verdict: Verdict, **found: object) -> Check:
    return Check.model_validate(
        {
            "backend": evidence.target.name,
            "signal": evidence.signal,
            "protocol": evidence.protocol,
            "canary": evidence.canary,
            "verdict": verdict,
            **found,
        }
    )
