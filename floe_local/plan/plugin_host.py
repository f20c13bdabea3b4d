"""Runs plugins' code in a child process: a time limit, a clean environment, clear errors.

What a plugin does there (hang, crash, print, exit, leave processes behind) hurts nobody.
`floe_local.plan.plugin_child` is the other end.
"""

from __future__ import annotations

import json
import os
import re
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, Literal, NamedTuple, cast

from floe_local.errors import InputError
from floe_local.plan.foreign_code import MEND_THE_PLUGIN, mask
from floe_local.plan.plugin_calls import identity_of, json_fault
from floe_local.plan.plugin_output import BackendRef, PluginOutput
from floe_local.plan.registry import PluginRegistry
from floe_local.plan.values import Frozen, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from floe_local.plan.plugin_loading import PluginEntry

Address = tuple[str, int]

TIME_LIMIT_S = 30.0
GRACE_S = 2.0
"""The child ends itself at the limit, saying where it hung; this much later it is killed."""

STDERR_TAIL = 65536
LOOK_UP_S = 0.2
CHUNK = 65536
LAST_WORDS = 300
NOT_FOR_PLUGINS = ("OTEL_", "OPENLINEAGE_")
"""Meant for the caller's own SDKs; a plugin that reads them would send the Collector to itself."""

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "ftp_proxy", "no_proxy")
_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')


class ConnectionVerdict(Frozen):
    """What a plugin's validate_connection() came to."""

    kind: Kind
    name: str
    status: Literal["ok", "failed", "skipped"]
    reason: str = ""
    hint: str = ""


class Conversation(NamedTuple):
    """What the child said until it ended; `exit_code` is None when it had to be ended."""

    messages: list[dict[str, Any]]
    stderr: str
    exit_code: int | None

    @property
    def step(self) -> tuple[int, str]:
        """The job and the method that were under way last."""
        steps = [m["step"] for m in self.messages if "step" in m]
        return (steps[-1][0], steps[-1][1]) if steps else (0, "import")

    def said(self, key: str) -> list[Any]:
        """All messages of one sort."""
        return [m[key] for m in self.messages if key in m]


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
            returns no dict or what JSON cannot hold, exits, crashes, or takes too long.
    """
    if not refs:
        return ()
    found = registry or PluginRegistry()
    entries = [found.find(r.kind, r.name, where=r.where, unified=r.unified) for r in refs]
    talk = _run(_request("configs", refs, entries, limit_s), _clean_environment(), limit_s)
    answers = talk.said("answers")
    if len(answers) < len(refs):
        job, method = talk.step
        raise _failure(talk, refs[job], entries[job], method, limit_s)
    return tuple(
        PluginOutput(kind=ref.kind, **identity_of(entry), **answer)
        for ref, entry, answer in zip(refs, entries, answers, strict=True)
    )


def validate_connections(
    refs: Sequence[BackendRef],
    *,
    addresses: Mapping[Address, Address],
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

    def one(ref: BackendRef) -> ConnectionVerdict:
        return _validate(ref, found, targets, limit_s)

    with ThreadPoolExecutor(max_workers=max(1, len(refs))) as pool:
        return tuple(pool.map(one, refs))


def _validate(
    ref: BackendRef, registry: PluginRegistry, targets: list[list[Any]], limit_s: float
) -> ConnectionVerdict:
    try:
        entry = registry.find(ref.kind, ref.name, where=ref.where, unified=ref.unified)
        request = _request("validate", [ref], [entry], limit_s) | {"targets": targets}
        talk = _run(request, _clean_environment(proxies=False), limit_s)
        verdicts = talk.said("verdict")
        if not verdicts:
            raise _failure(talk, ref, entry, talk.step[1], limit_s)
        return ConnectionVerdict(kind=ref.kind, name=ref.name, **verdicts[0])
    except InputError as error:
        return ConnectionVerdict(
            kind=ref.kind, name=ref.name, status="failed", reason=error.reason, hint=error.hint
        )


def _request(
    task: str, refs: Sequence[BackendRef], entries: Sequence[PluginEntry], limit_s: float
) -> dict[str, Any]:
    jobs = [
        {"kind": str(ref.kind), "entry": list(entry), "config": _plain(ref, entry)}
        for ref, entry in zip(refs, entries, strict=True)
    ]
    return {"task": task, "limit_s": limit_s, "jobs": jobs}


def _plain(ref: BackendRef, entry: PluginEntry) -> dict[str, Any]:
    """Give a reference's config, once it is known to be JSON (YAML also has dates and sets)."""
    fault = json_fault(ref.config)
    if fault:
        at = f"{ref.where}: " if ref.where else ""
        reason = f"{at}the config for {entry.who} cannot be passed on: {fault}"
        raise InputError("plugin-config", reason, "Put quotes around the value.")
    return ref.config


def _clean_environment(*, proxies: bool = True) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(NOT_FOR_PLUGINS)}
    if not proxies:
        kept = {k: v for k, v in kept.items() if k.lower() not in PROXIES} | {"NO_PROXY": "*"}
    return kept | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def _run(request: dict[str, Any], environment: dict[str, str], limit_s: float) -> Conversation:
    """Start the child, listen until it ends or its time does, and leave nothing of it behind."""
    with tempfile.TemporaryFile() as asked:
        asked.write(json.dumps(request).encode())
        asked.seek(0)
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "floe_local.plan.plugin_child"],
            stdin=asked,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,  # so that its own children end with it, and ^C is ours
        )
    deadline = time.monotonic() + limit_s + GRACE_S
    with child:
        try:
            answers, stderr = _listen(child, deadline)
            late = time.monotonic() >= deadline and not _ended(answers)
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
    return Conversation(_parsed(answers), stderr, None if late else child.returncode)


def _ended(answers: bytes | bytearray) -> bool:
    return answers.endswith(b'{"end": true}\n')


def _parsed(answers: bytes) -> list[dict[str, Any]]:
    whole = answers[: answers.rfind(b"\n") + 1]
    return [json.loads(line) for line in whole.splitlines()]


def _listen(child: subprocess.Popen[bytes], deadline: float) -> tuple[bytes, str]:
    """Read both streams until the protocol's end, the streams' end, or the deadline."""
    answers, stderr = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        for stream, kept in ((child.stdout, answers), (child.stderr, stderr)):
            selector.register(cast("IO[bytes]", stream), selectors.EVENT_READ, kept)
        while selector.get_map() and not _ended(answers) and time.monotonic() < deadline:
            ready = selector.select(min(LOOK_UP_S, deadline - time.monotonic()))
            if not ready and child.poll() is not None:
                break  # what it started lives on, and holds its streams open
            for key, _ in ready:
                chunk = os.read(key.fd, CHUNK)
                key.data.extend(chunk)
                if not chunk:
                    selector.unregister(key.fileobj)
            del stderr[:-STDERR_TAIL]  # a plugin may print for ever
    return bytes(answers), stderr.decode("utf-8", "replace")


def _failure(
    talk: Conversation, ref: BackendRef, entry: PluginEntry, method: str, limit_s: float
) -> InputError:
    at = f"{ref.where}: " if ref.where else ""
    for error in talk.said("error"):
        return InputError(error["code"], f"{at}{error['reason']}", error["hint"])
    doing = "its import" if method == "import" else f"{method}()"
    if talk.exit_code is None or "Timeout (" in talk.stderr:
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
        return f"was ended by {signal.Signals(-exit_code).name}"
    return f"ended the process with exit code {exit_code}"


def _last_words(stderr: str) -> str:
    lines = [line.strip() for line in mask(stderr, os.environ).splitlines() if line.strip()]
    return f"; its last words: {lines[-1][:LAST_WORDS]}" if lines else ""
