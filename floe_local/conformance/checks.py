"""The conformance checks: pure functions from evidence to findings."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from floe_local.conformance.report import Advice, Fault, SkipReason, result_of
from floe_local.errors import InputError
from floe_local.plan.artifacts import Backend
from floe_local.plan.blueprint.model import placement_of
from floe_local.plan.compiler.draft import Draft, refuse_unserialisable
from floe_local.plan.compiler.shapes import shape_of
from floe_local.plan.plugins.calls import CALLS, DICTS
from floe_local.plan.plugins.loading import SUPPORTED_API_MAJORS
from floe_local.plan.secrets.recognise import credentials_in, variables_in
from floe_local.plan.stack.plan import helm_changes
from floe_local.plan.values import Kind, Placement
from floe_local.plan.yaml_source import dotted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from floe_local.conformance.evidence import Attempt, Evidence
    from floe_local.conformance.report import CheckResult, Finding

_SEMVER = re.compile(r"^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$")
_API_VERSION = re.compile(rf"^({'|'.join(SUPPORTED_API_MAJORS)})(\.\d+)*$")
_API_VERSION_ERROR = "plugin-api-version"
_LEGAL_NAMESPACE = re.compile(r"^[a-zA-Z0-9:;=/_.@+-]{1,1024}$")
"""What the strictest of lineage backends takes; spaces and quotes, for one, it does not."""

ADR_STRATEGIES = ("environment_based", "custom", "backend_managed")
_REFUSALS = ("ConnectionError", "CredentialError")
_NO_PLUGIN = SkipReason(reason="the plugin did not load: see `methods` and `metadata`")
_SETTLED_ELSEWHERE = SkipReason(reason="not without what `methods` and `json` find missing")


def run_checks(evidence: Evidence) -> tuple[CheckResult, ...]:
    """Make every check that is for plugins of this kind, in the order of `CHECKS`."""
    who = evidence.subject.entry.who
    return tuple(
        result_of(name, who, CHECKS[name](evidence)) for name in check_names(evidence.subject.kind)
    )


def check_names(kind: Kind) -> tuple[str, ...]:
    """The names of the checks that are for plugins of a kind."""
    return tuple(name for name in CHECKS if ONLY_FOR.get(name, kind) is kind)


def metadata(evidence: Evidence) -> Iterator[Finding]:
    """Its name is the entry point's, its version a semantic one, its floe API supported."""
    seen, entry = evidence.first, evidence.subject.entry
    for error in seen.errors:
        if error["code"] == _API_VERSION_ERROR:
            yield Fault(reason=error["reason"], hint=error["hint"])
            return
    if not seen.loaded:
        yield _NO_PLUGIN
        return
    metadata = seen.metadata
    if metadata["name"] != entry.name:
        yield Fault(
            reason=f"its `name` is '{metadata['name']}', its entry point is '{entry.name}'",
            hint="A manifest writes the entry point's name: make both the same.",
        )
    if not _SEMVER.match(metadata["version"]):
        reason = f"its `version` is '{metadata['version']}', which is not a semantic version"
        yield Fault(reason=reason, hint='Write it like version = "1.2.3".')
    if not _API_VERSION.match(metadata["floe_api_version"]):
        reason = f"its `floe_api_version` is '{metadata['floe_api_version']}', not 1.x or 2.x"
        yield Fault(reason=reason, hint='Write it like floe_api_version = "2.0.0".')


def methods(evidence: Evidence) -> Iterator[Finding]:
    """It can be imported and made, has the ADR's methods, and each returns."""
    for seen, how in ((evidence.first, ""), (evidence.marked, "with its credentials set, ")):
        if seen is None:
            continue
        if seen.fault:
            yield Fault(reason=f"{how}{seen.fault.reason}", hint=seen.fault.hint)
        errors = [e for e in seen.errors if e["code"] != _API_VERSION_ERROR]
        yield from (Fault(reason=f"{how}{e['reason']}", hint=e["hint"]) for e in errors)
        if seen.fault or seen.errors:
            return


def shape(evidence: Evidence) -> Iterator[Finding]:
    """Each method returns a dict of the ADR's shape; another known one is worth a note."""
    if not evidence.first.answers:
        yield _SETTLED_ELSEWHERE
        return
    faults = tuple(_no_dicts(evidence))
    yield from faults
    if faults:
        return
    if evidence.subject.kind is Kind.TELEMETRY:
        yield from _exporter_shape(evidence)
    else:
        yield from _transport_shape(evidence.first.answers.get("transport"))


def _no_dicts(evidence: Evidence) -> Iterator[Finding]:
    answers = evidence.first.answers
    for field, method in CALLS[str(evidence.subject.kind), False].items():
        if field in DICTS and field in answers and not isinstance(answers[field], dict):
            kind = type(answers[field]).__name__
            yield Fault(reason=f"{method}() returned {kind}, not a dict", hint=f"Mend {method}().")


def _exporter_shape(evidence: Evidence) -> Iterator[Finding]:
    if "exporter_config" not in evidence.first.answers:
        yield _SETTLED_ELSEWHERE
        return
    try:
        refuse_unserialisable(evidence.output)
        found = shape_of(Draft(evidence.output, config=evidence.output.exporter_config))
    except InputError as error:
        yield Fault(reason=error.reason, hint=error.hint)
        return
    if found != "A":
        rule = f"exporter-config-shape-{found.lower()}"
        yield Advice(
            text=f"get_otlp_exporter_config() returned shape {found}, which rule {rule} "
            "normalises; ADR-0035's has `exporters`, and `service.pipelines` with `receivers`"
        )


def _transport_shape(transport: Any) -> Iterator[Finding]:
    if not isinstance(transport, dict):
        yield _SETTLED_ELSEWHERE
        return
    kind = transport.get("type")
    if not isinstance(kind, str) or not kind:
        hint = "Return {'type': 'http', 'url': …} (ADR-0035)."
        yield Fault(reason="get_transport_config() returned no `type`", hint=hint)
    elif kind != "http":
        yield Advice(text=f"get_transport_config() returned type '{kind}'; ADR-0035 has http only")
    elif not isinstance(transport.get("url"), str):
        hint = "Return the URL that lineage is posted to."
        yield Fault(reason="get_transport_config() returned no `url`", hint=hint)


def serialisable(evidence: Evidence) -> Iterator[Finding]:
    """JSON (so YAML, too) can hold all that it returns."""
    if not evidence.first.loaded:
        yield _NO_PLUGIN
    hint = "Return dicts with string keys, lists, strings, numbers, booleans and None."
    for method, fault in evidence.first.unfit.items():
        reason = f"{method}() returned something that JSON cannot hold: {fault}"
        yield Fault(reason=reason, hint=hint)


def credentials(evidence: Evidence) -> Iterator[Finding]:
    """No value of a credential variable in anything that it returns or prints, none written out."""
    if not evidence.first.loaded:
        yield _NO_PLUGIN
        return
    hint = "Return a reference, ${env:NAME}; the Collector and floe-local resolve it."
    for path in credentials_in(dict(evidence.first.answers)):
        yield Fault(reason=f"{dotted(path)} holds a credential written out", hint=hint)
    for place, said in _sayings(evidence):
        names = ", ".join(variables_in(said, evidence.markers))
        if names:
            yield Fault(reason=f"{place} holds the value of {names}", hint=hint)


def _sayings(evidence: Evidence) -> Iterator[tuple[str, Any]]:
    """All that the plugin returned, printed and raised while its credentials were set."""
    seen = evidence.marked
    if seen is None:
        return
    yield from seen.answers.items()
    yield "what it prints", seen.printed
    yield "the reason of an error", " ".join(e["reason"] for e in seen.errors)
    if seen.attempt is not None:
        yield "the message of what validate_connection() raised", seen.attempt.message


def no_network(evidence: Evidence) -> Iterator[Finding]:
    """It dials nothing while its config is made."""
    if evidence.first.dialled:
        reason = f"it dialled {', '.join(evidence.first.dialled)} while its config was made"
        yield Fault(reason=reason, hint="Only validate_connection() may use the network.")
    elif not evidence.first.loaded:
        yield _NO_PLUGIN


def deterministic(evidence: Evidence) -> Iterator[Finding]:
    """Two processes with different hash seeds get the same, in the same order."""
    first, second = evidence.first, evidence.second
    if not first.loaded:
        yield _NO_PLUGIN
        return
    hint = "Sort what comes from a set; leave out times, random numbers and process ids."
    for field in sorted({*first.answers, *second.answers}):
        place = _difference(first.answers.get(field), second.answers.get(field), field)
        if place:
            yield Fault(reason=f"two processes got different answers: {place}", hint=hint)


def _difference(one: Any, other: Any, place: str) -> str:
    """Where two values differ, the order of keys included; the values are left out."""
    if json.dumps(one) == json.dumps(other):
        return ""
    if isinstance(one, dict) and isinstance(other, dict):
        if set(one) != set(other):
            return f"the keys of {place}"
        inside = (_difference(one[key], other[key], f"{place}.{key}") for key in one)
        return next(filter(None, inside), f"the order of the keys of {place}")
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        inside = (_difference(a, b, f"{place}[{index}]") for index, (a, b) in pairs)
        return next(filter(None, inside), place)
    return place


def blueprint(evidence: Evidence) -> Iterator[Finding]:
    """Its blueprint, where it has one, is valid, the only one, and for this kind."""
    subject = evidence.subject
    if subject.blueprint_fault:
        yield subject.blueprint_fault
        return
    if subject.blueprint is None:
        reason = "it has no blueprint: floe-local runs no service for it, and reads nothing back"
        yield SkipReason(reason=reason)
        return
    found = subject.blueprint.blueprint
    if found.kind not in (None, subject.kind):
        reason = f"its blueprint ({subject.blueprint.source}) says kind: {found.kind}"
        both = "where it serves plugins of both kinds, leave `kind` out"
        yield Fault(reason=reason, hint=f"Write kind: {subject.kind} in blueprint.yaml; {both}.")
    if not found.readback and not (found.sandbox and found.sandbox.readback):
        yield Advice(text="no `readback`: what is sent is at best `accepted, not verified`")


def compiles(evidence: Evidence) -> Iterator[Finding]:
    """floe-local makes a whole config of it; what warnings its rules give are notes."""
    if evidence.compile_fault:
        yield evidence.compile_fault
    elif evidence.compiled is None:
        yield _SETTLED_ELSEWHERE
    else:
        for change in evidence.compiled.provenance:
            if change.level == "warning":
                yield Advice(text=f"rule {change.rule}: {change.where}: {change.why}")


def collector(evidence: Evidence) -> Iterator[Finding]:
    """The real Collector starts on the config that `up` would run, and takes that of ``--live``."""
    verdict = evidence.collector
    if verdict is None:
        yield SkipReason(reason="there is no config to be validated: see `compiles`")
    elif verdict.status == "skipped":
        yield SkipReason(reason=verdict.reason)
    elif verdict.status == "refused":
        hint = f"Mend get_otlp_exporter_config(); asked was {verdict.by}."
        yield Fault(reason=f"the Collector does not run its config: {verdict.reason}", hint=hint)


def connection_errors(evidence: Evidence) -> Iterator[Finding]:
    """validate_connection() says no, as the contract has it, where nothing answers."""
    refused = (evidence.marked or evidence.first).attempt
    if refused is None:
        yield _NO_PLUGIN
        return
    yield from _said_no(refused, "with nothing listening")
    if refused.returned == "True":
        yield _unasked_backend(refused)
    without = evidence.first.attempt
    if evidence.marked is not None and without is not None:
        yield from _said_no(without, "without its credentials")
        if without.returned == "True":
            reason = "without its credentials, validate_connection() returned True"
            names = ", ".join(sorted(evidence.markers))
            yield Fault(reason=reason, hint=f"Raise CredentialError where {names} is not set.")


def _unasked_backend(attempt: Attempt) -> Finding:
    if not attempt.dialled:
        return Advice(text="validate_connection() asks nobody: it says True whatever is there")
    dialled = ", ".join(attempt.dialled)
    return Fault(
        reason=f"validate_connection() returned True though {dialled} refused the connection",
        hint="Raise ConnectionError, with what to do, or return False.",
    )


def _said_no(attempt: Attempt, where: str) -> Iterator[Finding]:
    if attempt.fault:
        yield Fault(reason=attempt.fault.reason, hint=attempt.fault.hint)
    elif attempt.raised and not set(attempt.raised) & set(_REFUSALS):
        reason = f"{where}, validate_connection() raised {attempt.raised[0]}"
        yield Fault(reason=reason, hint="Raise ConnectionError or CredentialError from it.")
    elif attempt.raised and not attempt.message.strip():
        yield Advice(
            text=f"{where}, validate_connection() raised {attempt.raised[0]} without words"
        )
    elif not attempt.raised and attempt.returned not in ("True", "False"):
        reason = f"{where}, validate_connection() returned {attempt.returned}"
        yield Fault(reason=reason, hint="Return True or False, or raise.")


def unknown_config(evidence: Evidence) -> Iterator[Finding]:
    """A config key that it cannot know is refused: a typing error would go unnoticed."""
    if evidence.first.takes_unknown is None:
        yield _NO_PLUGIN
    elif evidence.first.takes_unknown:
        hint = 'Give its pydantic model model_config = ConfigDict(extra="forbid").'
        yield Fault(reason="its config takes a key that it does not know", hint=hint)


def helm_values(evidence: Evidence) -> Iterator[Finding]:
    """Its Helm values agree with its blueprint; a backend that runs elsewhere has none."""
    values = evidence.first.answers.get("helm_values")
    if not isinstance(values, dict):
        yield _SETTLED_ELSEWHERE
        return
    located = evidence.subject.blueprint
    if located is None:
        return
    found = located.blueprint
    placement = placement_of(found, live=False)
    is_saas = placement is Placement.SANDBOXED and not found.requires
    if is_saas and values:
        listed = ", ".join(sorted(values))
        reason = f"get_helm_values() returned {listed}; its blueprint says that it runs elsewhere"
        yield Fault(reason=reason, hint="Return {} for a backend with nothing to deploy.")
    try:
        backend = Backend(
            name=found.name,
            kind=evidence.subject.kind,
            plugin=evidence.subject.entry.name,
            who=evidence.subject.entry.who,
            placement=placement,
            blueprint=found,
            helm_values=values,
        )
        helm_changes(backend)
    except InputError as error:
        reason = f"get_helm_values() and its blueprint ({located.source}) disagree: {error.reason}"
        yield Fault(reason=reason, hint=error.hint)


def namespace(evidence: Evidence) -> Iterator[Finding]:
    """Its strategy is one of the ADR's, and gives a namespace that backends take."""
    strategy = evidence.first.answers.get("namespace_strategy")
    if "namespace_strategy" not in evidence.first.answers:
        yield _SETTLED_ELSEWHERE
        return
    if not isinstance(strategy, dict) or not strategy:
        hint = "Return {'strategy': 'environment_based', 'template': 'floe-{environment}'}."
        yield Fault(reason="get_namespace_strategy() returned no strategy", hint=hint)
        return
    if evidence.compiled is None:
        yield _SETTLED_ELSEWHERE
        return
    name = strategy.get("strategy")
    if name not in ADR_STRATEGIES:
        yield Advice(
            text=f"strategy '{name}' is not one of ADR-0035's: {', '.join(ADR_STRATEGIES)}"
        )
    if not _LEGAL_NAMESPACE.match(evidence.compiled.namespace):
        reason = f"its strategy gives the namespace '{evidence.compiled.namespace}'"
        yield Fault(reason=reason, hint="Use letters, digits and : ; = / _ - . @ + only.")


CHECKS: Mapping[str, Callable[[Evidence], Iterator[Finding]]] = {
    "metadata": metadata,
    "methods": methods,
    "shape": shape,
    "json": serialisable,
    "credentials": credentials,
    "no-network": no_network,
    "deterministic": deterministic,
    "blueprint": blueprint,
    "compiles": compiles,
    "collector": collector,
    "connection-errors": connection_errors,
    "unknown-config": unknown_config,
    "helm-values": helm_values,
    "namespace": namespace,
}
"""The name of each check, which does not change, and the check."""

ONLY_FOR: Mapping[str, Kind] = {"collector": Kind.TELEMETRY, "namespace": Kind.LINEAGE}
"""The checks that are for one kind of plugin only."""
