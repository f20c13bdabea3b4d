"""The process in which plugins' code runs: ``python -P -m floe_local.plan.plugins.child``.

Reads one JSON request on stdin, answers in JSON lines on what was its stdout. The plugins'
own stdout goes to stderr, so nothing that they print (C code and subprocesses too) meets
the protocol. `floe_local.plan.plugins.host` is the other end.

Request: ``{"task": "configs" | "validate" | "probe", "limit_s": s, "jobs": [{"kind",
"entry", "config", "defaults"}], "targets": [[host, port, host, port]]}``. Answers:
``{"step": [job, method]}`` before each call; ``{"answers": {…}}`` for each job of "configs",
``{"verdict": {…}}`` for each of "validate", ``{"seen": {…}}`` and ``{"attempted": {…}}`` for
each of "probe"; ``{"error": {"code", "reason", "hint"}}``; ``{"end": true}`` at the end.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
from contextlib import suppress
from typing import Any

from floe_local.errors import InputError
from floe_local.plan.plugins.calls import answers_of, check_answers
from floe_local.plan.plugins.errors import CallResult, cause, message_of, place
from floe_local.plan.plugins.loading import PluginEntry, floe_core_stand_in, load_plugin
from floe_local.plan.plugins.process import Reporter

LARGEST_ANSWER = 8 * 2**20
"""Bytes of JSON; no config of a backend comes near."""


def main() -> None:
    """Do the request's jobs in order; the first failed one of "configs" ends them."""
    request = json.load(sys.stdin)
    reporter = Reporter.on_stdout()
    faulthandler.dump_traceback_later(request["limit_s"], exit=True)
    with floe_core_stand_in():
        try:
            _do(request, reporter)
        except InputError as error:
            reporter.tell(error=error.as_dict())
    # A printed credential is looked for; a plugin may have put something else at sys.stdout.
    with suppress(AttributeError, OSError, ValueError):
        sys.stdout.flush()
    reporter.tell(end=True)
    os._exit(0)  # threads and exit handlers that a plugin left behind have no say


def _do(request: dict[str, Any], reporter: Reporter) -> None:
    for index, job in enumerate(request["jobs"]):
        entry = PluginEntry(*job["entry"])
        if request["task"] == "configs":
            _configs(index, job, entry, reporter)
        elif request["task"] == "probe":
            _probed(index, job, entry, reporter)
        else:
            reporter.tell(step=[index, "validate_connection"])
            reporter.tell(verdict=_verdict(job, entry, request["targets"]))


def _probed(index: int, job: dict[str, Any], entry: PluginEntry, reporter: Reporter) -> None:
    from floe_local.plan.plugins.probe import PluginProbe  # noqa: PLC0415 - for conformance checks only

    look = PluginProbe(job, entry, lambda method: reporter.tell(step=[index, method]))
    reporter.tell(seen=look.configs())
    reporter.tell(attempted=look.validation())


def _configs(index: int, job: dict[str, Any], entry: PluginEntry, reporter: Reporter) -> None:
    reporter.tell(step=[index, "import"])
    plugin, ignored_keys = load_plugin(entry, job["config"], job["defaults"])
    answers = answers_of(plugin, job["kind"], entry, lambda m: reporter.tell(step=[index, m]))
    check_answers(answers, job["kind"], entry)
    size = len(json.dumps(answers))
    if size > LARGEST_ANSWER:
        reason = f"{entry.who} returned {size / 2**20:.0f} MiB of config"
        raise InputError(
            "plugin-returned-too-much", reason, f"At most {LARGEST_ANSWER // 2**20} MiB are read."
        )
    reporter.tell(answers={**answers, "ignored_keys": ignored_keys})


def _verdict(job: dict[str, Any], entry: PluginEntry, targets: list[Any]) -> dict[str, str]:
    from floe_local.plan.plugins.dialing import Dialer  # noqa: PLC0415 - only validation needs sockets

    with Dialer({(h, p): (to_host, to_port) for h, p, to_host, to_port in targets}) as dialer:
        plugin = load_plugin(entry, job["config"], job["defaults"]).plugin
        with Judgement(entry) as verdict:
            verdict.take(plugin.validate_connection())
    if verdict.status == "failed" and "grpc" in sys.modules and not dialer.dialled:
        reason = "it dials over gRPC's own resolver, which cannot be led to the stack from the host"
        return {"status": "skipped", "reason": reason, "hint": ""}
    if verdict.status == "failed" and dialer.dialled:
        dialled = sorted({f"{host}:{port}" for host, port in dialer.dialled})
        verdict.hint = f"{verdict.hint} It dialled {', '.join(dialled)}.".strip()
    return {"status": verdict.status, "reason": verdict.reason, "hint": verdict.hint}


class Judgement(CallResult):
    """What a plugin's validate_connection() said, whether it returned or raised."""

    def __init__(self, entry: PluginEntry) -> None:
        self.entry = entry
        self.status = "failed"
        self.reason = ""
        self.hint = ""

    def take(self, answer: object) -> None:
        """Judge what was returned."""
        if answer is True:
            self.status = "ok"
        elif answer is False:
            self.reason = "validate_connection() returned False"
            self.hint = "The plugin does not say why; is its backend up, and its config right?"
        else:
            self.reason = (
                f"validate_connection() returned {type(answer).__name__}, neither True nor False"
            )

    def take_error(self, error: BaseException) -> None:
        """Judge what was raised."""
        names = {cls.__name__ for cls in type(error).__mro__}
        if "CredentialError" in names:  # floe_core's too, so by name
            self.reason = message_of(error)
            self.hint = "Set the credential that the plugin names, or correct it."
        elif isinstance(error, ConnectionError):
            self.reason = message_of(error)
        else:
            where = place(error, self.entry.package)
            self.reason = f"validate_connection() {cause(error)}{where}"


if __name__ == "__main__":
    main()
