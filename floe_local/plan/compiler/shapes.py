"""The shapes in which plugins return Collector configs, made one: the normal form.

A is ADR-0035's; B to E are met in the wild: in floe-core's docstrings and mocks, in an older
contract, in the published plugins.
"""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from floe_local.plan.compiler.draft import (
    PARTS,
    SECTIONS,
    Draft,
)
from floe_local.plan.compiler.egress import egress_error
from floe_local.plan.env_refs import references
from floe_local.plan.nested import map_scalars, scalars
from floe_local.plan.values import Egress, Signal
from floe_local.plan.yaml_source import dotted, suggestion
from floe_local.references import Reference, parse, rewritten
from floe_local.references import fault as fault_of

if TYPE_CHECKING:
    from floe_local.plan.compiler.draft import CollectorConfig
    from floe_local.plan.yaml_source import Path_

SIGNALS = tuple(s.value for s in Signal if s is not Signal.LINEAGE)
_COMPONENT = re.compile(r"^[a-zA-Z][a-zA-Z0-9_]*(/\S+)?$")
_WHY = {
    "B": "the pipelines name exporters only",
    "C": "the config has exporters and no pipelines",
    "D": "the config is a bare mapping of exporters (an older floe contract)",
    "E": "the config is flat (exporter_type, endpoint)",
}
_FLAT_TYPES = {"console": "debug", "otlp_grpc": "otlp_grpc", "otlp_http": "otlp_http"}
_PROVIDED_EXTENSIONS = frozenset({"health_check"})
_FLAT_KEPT = ("headers", "timeout", "compression")


def normalised(draft: Draft) -> Draft:
    """A draft whose config is in normal form, from the exporter config of any shape.

    Raises:
        InputError: it is not a mapping, or none of the known shapes.
    """
    returned, shape = draft.config, shape_of(draft)
    config = deepcopy(returned)
    if shape == "E":
        draft, config = _from_flat(draft, config)
    elif shape == "D":
        config = {"exporters": config}
    sections = {name: _section(draft, config, name) for name in SECTIONS}
    pipelines = _pipelines(draft, config, shape)
    result = replace(draft, config={**sections, "pipelines": pipelines})
    result = _without_own_telemetry(result, config)
    if shape == "A":
        return result
    after = {"exporters": list(sections["exporters"]), "pipelines": list(pipelines)}
    rule = f"exporter-config-shape-{shape.lower()}"
    return result.record(rule, "", sorted(returned), after, _WHY[shape])


def readable_references(draft: Draft) -> Draft:
    """Rule reference-scheme: ``${NAME:-default}``, as shells have it, with the Collector's scheme.

    Raises:
        InputError: a reference that the Collector refuses; or, unless live, one that it would
            fetch from somewhere (``sandbox-leak``).
    """
    for section in SECTIONS:
        for path, text in tuple(scalars(draft.config[section], (section,))):
            if not isinstance(text, str) or "${" not in text:
                continue
            place = dotted(path)
            after = rewritten(parse(text), partial(_with_scheme, draft, place))
            if after != text:
                why = "the Collector takes a default after `env:` only"
                draft = draft.record("reference-scheme", place, text, after, why)
                draft = draft.with_sections(
                    **{section: _replaced_at(draft, section, path[1:], after)}
                )
    return draft


def _with_scheme(draft: Draft, place: str, reference: Reference) -> str | None:
    """A reference with its scheme; None: it has one, or needs none."""
    if reference.prefix == "" and reference.variable and reference.default is not None:
        whole = Reference("env:", reference.name, reference.default)
        return rewritten((whole,), partial(_with_scheme, draft, place))
    if why := fault_of(reference):
        raise draft.error_at(
            place, f"'{reference}': {why}", "write ${env:NAME}, or $$ for a plain $"
        )
    if reference.scheme in {"http", "https"} and draft.around.egress is Egress.STACK:
        raise egress_error(draft, place, "the Collector would fetch it from outside of the stack")
    return None


def _replaced_at(draft: Draft, section: str, path: Path_, after: str) -> Any:
    def one(at: Path_, value: Any) -> Any:
        return after if at == path else value

    return map_scalars(draft.config[section], one)


def shape_of(draft: Draft) -> str:
    """Which of the shapes A to E the exporter config of a draft has, as it was returned.

    Raises:
        InputError: none of them.
    """
    config, method = draft.config, "get_otlp_exporter_config()"
    if "exporter_type" in config:
        return "E"
    if "exporters" in config:
        unknown = sorted(set(config) - {*SECTIONS, "service"}, key=str)
        if unknown:
            known = suggestion(str(unknown[0]), (*SECTIONS, "service"))
            raise draft.error_at(
                method, f"'{unknown[0]}' is not a section of a Collector config", known
            )
        return _shape_with_pipelines(draft, config)
    if config and not {"service", *SECTIONS} & set(config) and _are_components(config):
        return "D"
    hint = "return {'exporters': {...}, 'service': {'pipelines': {...}}} (ADR-0035)"
    raise draft.error_at(method, "is not a Collector config: it has no 'exporters'", hint)


def _are_components(config: CollectorConfig) -> bool:
    return all(
        isinstance(key, str) and _COMPONENT.match(key) and isinstance(value, (dict, type(None)))
        for key, value in config.items()
    )


def _shape_with_pipelines(draft: Draft, config: CollectorConfig) -> str:
    pipelines = _mapping(draft, config.get("service"), "service").get("pipelines")
    given = _mapping(draft, pipelines, "service.pipelines")
    if not given:
        return "C"
    whole = all(isinstance(p, dict) and p.get("receivers") for p in given.values())
    return "A" if whole else "B"


def _section(draft: Draft, config: CollectorConfig, name: str) -> CollectorConfig:
    section = _mapping(draft, config.get(name), name)
    for key, value in section.items():
        if not isinstance(key, str) or not _COMPONENT.match(key):
            raise draft.error_at(name, f"{key!r} is not a component id", "write type or type/name")
        if not isinstance(value, (dict, type(None))):
            raise draft.error_at(f"{name}.{key}", f"expected a mapping, got {type(value).__name__}")
    if name == "exporters" and not section:
        raise draft.error_at(name, "is empty", "return at least one exporter")
    return {key: value or {} for key, value in section.items()}


def _mapping(draft: Draft, value: Any, place: str) -> CollectorConfig:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise draft.error_at(place, f"expected a mapping, got {type(value).__name__}")
    return value


def _pipelines(draft: Draft, config: CollectorConfig, shape: str) -> CollectorConfig:
    """The pipelines as returned, each with all its parts; made up where there are none."""
    given = _mapping(draft, config.get("service"), "service").get("pipelines")
    given = _mapping(draft, given, "service.pipelines") or _older_pipelines(draft, shape)
    if not given:
        given = {signal: {"exporters": list(config["exporters"])} for signal in _signals(draft)}
    return {key: _pipeline(draft, key, value) for key, value in given.items()}


def _older_pipelines(draft: Draft, shape: str) -> CollectorConfig:
    """What get_pipeline_config() of an older contract returned, where nothing else says."""
    config = draft.output.pipeline_config
    if shape == "A" or not isinstance(config, dict):
        return {}
    service = config.get("service")
    nested = service.get("pipelines") if isinstance(service, dict) else None
    return deepcopy(_mapping(draft, nested or config.get("pipelines") or config, "pipelines"))


def _signals(draft: Draft) -> tuple[str, ...]:
    """What the backend takes as its blueprint says; without one, all that an SDK sends."""
    if draft.blueprint is None or not draft.blueprint.accepts:
        return SIGNALS
    return tuple(s.value for s in draft.blueprint.accepts if s is not Signal.LINEAGE)


def _pipeline(draft: Draft, key: Any, value: Any) -> CollectorConfig:
    place = f"service.pipelines.{key}"
    signal = key.partition("/")[0] if isinstance(key, str) else str(key)
    if signal not in SIGNALS:
        raise draft.error_at(place, f"'{signal}' is not a signal", suggestion(signal, SIGNALS))
    parts = _mapping(draft, value, place)
    unknown = sorted(set(parts) - set(PARTS), key=str)
    if unknown:
        raise draft.error_at(
            place, f"unknown key '{unknown[0]}'", suggestion(str(unknown[0]), PARTS)
        )
    return {part: _ids(draft, f"{place}.{part}", parts.get(part)) for part in PARTS}


def _ids(draft: Draft, place: str, value: Any) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, (list, tuple)) or not all(isinstance(i, str) for i in value):
        raise draft.error_at(place, "expected a list of component ids")
    return list(dict.fromkeys(value))


def _from_flat(draft: Draft, flat: CollectorConfig) -> tuple[Draft, CollectorConfig]:
    """Shape E: ``{"exporter_type": "otlp", "endpoint": "host:4317", "insecure": True}``."""
    kind = draft.seen(flat.get("exporter_type"))
    protocol = str(draft.seen(flat.get("protocol")) or "grpc")
    if not isinstance(kind, str):
        raise draft.error_at("exporter_type", "expected text")
    if kind in {"otlp", "otlphttp"}:
        is_http = kind == "otlphttp" or protocol.startswith("http")
        kind = "otlp_http" if is_http else "otlp_grpc"
    kind = _FLAT_TYPES.get(kind, kind)
    exporter = {key: flat[key] for key in _FLAT_KEPT if flat.get(key) is not None}
    if flat.get("endpoint"):
        exporter["endpoint"] = _flat_endpoint(draft, kind, flat)
    insecure = draft.typed(flat.get("insecure"))
    if (isinstance(insecure, bool) or references(insecure)) and kind == "otlp_grpc":
        exporter["tls"] = {"insecure": flat["insecure"]}
    known = {"exporter_type", "endpoint", "insecure", "protocol", *_FLAT_KEPT}
    for key in sorted(set(flat) - known):
        why = "a flat config has no place for it in the Collector's"
        draft = draft.record("flat-key-dropped", key, key, None, why, level="warning")
    return draft, {"exporters": {kind: exporter}}


def _flat_endpoint(draft: Draft, kind: str, flat: CollectorConfig) -> Any:
    endpoint = flat["endpoint"]
    if kind != "otlp_http" or not isinstance(endpoint, str) or "://" in draft.seen(endpoint):
        return endpoint
    return f"{'http' if draft.typed(flat.get('insecure')) else 'https'}://{endpoint}"


def _without_own_telemetry(draft: Draft, config: CollectorConfig) -> Draft:
    """Rule service-section: sections of `service` that are floe-local's to write."""
    service = _mapping(draft, config.get("service"), "service")
    for name in _ids(draft, "service.extensions", service.get("extensions")):
        if name not in draft.config["extensions"] and name not in _PROVIDED_EXTENSIONS:
            hint = "define it under 'extensions'"
            raise draft.error_at("service.extensions", f"'{name}' is not defined", hint)
    for key in sorted(set(service) - {"pipelines", "extensions"}):
        why = "the Collector's own telemetry is floe-local's: its counters are read"
        draft = draft.record("service-section", f"service.{key}", key, None, why, level="warning")
    return draft
