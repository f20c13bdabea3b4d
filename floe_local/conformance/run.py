"""All conformance checks of a plugin: evidence gathered, then judged."""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING

from floe_local.conformance.checks import run_checks
from floe_local.conformance.evidence import fault_of, gather
from floe_local.conformance.report import PluginReport
from floe_local.errors import FloeError, InputError
from floe_local.plan.blueprint.lookup import find_blueprints
from floe_local.plan.blueprint.model import COLLECTOR
from floe_local.plan.blueprint.placement import resolve_placement
from floe_local.plan.compiler.compile import compile_outputs
from floe_local.plan.env_refs import missing
from floe_local.plan.manifest.model import Manifest
from floe_local.plan.plugins.calls import CALLS
from floe_local.plan.values import Egress, Placement
from floe_local.run.collector_check import CollectorVerdict, start_config, validate_config

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from floe_local.conformance.evidence import Evidence, Subject
    from floe_local.plan.artifacts import Compiled
    from floe_local.plan.blueprint.model import LocatedBlueprint

LIMIT_S = 10.0
"""Seconds for each of the plugin's child processes: for all its methods together."""
_ADDRESS = re.compile(r"URL|ENDPOINT|URI", re.IGNORECASE)
_A_URL = "https://backend.example.com"
_A_KEY = "0" * 32
_A_NAME = "a-name"


def conformance(
    subject: Subject, *, limit_s: float = LIMIT_S, collector: bool = True
) -> PluginReport:
    """Check one plugin. It runs in child processes only.

    Args:
        subject: which.
        limit_s: seconds that each child has.
        collector: whether the real Collector may be asked, where one is at hand.
    """
    start = time.monotonic()
    evidence = with_compiled(gather(subject, limit_s))
    if collector:
        evidence = with_collector_verdict(evidence)
    entry = subject.entry
    return PluginReport(
        kind=subject.kind,
        name=entry.name,
        distribution=entry.distribution,
        version=entry.version,
        target=entry.target,
        seconds=round(time.monotonic() - start, 3),
        checks=run_checks(evidence),
    )


def with_compiled(evidence: Evidence) -> Evidence:
    """The evidence with what the compiler makes of the plugin's answers, where it has all."""
    needed = CALLS[str(evidence.subject.kind), False]
    if not set(needed) <= set(evidence.first.answers):
        return evidence
    named = missing(evidence.output.namespace_strategy, os.environ)
    environ = {**dict.fromkeys(named, _A_NAME), **os.environ}
    found = _blueprints(evidence)
    run = resolve_placement(found, live=False)
    egress = Egress.STACK if evidence.subject.blueprint else Egress.ANYWHERE
    ways = {"compiled": (run, egress)}
    if any(one.placement is Placement.SANDBOXED for one in run.values()):
        ways["live"] = (resolve_placement(found, live=True), Egress.ANYWHERE)
    results = {}
    try:
        for field, (blueprints, allowed) in ways.items():
            results[field] = compile_outputs(
                Manifest(), [evidence.output], blueprints, environ, egress=allowed
            )
    except InputError as error:
        return evidence.model_copy(update={"compile_fault": fault_of(error)})
    return evidence.model_copy(update=results)


def _blueprints(evidence: Evidence) -> dict[str, LocatedBlueprint]:
    """The blueprints that a stack with this plugin alone has."""
    located, name = evidence.subject.blueprint, evidence.subject.entry.name
    if located is None:
        return find_blueprints([COLLECTOR])
    found = find_blueprints([COLLECTOR, name, *located.blueprint.requires])
    return {**found, name: located}


def with_collector_verdict(evidence: Evidence) -> Evidence:
    """The evidence with what the real Collector says of the compiled configs.

    It is started on the one that `up` would run, and asked whether it takes that of ``--live``.
    """
    verdict = None
    if evidence.compiled and evidence.compiled.otlp_collector_config:
        verdict = _judged(evidence.compiled, start_config)
    if verdict is not None and verdict.status == "valid" and evidence.live:
        of_live = _judged(evidence.live, validate_config)
        if of_live.status == "refused":
            verdict = of_live.model_copy(update={"reason": f"with --live: {of_live.reason}"})
    return evidence.model_copy(update={"collector": verdict})


def _judged(compiled: Compiled, judge: Callable[..., CollectorVerdict]) -> CollectorVerdict:
    config = compiled.otlp_collector_config or {}
    try:
        return judge(config, stand_ins(compiled.secrets), find_blueprints([COLLECTOR])[COLLECTOR])
    except FloeError as error:
        return CollectorVerdict(status="skipped", reason=error.reason)


def stand_ins(names: tuple[str, ...]) -> Mapping[str, str]:
    """Values for variables that a config refers to, good enough for a dry run."""
    values = {name: _A_URL if _ADDRESS.search(name) else _A_KEY for name in names}
    needed = {"AWS_ACCESS_KEY_ID": _A_KEY, "AWS_SECRET_ACCESS_KEY": _A_KEY}
    return {**needed, **values}
