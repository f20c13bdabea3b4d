"""What floe-local and the Collector make of a plugin's answers, added to the evidence."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from floe_local.conformance.evidence import fault_of
from floe_local.errors import FloeError, InputError
from floe_local.plan.blueprint.lookup import find_blueprint, find_blueprints
from floe_local.plan.blueprint.sandboxed import SANDBOX, as_run, for_real
from floe_local.plan.blueprint.shipped import COLLECTOR
from floe_local.plan.compiler import compile_outputs
from floe_local.plan.env_refs import missing
from floe_local.plan.manifest.model import Manifest
from floe_local.plan.plugins.calls import CALLS
from floe_local.run.collector_check import CollectorVerdict, validate_config

if TYPE_CHECKING:
    from collections.abc import Mapping

    from floe_local.conformance.evidence import Evidence
    from floe_local.plan.blueprint.model import Blueprint, LocatedBlueprint

_ADDRESS = re.compile(r"URL|ENDPOINT|URI", re.IGNORECASE)
_A_URL = "https://backend.example.com"
_A_KEY = "0" * 32
_A_NAME = "a-name"


def compiled(evidence: Evidence) -> Evidence:
    """The evidence with what the compiler makes of the plugin's answers, where it has all."""
    needed = CALLS[str(evidence.subject.kind), False]
    if not set(needed) <= set(evidence.first.answers):
        return evidence
    blueprints = {COLLECTOR: collector_blueprint().blueprint}
    located = evidence.subject.blueprint
    if located is not None:
        blueprints[evidence.subject.entry.name] = for_real(located).blueprint
    named = missing(evidence.output.namespace_strategy, os.environ)
    environ = {**dict.fromkeys(named, _A_NAME), **os.environ}
    try:
        if located is not None:  # a leak, or a sandbox that nothing reaches, is found here
            played = as_up_runs(evidence.subject.entry.name)
            compile_outputs(Manifest(), [evidence.output], played, environ, live=False)
        result = compile_outputs(Manifest(), [evidence.output], blueprints, environ, live=True)
    except InputError as error:
        return evidence.model_copy(update={"compile_fault": fault_of(error)})
    return evidence.model_copy(update={"compiled": result})


def as_up_runs(name: str) -> dict[str, Blueprint]:
    """The blueprints of a backend as `up` uses them: the sandbox plays what runs elsewhere."""
    found = find_blueprints([COLLECTOR, name])
    played = any(located.blueprint.sandbox for located in found.values())
    run = as_run(found, find_blueprint(SANDBOX) if played else None)
    return {one: located.blueprint for one, located in run.items()}


def asked_of_collector(evidence: Evidence) -> Evidence:
    """The evidence with what the real Collector says of the compiled config."""
    config = evidence.compiled and evidence.compiled.otlp_collector_config
    if not evidence.compiled or not config:
        return evidence
    variables = stand_ins(evidence.compiled.secrets)
    try:
        verdict = validate_config(config, variables, collector_blueprint())
    except FloeError as error:
        verdict = CollectorVerdict(status="skipped", reason=error.reason)
    return evidence.model_copy(update={"collector": verdict})


def collector_blueprint() -> LocatedBlueprint:
    """The shipped Collector's, without a folder for queues, which only a stack has."""
    located = find_blueprint(COLLECTOR)
    assert located is not None  # noqa: S101 - it is shipped
    plain = located.blueprint.model_copy(update={"config": {}})
    return located.model_copy(update={"blueprint": plain})


def stand_ins(names: tuple[str, ...]) -> Mapping[str, str]:
    """Values for variables that a config refers to, good enough for a dry run."""
    values = {name: _A_URL if _ADDRESS.search(name) else _A_KEY for name in names}
    needed = {"AWS_ACCESS_KEY_ID": _A_KEY, "AWS_SECRET_ACCESS_KEY": _A_KEY}
    return {**needed, **values}
