"""From what was seen at each hop to one verdict for each check. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from floe_local.plan.artifacts import ENDS_IN_PIPELINE, SCRAPED
from floe_local.plan.blueprint.model import Losses
from floe_local.plan.values import Kind, Origin
from floe_local.prove.delivery import FLOE_LOCAL
from floe_local.prove.read.collector import is_backend
from floe_local.prove.report import Check, Hop, HopName, HopState, Verdict, received_by

if TYPE_CHECKING:
    from collections.abc import Mapping

    from floe_local.prove.delivery import Delivery
    from floe_local.prove.report import Report
    from floe_local.prove.targets import Targets
    from floe_local.signals.shared.difference import Difference

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
_ENVIRONMENT = (
    "what `floe-local env` prints does not lead this client there: it sends to {where}; is the "
    "stack up? see `floe-local status`"
)
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
_EXPORT_HINTS = (
    (
        r"Status Code 40[13]\b|code = (Unauthenticated|PermissionDenied)",
        "the backend refuses the exporter's credentials: mend its `headers` or `auth`",
    ),
    (
        r"Status Code 40[45]\b|code = Unimplemented",
        (
            "what answers there does not take this signal: mend the exporter's `endpoint` (its path, "
            "its port), or give the plugin's pipelines fewer signals"
        ),
    ),
    (
        r"Status Code 413\b|larger than max|message too large",
        "the backend takes no request of that size: set `sending_queue.batch.max_size` lower",
    ),
    (
        r"Status Code 415\b",
        "the backend does not read what the exporter sends: mend its `encoding` or `compression`",
    ),
    (
        r"Status Code 4(00|22)\b|code = InvalidArgument",
        (
            "the backend refuses the data as malformed: mend the exporter's `encoding`, or the "
            "processors before it"
        ),
    ),
    (
        r"Status Code 429\b|code = ResourceExhausted",
        (
            "the backend takes no more for now (a rate limit); if the sandbox was told to fail, "
            "`floe-local status` says so"
        ),
    ),
    (
        r"Status Code 5\d\d\b|code = Internal",
        "the backend itself failed; if the sandbox was told to fail, `floe-local status` says so",
    ),
    (
        r"tls: |x509: |authentication handshake failed|server gave HTTP response to HTTPS",
        (
            "TLS fails: mend the exporter's `tls` (`insecure: true` for plain text, `ca_file` for a "
            "certificate of your own)"
        ),
    ),
    (
        r"no such host|produced zero addresses|name resolver error",
        "the host's name is not known in the stack: mend the exporter's `endpoint`",
    ),
    (
        r"server preface|malformed HTTP response|http2: ",
        "what answers there speaks another protocol: 4317 is for otlp_grpc, 4318 for otlp_http",
    ),
    (
        r"connection refused|i/o timeout|deadline exceeded|code = DeadlineExceeded",
        "nothing answers there: is the port right, and the backend ready? see `floe-local status`",
    ),
)
"""What an exporter's error looks like (RE), and what to do about it; the first that fits."""

_SAYS_YES = (
    "it answers for an id that was never sent: what answers at {where} is not the backend, "
    "or the blueprint's probe asks for the wrong thing"
)


def check(delivery: Delivery) -> Check:
    """Judge one check by what is known of it."""
    if reason := _not_sent(delivery):
        return _check(delivery, Verdict.SKIPPED, reason=reason)
    hops = (_client(delivery), *delivery.hops, *_stored(delivery))
    broken = _broken(hops)
    if broken is not None:
        return _failed(delivery, hops, broken)
    if hops[-1].name is HopName.BACKEND_STORED:
        return _check(delivery, received_by(delivery.target.origin), hops=hops)
    if delivery.skip_reason:
        return _check(delivery, Verdict.SKIPPED, hops=hops, reason=delivery.skip_reason)
    if _acknowledged(delivery):
        return _check(
            delivery, Verdict.ACCEPTED, hops=hops, reason=f"acknowledged; {_unread(delivery)}"
        )
    reason = f"{_unacknowledged(delivery)}; {_unread(delivery)}"
    return _check(delivery, Verdict.SKIPPED, hops=hops, reason=reason)


def with_export_errors(
    report: Report, targets: Targets, errors: Mapping[tuple[str, str], str]
) -> Report:
    """Return a report whose checks that broke at an exporter say why.

    Args:
        report: of a smoke test.
        targets: what it was made with.
        errors: why an exporter could not send last, by exporter id and signal: the Collector's
            words.
    """
    exporters = {target.name: target.exporters for target in targets.backends}

    def explained(check: Check) -> Check:
        own = exporters.get(check.backend, {}).get(check.signal, ())
        found = {name: errors.get((name, check.signal)) for name in own}
        why = "; ".join(f"{name}: {error}" for name, error in found.items() if error)
        if check.hop is not HopName.COLLECTOR_EXPORTED or not why:
            return check
        hops = tuple(
            hop.model_copy(update={"detail": f"{hop.detail}; {why}"})
            if hop.name is check.hop
            else hop
            for hop in check.hops
        )
        reason = f"{why} ({check.reason})"
        return check.model_copy(
            update={"reason": reason, "hint": _export_hint(why) or check.hint, "hops": hops}
        )

    return report.model_copy(update={"checks": tuple(map(explained, report.checks))})


def _export_hint(error: str) -> str:
    """What to do about what an exporter was answered; empty where nothing is known of it."""
    return next((hint for pattern, hint in _EXPORT_HINTS if re.search(pattern, error)), "")


def _unacknowledged(delivery: Delivery) -> str:
    """Say why nothing can be called accepted."""
    if delivery.target.kind is Kind.LINEAGE:
        return _unanswered(delivery)
    if any(map(_is_scraped, delivery.target.exporters.get(delivery.signal, ()))):
        return "the Collector shows it to be scraped, which no backend acknowledges"
    return "no counter of an exporter to a backend to verify with"


def _unanswered(delivery: Delivery) -> str:
    kind = (delivery.target.transport or {}).get("type")
    if kind in ENDS_IN_PIPELINE:
        return f"a transport of type '{kind}' ends in the pipeline itself"
    return f"no HTTP answer to it came over the transport of type '{kind}'"


def _is_scraped(exporter: str) -> bool:
    return exporter.partition("/")[0] in SCRAPED


def _unread(delivery: Delivery) -> str:
    """Say why nothing was read back, and what to set where that is all that it takes."""
    if unset := delivery.target.unset.get(delivery.signal):
        return f"set {' and '.join(unset)} to have it read back"
    return "the blueprint has nothing to read it back with"


def _not_sent(delivery: Delivery) -> str:
    if delivery.signal in delivery.target.unexported:
        return f"the plugin of {delivery.target.name} exports no {delivery.signal}"
    if delivery.signal not in delivery.target.accepts:
        return f"{delivery.target.name} does not take {delivery.signal}"
    if delivery.ack is None:
        return delivery.sending.unsent or "no address or transport is known to send it to"
    return ""


def _client(delivery: Delivery) -> Hop:
    ack = delivery.ack
    if ack is None or not ack.ok or ack.error:
        detail = ack.error if ack else ""
        return Hop(name=HopName.CLIENT, state=HopState.FAILED, detail=detail)
    return Hop(name=HopName.CLIENT, state=HopState.PASSED, seconds=ack.seconds)


def _stored(delivery: Delivery) -> tuple[Hop, ...]:
    """Judge the last hop. That what was never sent is absent proves nothing of what was sent."""
    wrong = _differences(delivery)
    if wrong:
        first = wrong[0]
        detail = f"{first.field}: expected {first.expected!r}, found {first.found!r}"
        detail += f": {first.why}" if first.why else ""
        return (Hop(name=HopName.BACKEND_STORED, state=HopState.FAILED, detail=detail),)
    seconds = max((result.seconds for result in delivery.results if not result.never), default=None)
    if seconds is None:
        return ()
    return (Hop(name=HopName.BACKEND_STORED, state=HopState.PASSED, seconds=seconds),)


def _broken(hops: tuple[Hop, ...]) -> HopName | None:
    """Name the first hop that failed. What was read back did pass the hops before."""
    stored = [hop for hop in hops if hop.name is HopName.BACKEND_STORED]
    if stored and stored[0].state is HopState.PASSED:
        return None
    return next((hop.name for hop in hops if hop.state is HopState.FAILED), None)


def _acknowledged(delivery: Delivery) -> bool:
    """Tell whether the backend itself said yes: over lineage's transport, or to an exporter."""
    if delivery.target.kind is Kind.LINEAGE:
        return delivery.ack is not None and delivery.ack.answered
    carrying = [*filter(is_backend, delivery.target.exporters.get(delivery.signal, ()))]
    if carrying and all(map(_is_scraped, carrying)):
        return False
    exported = [hop for hop in delivery.hops if hop.name is HopName.COLLECTOR_EXPORTED]
    return bool(exported) and exported[0].state is HopState.PASSED


def _failed(delivery: Delivery, hops: tuple[Hop, ...], broken: HopName) -> Check:
    wrong = _differences(delivery)
    first = wrong[0] if wrong else None
    detail = next(hop.detail for hop in hops if hop.name is broken)
    return _check(
        delivery,
        Verdict.FAILED,
        hops=hops,
        hop=broken,
        reason=detail,
        field=first.field if first else None,
        expected=first.expected if first else None,
        found=first.found if first else None,
        hint=_hint(delivery, broken),
        differences=wrong,
    )


def _hint(delivery: Delivery, broken: HopName) -> str:
    stored = broken is HopName.BACKEND_STORED
    if broken is HopName.CLIENT and delivery.ack and delivery.ack.hint:
        return delivery.ack.hint.replace("{backend}", delivery.target.name)
    text = _HINTS[broken]
    if broken is HopName.CLIENT and delivery.sending.client != FLOE_LOCAL:
        text = _ENVIRONMENT
    if stored and delivery.target.kind is Kind.LINEAGE:
        text = _LINEAGE_STORED if _acknowledged(delivery) else _UNANSWERED
    where = delivery.sending.address
    if broken in _PAST_COLLECTOR and delivery.target.origin is Origin.SANDBOX:
        text = _IN_SANDBOX
    if stored and any(result.present for result in delivery.results):
        text, where = _SAYS_YES, ", ".join(delivery.target.endpoints.values())
    unanswered = _unanswered(delivery)
    return text.format(where=where, backend=delivery.target.name, unanswered=unanswered)


def _differences(delivery: Delivery) -> tuple[Difference, ...]:
    """Return what was wrong; a yes to the never-sent first: it makes all answers worthless."""
    ordered = sorted(delivery.results, key=lambda result: (not result.present, result.never))
    return tuple(difference for result in ordered for difference in result.differences)


def _not_compared(delivery: Delivery) -> Losses:
    """Return what the blueprint says that the backend loses, where something was read back."""
    if all(result.never for result in delivery.results):
        return Losses()
    losses = [question.probe.loses for question in delivery.questions if not question.never]
    return Losses(
        fields=tuple(dict.fromkeys(name for loss in losses for name in loss.fields)),
        storage=next((loss.storage for loss in losses if loss.storage), ""),
    )


def _check(delivery: Delivery, verdict: Verdict, **found: object) -> Check:
    return Check.model_validate(
        {
            "backend": delivery.target.name,
            "signal": delivery.signal,
            "client": delivery.sending.client,
            "protocol": delivery.sending.protocol,
            "canary": delivery.sending.canary,
            "verdict": verdict,
            "not_compared": _not_compared(delivery),
            **found,
        }
    )
