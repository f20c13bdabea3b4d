"""The stack behind the tap: where connections lead, what backends hold, what the Collector says."""

from __future__ import annotations

import socket
from contextlib import suppress
from datetime import UTC, datetime
from threading import Event, Lock, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import yaml

from floe_local.errors import MachineError
from floe_local.observe.counted import CollectorCounts, pipelines_in
from floe_local.observe.received import ReadBack
from floe_local.observe.rules.backend import backend_rules
from floe_local.observe.rules.model import Occurrence, RuleFinding, Severity
from floe_local.observe.rules.profiles import BACKEND
from floe_local.observe.session.lineage import mapping
from floe_local.observe.session.model import ObservedSession, joined
from floe_local.observe.tap.forward import Forwarder, client_of, parts_of, routes_of
from floe_local.observe.tap.servers import take_event
from floe_local.observe.tap.splice import HTTP2
from floe_local.observe.verdict import counted
from floe_local.operations.request import manifest_of
from floe_local.operations.smoke_test import export_errors_since, find_targets
from floe_local.operations.stacks import find_planned
from floe_local.plan.env_refs import resolve
from floe_local.plan.secrets.mask import hide
from floe_local.plan.stack.addresses import pipeline_variables, resolve_variables
from floe_local.prove.read.http import Http
from floe_local.prove.targets import secrets_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from floe_local.observe.rules.model import SoundnessRule
    from floe_local.observe.tap.servers import Answer, PostedRequest
    from floe_local.observe.tap.tap import Tap
    from floe_local.observe.verdict import Stored
    from floe_local.operations.stacks import Where
    from floe_local.plan.manifest.model import CheckSettings
    from floe_local.plan.stack.model import StackPlan

_DIAL_S = 5.0
_FORWARD_S = 5.0
_ROUND_S = 0.3
_THREADS = 4
_FLOOD = 256 * 1024
"""Bytes in a round; while more come, they pass, and are decoded once it is quieter: decoding
beside them would take half of their rate."""


class StackBehind:
    """A stack that is up, as the tap needs it.

    Raises:
        InputError: the manifest is wrong, or a variable is not set.
        MachineError: the stack was never brought up from here (``stack-unknown``).
    """

    def __init__(self, where: Where, environ: Mapping[str, str]) -> None:
        self._where = where
        self._began = datetime.now(UTC)
        self.plan, _ = find_planned(where)
        self.targets = find_targets(where)
        self._routes = pipelines_in(_collector_config(self.plan))
        self._known = {**environ, **self.plan.client_environment}
        self._secrets = secrets_of(self.targets, self._known)
        transports = [
            (backend.name, resolve(one, self._known, f"the transport of {backend.name}"))
            for backend in self.targets.backends
            if backend.transport is not None
            for one in parts_of(backend.transport)
        ]
        routes = routes_of(transports, client_of)
        self._forwarder = (
            Forwarder(routes, lambda text: hide(text, self._secrets)) if routes else None
        )
        self.lineage: Callable[[PostedRequest], Answer] = self._forwarder or take_event

    @property
    def namespace(self) -> str:
        """The OpenLineage namespace that the manifest's strategy gives."""
        return self.plan.namespace

    @property
    def rules(self) -> dict[str, tuple[SoundnessRule, ...]]:
        """The profile of each backend that has rules."""
        return {
            f"{BACKEND}{target.name}": backend_rules(target.backend.blueprint.checks)
            for target in self.targets.backends
            if target.backend.blueprint.checks
        }

    def variables(self, environ: Mapping[str, str]) -> dict[str, str]:
        """What `env` prints, resolved; the tap's own go over it."""
        found = pipeline_variables(self.plan, "host", environ=environ).variables
        return resolve_variables(found, environ)

    def dial(self, first: bytes) -> socket.socket:
        """Connect with the Collector's port for the protocol of a connection's first bytes.

        Raises:
            OSError: nothing listens there, or the stack has no Collector.
        """
        targets = self.targets
        url = targets.otlp_grpc if first.startswith(HTTP2) else targets.otlp_http
        if url is None:
            reason = "the stack has no Collector that takes this protocol"
            raise ConnectionRefusedError(reason)
        parts = urlsplit(url)
        address = (parts.hostname or "", parts.port or 80)
        end = socket.create_connection(address, timeout=_DIAL_S)
        end.settimeout(None)
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return end

    def not_forwarded(self, deadline_s: float = _FORWARD_S) -> list[RuleFinding]:
        """What backends besides the first did not take; those that are late have so long."""
        failures = self._forwarder.failures(deadline_s) if self._forwarder else {}
        if not failures:
            return []
        places = tuple(
            Occurrence("", f"{backend}: {said[-1]} ({counted(len(said), 'time')})")
            for backend, said in failures.items()
        )
        title = "each lineage backend takes what the first one takes"
        why = "The client has the first backend's answer, and sends nothing again."
        return [RuleFinding("taking", "not-forwarded", Severity.ERROR, title, why, places)]

    def close(self) -> None:
        """Hand nothing more on."""
        if self._forwarder:
            self._forwarder.close()

    def reader(self, http: Http) -> ReadBack:
        """What asks for what is acknowledged from now on."""
        targets = self.targets
        counts = CollectorCounts(http, targets.collector_metrics, self._routes, targets.backends)
        return ReadBack(targets, http, self._began, counts)

    def read_back(
        self, session: ObservedSession, deadline_s: float
    ) -> tuple[tuple[Stored, ...], list[RuleFinding]]:
        """Wait until backends hold what was acknowledged, at most so long."""
        with Http(_THREADS) as http:
            back = ReadBack(self.targets, http, self._began)
            back.take(session)
            back.look(monotonic() + deadline_s)
            return back.stored, back.findings({} if back.complete else self.reasons())

    def reasons(self) -> dict[str, str]:
        """Backend → why the Collector could not export to it, as its log says."""
        errors = export_errors_since(self._where, self._began)
        return {
            backend.name: f"the Collector's {exporter}: {errors[exporter, str(signal)]}"
            for backend in self.targets.backends
            for signal, exporters in backend.exporters.items()
            for exporter in exporters
            if (exporter, str(signal)) in errors
        }


def _collector_config(plan: StackPlan) -> dict[str, Any]:
    """The compiled config that a stack's Collector runs; empty: it has none."""
    own = (text for path, text in plan.files.items() if f"/{plan.collector}/" in path)
    configs = (mapping(yaml.safe_load(text)) for text in own)
    return next((config for config in configs if "service" in config), {})


def checks_of(where: Where) -> tuple[CheckSettings, Path]:
    """A manifest's `local.checks`, and the folder that its paths are relative to.

    Raises:
        InputError: the manifest is wrong, or is not there.
    """
    manifest = manifest_of(where)
    return manifest.local.checks, manifest.folder


class Follower:
    """Reads back what a tap takes while the command still runs."""

    def __init__(self, tap: Tap, behind: StackBehind) -> None:
        self._tap, self._behind = tap, behind
        self._http = Http(_THREADS)
        self._back = behind.reader(self._http)
        self._parts: list[ObservedSession] = []
        self._over = Event()
        self._round = Lock()
        self._thread = Thread(target=self._follow, name="read-back", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        """Stop."""
        self._over.set()
        self._thread.join()
        self._http.__exit__(*raised)

    def _follow(self) -> None:
        # Loaded while the command itself is: later it would be in the way of what passes.
        from floe_local.observe.session import otlp  # noqa: F401, PLC0415
        from floe_local.observe.tap import exchanges  # noqa: F401, PLC0415

        before = 0
        while not self._over.wait(_ROUND_S):
            size = self._tap.size
            flood, before = size - before > _FLOOD, size
            if not flood:
                with self._round:
                    self._take(self._tap.take(_FLOOD))
                    self._back.look()

    def take(self) -> ObservedSession:
        """Take what came, once no round is under way; return all that came so far."""
        with self._round:
            self._take(self._tap.take())
            return joined(self._parts)

    def _take(self, part: ObservedSession) -> None:
        self._parts.append(part)
        self._back.take(part)

    def finish(
        self, deadline_s: float
    ) -> tuple[ObservedSession, tuple[Stored, ...], list[RuleFinding]]:
        """Take the rest, and wait until all is stored, at most so long."""
        self._over.set()
        self._thread.join()
        self._take(self._tap.finish())
        reasons: dict[str, str] = {}
        self._back.look(monotonic() + deadline_s)
        if not self._back.complete:
            with suppress(MachineError):
                reasons = self._behind.reasons()
        return joined(self._parts), self._back.stored, self._back.findings(reasons)
