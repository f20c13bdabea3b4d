"""Runs plugins' code in a child process: a time limit, a clean environment, clear errors.

What a plugin does there (hang, crash, print, exit, leave processes behind) hurts nobody.
`floe_local.plan.plugins.child` is the other end.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from typing import TYPE_CHECKING, Any, Literal

from floe_local.errors import InputError
from floe_local.plan.caller import for_plugins
from floe_local.plan.nested import json_fault
from floe_local.plan.plugins.calls import identity_of
from floe_local.plan.plugins.errors import MEND_THE_PLUGIN
from floe_local.plan.plugins.output import BackendRef, PluginOutput
from floe_local.plan.plugins.process import ChildOutput, run_children
from floe_local.plan.plugins.registry import PluginRegistry
from floe_local.plan.secrets.mask import mask
from floe_local.plan.secrets.recognise import refuse_secrets
from floe_local.plan.values import Frozen, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from floe_local.plan.plugins.dialing import SocketAddress
    from floe_local.plan.plugins.loading import PluginEntry

TIME_LIMIT_S = 30.0
LAST_WORDS = 300
_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')


class ConnectionVerdict(Frozen):
    """What a plugin's validate_connection() came to."""

    kind: Kind
    name: str
    status: Literal["ok", "failed", "skipped"]
    reason: str = ""
    hint: str = ""


def call_plugins(
    refs: Sequence[BackendRef],
    *,
    registry: PluginRegistry | None = None,
    limit_s: float = TIME_LIMIT_S,
) -> tuple[PluginOutput, ...]:
    """Ask the named plugins for their configs, all in one child process.

    Args:
        refs: which plugins, with their config; in the order of the result.
        registry: where they are looked up; None: what is installed.
        limit_s: seconds that they have together.

    Raises:
        InputError: one is unknown, broken, refuses its config, lacks a method, raises,
            returns no dict, a secret or what JSON cannot hold, exits, crashes, or takes too long.
    """
    if not refs:
        return ()
    found = registry or PluginRegistry()
    entries = [found.find(r.kind, r.name, where=r.where, unified=r.unified) for r in refs]
    environment = clean_environment()
    (talk,) = run_children([(request("configs", refs, entries), environment)], limit_s)
    answers = talk.said("answers")
    if len(answers) < len(refs):
        job, method = talk.step
        raise failure(talk, refs[job], entries[job], method, limit_s)
    outputs = tuple(
        PluginOutput(kind=ref.kind, **identity_of(entry), **answer)
        for ref, entry, answer in zip(refs, entries, answers, strict=True)
    )
    for output in outputs:
        refuse_secrets(output.who, output.returned, environment)
    return outputs


def validate_connections(
    refs: Sequence[BackendRef],
    *,
    addresses: Mapping[SocketAddress, SocketAddress],
    registry: PluginRegistry | None = None,
    limit_s: float = TIME_LIMIT_S,
) -> tuple[ConnectionVerdict, ...]:
    """Run each plugin's validate_connection(), side by side, each in a child of its own.

    Args:
        refs: which plugins, with their config; in the order of the result.
        addresses: (host name or IP that the plugin dials, container port) → (host,
            published port), for everything that the stack publishes.
        registry: where they are looked up; None: what is installed.
        limit_s: seconds that each has.

    Returns:
        A verdict for each. A broken plugin is a failed verdict, not an exception.
    """
    found = registry or PluginRegistry()
    targets = [[host, port, *target] for (host, port), target in addresses.items()]
    asked = [_entry_or_error(ref, found) for ref in refs]
    environment = clean_environment(proxies=False)
    asks = [
        ({**request("validate", [ref], [entry]), "targets": targets}, environment)
        for ref, entry in zip(refs, asked, strict=True)
        if not isinstance(entry, InputError)
    ]
    talks = iter(run_children(asks, limit_s))
    return tuple(
        _failed(ref, entry)
        if isinstance(entry, InputError)
        else _judged(ref, entry, next(talks), limit_s)
        for ref, entry in zip(refs, asked, strict=True)
    )


def _entry_or_error(ref: BackendRef, registry: PluginRegistry) -> PluginEntry | InputError:
    """Find the plugin to ask, or why it cannot be asked."""
    try:
        entry = registry.find(ref.kind, ref.name, where=ref.where, unified=ref.unified)
        _require_plain(ref, entry)
    except InputError as error:
        return error
    return entry


def _judged(
    ref: BackendRef, entry: PluginEntry, talk: ChildOutput, limit_s: float
) -> ConnectionVerdict:
    verdicts = talk.said("verdict")
    if not verdicts:
        return _failed(ref, failure(talk, ref, entry, talk.step[1], limit_s))
    return ConnectionVerdict(kind=ref.kind, name=ref.name, **verdicts[0])


def _failed(ref: BackendRef, error: InputError) -> ConnectionVerdict:
    return ConnectionVerdict(
        kind=ref.kind, name=ref.name, status="failed", reason=error.reason, hint=error.hint
    )


def request(
    task: str, refs: Sequence[BackendRef], entries: Sequence[PluginEntry]
) -> dict[str, Any]:
    """Give what a child is asked to do with the plugins.

    Raises:
        InputError: a config cannot be handed over.
    """
    jobs = []
    for ref, entry in zip(refs, entries, strict=True):
        _require_plain(ref, entry)
        job = {"kind": str(ref.kind), "entry": list(entry)}
        jobs.append({**job, "config": ref.config, "defaults": ref.defaults})
    return {"task": task, "jobs": jobs}


def _require_plain(ref: BackendRef, entry: PluginEntry) -> None:
    """Refuse config that cannot be handed to the child: YAML has dates and sets, too."""
    for what, given in (("config", ref.config), ("blueprint's config", ref.defaults)):
        fault = json_fault(given)
        if not fault:
            continue
        at = f"{ref.where}: " if ref.where else ""
        reason = f"{at}the {what} for {entry.who} cannot be passed on: {fault}"
        raise InputError("plugin-config", reason, "Put quotes around the value.")


def clean_environment(*, proxies: bool = True) -> dict[str, str]:
    """Give this process's environment without what is not meant for plugins; with its path."""
    return for_plugins(os.environ, sys.path, proxies=proxies)


def failure(
    talk: ChildOutput, ref: BackendRef, entry: PluginEntry, method: str, limit_s: float
) -> InputError:
    """Give the error for a child that did not come to the end of its job, at `method`."""
    at = f"{ref.where}: " if ref.where else ""
    for error in talk.said("error"):
        return InputError(error["code"], f"{at}{error['reason']}", error["hint"])
    doing = "its import" if method == "import" else f"{method}()"
    if talk.timed_out:
        where = _hung_at(talk.stderr, entry.package)
        reason = f"{at}{entry.who}: {doing} did not end within {limit_s:g} s{where}"
        return InputError(
            "plugin-timeout",
            reason,
            "A plugin must not wait for anything while it makes its config.",
        )
    return InputError(
        "plugin-crashed",
        f"{at}{entry.who}: {doing} {_ending(talk.exit_code)}{_last_words(talk.stderr)}",
        MEND_THE_PLUGIN,
    )


def _hung_at(stderr: str, package: str) -> str:
    """Find the plugin's own innermost line in what faulthandler wrote (innermost first)."""
    for frame in _FRAME.finditer(stderr.rpartition("Timeout (")[2]):
        parts = re.split(r"[/\\]", frame["file"].removesuffix(".py"))
        if package in parts:
            return f" (hung at {frame['file']}:{frame['line']})"
    return ""


def _ending(exit_code: int) -> str:
    if exit_code < 0:
        names = {s.value: s.name for s in signal.Signals}
        return f"was ended by {names.get(-exit_code, f'signal {-exit_code}')}"
    return f"ended the process with exit code {exit_code}"


def _last_words(stderr: str) -> str:
    lines = [line.strip() for line in mask(stderr, os.environ).splitlines() if line.strip()]
    return f"; its last words: {lines[-1][:LAST_WORDS]}" if lines else ""
