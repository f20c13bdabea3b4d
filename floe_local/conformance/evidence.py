"""Gathers what is to be known of a plugin: it runs in child processes, never in this one.

First twice, side by side, with different hash seeds and without any credential; then once
more, with a made-up value in every credential variable that it refers to or was seen to
read. Nothing that it dials answers.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from floe_local.conformance.report import Fault
from floe_local.errors import InputError
from floe_local.plan.artifacts import Compiled
from floe_local.plan.blueprint.model import LocatedBlueprint
from floe_local.plan.env_refs import references
from floe_local.plan.plugins.calls import identity_of
from floe_local.plan.plugins.host import clean_environment, failure, request
from floe_local.plan.plugins.loading import PluginEntry
from floe_local.plan.plugins.output import BackendRef, PluginOutput
from floe_local.plan.plugins.process import run_children
from floe_local.plan.secrets.mask import names_a_credential
from floe_local.plan.values import Frozen, Kind
from floe_local.run.collector_check import CollectorVerdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from floe_local.plan.plugins.process import ChildOutput

MARKER_BYTES = 16
"""As 32 hexadecimal digits, which some backends demand of their keys."""


class Subject(Frozen):
    """A plugin to be tested, with the config that a manifest gives it; its blueprint's lies under.

    `environment` is set for the plugin, over this process's variables.
    """

    entry: PluginEntry
    kind: Kind
    config: dict[str, Any] = {}
    environment: dict[str, str] = {}
    blueprint: LocatedBlueprint | None = None
    blueprint_fault: Fault | None = None


class Attempt(Frozen):
    """What validate_connection() did where nothing answers; `fault` as of `Seen`."""

    returned: str = ""
    raised: tuple[str, ...] = ()
    message: str = ""
    read: tuple[str, ...] = ()
    dialled: tuple[str, ...] = ()
    fault: Fault | None = None


class Seen(Frozen):
    """What one child saw of the plugin (`floe_local.plan.plugins.probe`).

    `attempt` is what validate_connection() did there. `fault` is why the child saw nothing:
    the plugin hung, or ended the process. `printed` is what the plugin wrote to stdout and
    stderr.
    """

    metadata: dict[str, str] = {}
    answers: dict[str, Any] = {}
    unfit: dict[str, str] = {}
    errors: tuple[dict[str, str], ...] = ()
    takes_unknown: bool | None = None
    read: tuple[str, ...] = ()
    dialled: tuple[str, ...] = ()
    printed: str = ""
    attempt: Attempt | None = None
    fault: Fault | None = None

    @property
    def loaded(self) -> bool:
        """Whether there is a plugin to be judged."""
        return bool(self.metadata)


class Evidence(Frozen):
    """All that the checks judge.

    `first` and `second` saw the plugin without credentials, `marked` with the made-up values
    of `markers` in their variables, where it has any. `compiled` is what floe-local makes of
    the plugin's answers for a stack, or `compile_fault` why it does not; `live` the same for
    ``--live``, where the backend is sandboxed.
    """

    subject: Subject
    first: Seen
    second: Seen
    marked: Seen | None = None
    markers: dict[str, str] = {}
    compiled: Compiled | None = None
    live: Compiled | None = None
    compile_fault: Fault | None = None
    collector: CollectorVerdict | None = None

    @property
    def output(self) -> PluginOutput:
        """The plugin's answers, as the compiler takes them."""
        return output_of(self.subject, self.first)


def gather(subject: Subject, limit_s: float) -> Evidence:
    """Run the plugin; what the compiler and the Collector make of it is not yet there.

    Args:
        subject: which.
        limit_s: seconds that each child process has.
    """
    asks = [_ask(subject, {"PYTHONHASHSEED": seed}) for seed in ("0", "1")]
    first, second = (_seen(talk, subject, limit_s) for talk in run_children(asks, limit_s))
    markers = {name: secrets.token_hex(MARKER_BYTES) for name in credential_names(first)}
    evidence = Evidence(subject=subject, first=first, second=second, markers=markers)
    if not markers or not first.loaded:
        return evidence
    (talk,) = run_children([_ask(subject, {"PYTHONHASHSEED": "0", **markers})], limit_s)
    return evidence.model_copy(update={"marked": _seen(talk, subject, limit_s)})


def credential_names(seen: Seen) -> tuple[str, ...]:
    """The variables that may hold credentials: all referred to, and those read by such names."""
    read = {*seen.read, *(seen.attempt.read if seen.attempt else ())}
    read = {name for name in read if names_a_credential(name)}
    return tuple(sorted({*references(list(seen.answers.values())), *read}))


def output_of(subject: Subject, seen: Seen) -> PluginOutput:
    """What a plugin returned, as the compiler takes it."""
    metadata = seen.metadata
    return PluginOutput(
        kind=subject.kind,
        **identity_of(subject.entry),
        plugin_version=metadata.get("version", ""),
        floe_api_version=metadata.get("floe_api_version", ""),
        **seen.answers,
    )


def _ask(subject: Subject, variables: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    kept = {
        name: value
        for name, value in clean_environment(proxies=False).items()
        if not names_a_credential(name)  # nobody's real credentials are for tests
    }
    environment = {**kept, **subject.environment, **variables}
    return request("probe", [_ref(subject)], [subject.entry]), environment


def _ref(subject: Subject) -> BackendRef:
    located = subject.blueprint
    return BackendRef(
        kind=subject.kind,
        name=subject.entry.name,
        config=subject.config,
        defaults=located.blueprint.config if located else {},
    )


def _seen(talk: ChildOutput, subject: Subject, limit_s: float) -> Seen:
    for seen in talk.said("seen"):
        attempt = _attempt(talk, subject, limit_s) if seen["metadata"] else None
        return Seen(**seen, printed=talk.stderr, attempt=attempt)
    return Seen(fault=_fault(talk, subject, limit_s), printed=talk.stderr)


def _attempt(talk: ChildOutput, subject: Subject, limit_s: float) -> Attempt:
    for said in talk.said("attempted"):
        return Attempt(**said)
    return Attempt(fault=_fault(talk, subject, limit_s))


def _fault(talk: ChildOutput, subject: Subject, limit_s: float) -> Fault:
    method = talk.step[1]
    error = failure(talk, _ref(subject), subject.entry, method, limit_s)
    hint = error.hint
    if method == "validate_connection" and talk.timed_out:
        hint = "Give every connection a timeout of a few seconds."
    return fault_of(InputError(error.code, error.reason, hint))


def fault_of(error: InputError) -> Fault:
    """An error as a fault."""
    return Fault(reason=error.reason, hint=error.hint)
