"""The whole Collector config, from the plugins' drafts: no id means two things in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from floe_local.plan.compiler.draft import SECTIONS, renamed, type_of
from floe_local.plan.compiler.pipelines import (
    HEALTH_PORT,
    METRICS_PORT,
    OTLP_PORTS,
    RECEIVER,
    STORAGE,
)
from floe_local.plan.compiler.shapes import SIGNALS
from floe_local.plan.env_refs import escape_dollars
from floe_local.plan.nested import map_texts
from floe_local.plan.values import Signal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from floe_local.plan.compiler.draft import CollectorConfig, Draft
    from floe_local.plan.manifest.model import LocalSettings, Sampling

GUARD = "memory_limiter"
SAMPLER = "probabilistic_sampler"
TAIL_SAMPLER = "tail_sampling"
ENRICHMENT = "resource/floe"
SINK = "debug"
HEALTH = "health_check"
RESERVED = {
    "processors": frozenset({GUARD, SAMPLER, TAIL_SAMPLER, ENRICHMENT}),
    "exporters": frozenset({SINK}),
    "extensions": frozenset({HEALTH, STORAGE}),
    "receivers": frozenset({RECEIVER}),
}
"""The ids that are floe-local's own."""

_KEEP_CANARIES = {
    "name": "floe-canaries",
    "type": "numeric_attribute",
    "numeric_attribute": {"key": "sampling.priority", "min_value": 1, "max_value": 1},
}


def without_clashes(
    drafts: Iterable[Draft], reserved: Mapping[str, frozenset[str]]
) -> tuple[Draft, ...]:
    """Rule prefix: a component whose id is taken gets its backend's name into the id.

    Args:
        drafts: in the manifest's order; the first to use an id keeps it.
        reserved: floe-local's own ids, by section.
    """
    taken = {section: set(reserved.get(section, ())) for section in SECTIONS}
    result = []
    for draft in drafts:
        apart = draft
        for section in SECTIONS:
            apart = _prefixed(apart, section, taken[section])
            taken[section] |= set(apart.config[section])
        result.append(apart)
    return tuple(result)


def _prefixed(draft: Draft, section: str, taken: set[str]) -> Draft:
    backend = draft.output.name
    names = {i: prefixed_id(i, backend) for i in draft.config[section] if i in taken}
    if not names:
        return draft
    config = renamed(draft.config, section, names)
    if section == "extensions":
        config = _with_references(draft, config, names)
    why = "another component has that id"
    for before, after in names.items():
        draft = draft.record("prefix", f"{section}.{before}", before, after, why)
    return draft.with_sections(**config)


def prefixed_id(component: str, backend: str) -> str:
    """``otlp_grpc`` → ``otlp_grpc/<backend>``; ``otlp_grpc/x`` → ``otlp_grpc/<backend>_x``."""
    name = component.partition("/")[2]
    return f"{type_of(component)}/{backend}" + (f"_{name}" if name else "")


def _with_references(
    draft: Draft, config: CollectorConfig, names: Mapping[str, str]
) -> CollectorConfig:
    """Components refer to extensions by id (``auth.authenticator``, a queue's ``storage``)."""

    def renamed_id(text: str) -> str:
        return names.get(draft.seen(text), text)

    return {section: map_texts(components, renamed_id) for section, components in config.items()}


def assembled(
    drafts: Sequence[Draft],
    settings: LocalSettings,
    attributes: dict[str, Any],
    queue_directory: str | None,
) -> CollectorConfig:
    """A complete Collector config.

    Args:
        drafts: the plugins' parts, with no id in two of them.
        settings: sampling, and the memory limit.
        attributes: resource attributes that telemetry without them is given.
        queue_directory: where queues are kept in the container; None: in memory.
    """
    pipelines = _pipelines(drafts, settings.sampling)
    sinks = {
        f"{signal}/floe" if signal in pipelines else signal: _sink() for signal in unserved(drafts)
    }
    processors = _own_processors(settings, attributes) | _merged(drafts, "processors")
    used = {i for p in (*pipelines.values(), *sinks.values()) for i in p["processors"]}
    extensions = _own_extensions(queue_directory) | _merged(drafts, "extensions")
    exporters = _merged(drafts, "exporters")
    if sinks:
        exporters[SINK] = {"verbosity": "basic"}
    config = {
        "receivers": _receivers() | _merged(drafts, "receivers"),
        "processors": {key: value for key, value in processors.items() if key in used},
        "exporters": exporters,
        "connectors": _merged(drafts, "connectors"),
        "extensions": extensions,
        "service": {
            "extensions": list(extensions),
            "telemetry": _telemetry(),
            "pipelines": _in_order({**pipelines, **sinks}),
        },
    }
    return {key: value for key, value in config.items() if value}


def unserved(drafts: Sequence[Draft]) -> tuple[str, ...]:
    """The signals that an SDK sends and no OTLP pipeline of a plugin takes."""
    served = {
        _signal(key)
        for draft in drafts
        for key, pipeline in draft.config["pipelines"].items()
        if RECEIVER in pipeline["receivers"]
    }
    return tuple(signal for signal in SIGNALS if signal not in served)


def exporters_by_signal(draft: Draft) -> dict[Signal, tuple[str, ...]]:
    """The exporter ids that carry each signal to a backend."""
    found: dict[Signal, dict[str, None]] = {}
    for key, pipeline in draft.config["pipelines"].items():
        carrying = (i for i in pipeline["exporters"] if i in draft.config["exporters"])
        found.setdefault(Signal(_signal(key)), {}).update(dict.fromkeys(carrying))
    return {signal: tuple(ids) for signal, ids in found.items() if ids}


def _merged(drafts: Sequence[Draft], section: str) -> CollectorConfig:
    return {key: value for draft in drafts for key, value in draft.config[section].items()}


def _receivers() -> CollectorConfig:
    # In a container the default, localhost, would be deaf to everyone else.
    protocols = {name: {"endpoint": f"0.0.0.0:{port}"} for name, port in OTLP_PORTS.items()}
    return {RECEIVER: {"protocols": protocols}}


def _own_processors(settings: LocalSettings, attributes: dict[str, Any]) -> CollectorConfig:
    limit = settings.memory_limit_mib
    guard = {"check_interval": "1s", "limit_mib": limit, "spike_limit_mib": limit // 4}
    own: CollectorConfig = {GUARD: guard}
    if settings.sampling.ratio < 1:
        own[SAMPLER] = {"sampling_percentage": round(settings.sampling.ratio * 100, 6)}
    if settings.sampling.tail is not None:
        tail = settings.sampling.tail
        policies = map_texts(tail.policies, escape_dollars)
        own[TAIL_SAMPLER] = {
            "decision_wait": tail.decision_wait,
            "policies": [_KEEP_CANARIES, *policies],
        }
    # `insert`: what an application says of itself is not overwritten.
    inserts = [
        {"key": key, "value": map_texts(value, escape_dollars), "action": "insert"}
        for key, value in attributes.items()
    ]
    return own | ({ENRICHMENT: {"attributes": inserts}} if inserts else {})


def _own_extensions(queue_directory: str | None) -> CollectorConfig:
    own: CollectorConfig = {HEALTH: {"endpoint": f"0.0.0.0:{HEALTH_PORT}"}}
    if queue_directory is not None:
        own[STORAGE] = {"directory": queue_directory}
    return own


def _telemetry() -> CollectorConfig:
    exporter = {
        "host": "0.0.0.0",  # noqa: S104 - inside the container; published on loopback only
        "port": METRICS_PORT,
        "without_scope_info": True,
        "without_type_suffix": True,
        "without_units": True,
    }
    return {"metrics": {"readers": [{"pull": {"exporter": {"prometheus": exporter}}}]}}


def _sink() -> CollectorConfig:
    return {"receivers": [RECEIVER], "processors": [GUARD], "exporters": [SINK]}


def _pipelines(drafts: Sequence[Draft], sampling: Sampling) -> CollectorConfig:
    """Pipelines of one signal that differ in their exporters only become one."""
    found: CollectorConfig = {}
    for draft in drafts:
        for key, pipeline in draft.config["pipelines"].items():
            whole = _whole(_signal(key), pipeline, sampling)
            name = _like(_signal(key), whole, found)
            if name is None:
                found[_free_name(key, draft, found)] = whole
            else:
                exporters = dict.fromkeys(found[name]["exporters"] + whole["exporters"])
                found[name] = {**whole, "exporters": list(exporters)}
    return found


def _signal(pipeline: str) -> str:
    return pipeline.partition("/")[0]


def _like(signal: str, whole: CollectorConfig, found: CollectorConfig) -> str | None:
    """The pipeline of the same signal that has the same receivers and processors."""
    parts = ("receivers", "processors")
    for name, other in found.items():
        if _signal(name) == signal and all(other[part] == whole[part] for part in parts):
            return name
    return None


def _whole(signal: str, pipeline: CollectorConfig, sampling: Sampling) -> CollectorConfig:
    """A pipeline with processors in order: memory, sampling, enrichment, the plugin's own."""
    before = [GUARD]
    if RECEIVER in pipeline["receivers"]:  # what comes from a connector went through it
        before += [SAMPLER] if signal == Signal.TRACES and sampling.ratio < 1 else []
        before += [TAIL_SAMPLER] if signal == Signal.TRACES and sampling.tail else []
        before += [ENRICHMENT]
    return {
        "receivers": list(pipeline["receivers"]),
        "processors": [*before, *pipeline["processors"]],
        "exporters": list(pipeline["exporters"]),
    }


def _free_name(key: str, draft: Draft, found: CollectorConfig) -> str:
    if key not in found:
        return key
    signal, _, name = key.partition("/")
    return f"{signal}/{draft.output.name}" + (f"_{name}" if name else "")


def _in_order(pipelines: CollectorConfig) -> CollectorConfig:
    """Pipelines by signal, as the Collector's documentation lists them."""
    return dict(sorted(pipelines.items(), key=lambda kv: SIGNALS.index(_signal(kv[0]))))
