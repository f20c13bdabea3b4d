"""Asks a plugin for its configs: each method once, each answer untouched.

Light on purpose (pydantic is imported only where a `PluginOutput` is made): the plugins'
child process uses `answers_of`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from floe_local.errors import InputError, printable
from floe_local.plan.nested import json_fault, type_name
from floe_local.plan.plugins.errors import PluginErrors
from floe_local.plan.plugins.loading import UNIFIED, PluginEntry, floe_core_stand_in, metadata_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from floe_local.plan.plugins.output import PluginOutput
    from floe_local.plan.values import Kind

CALLS: Mapping[tuple[str, bool], Mapping[str, str]] = {
    ("telemetry", False): {
        "exporter_config": "get_otlp_exporter_config",
        "helm_values": "get_helm_values",
    },
    ("lineage", False): {
        "transport": "get_transport_config",
        "namespace_strategy": "get_namespace_strategy",
        "helm_values": "get_helm_values",
    },
    ("telemetry", True): {"exporter_config": "get_otlp_exporter_config"},
    ("lineage", True): {"transport": "get_lineage_config"},
}
"""(kind, is it a unified plugin?) → field of `PluginOutput` → method."""

OPTIONAL_CALLS: Mapping[str, Mapping[str, str]] = {
    "telemetry": {"pipeline_config": "get_pipeline_config"},
    "lineage": {},
}
"""Methods of older contracts: kind → field of `PluginOutput` → method."""

DICTS = ("exporter_config", "pipeline_config", "transport", "helm_values")


def call_plugin(plugin: Any, kind: Kind, *, entry: PluginEntry | None = None) -> PluginOutput:
    """Call each config method of a plugin exactly once, in this process.

    Args:
        plugin: anything with the methods of ADR-0035; a mock too.
        kind: which methods.
        entry: where it came from, when it was found by entry point.

    Returns:
        What it returned, the very same objects. Metadata that is missing or no string is
        left empty.

    Raises:
        InputError: a method is missing or raises.
    """
    from floe_local.plan.plugins.output import PluginOutput  # noqa: PLC0415 - see the module's docstring

    entry = entry or _entry_of(plugin, str(kind))
    with floe_core_stand_in():  # a method may import, too
        answers = answers_of(plugin, str(kind), entry)
    return PluginOutput(kind=kind, **identity_of(entry), **answers)


def _entry_of(plugin: Any, kind: str) -> PluginEntry:
    cls = type(plugin)
    name = metadata_of(plugin, "name") or cls.__name__
    return PluginEntry(kind, name, f"{cls.__module__}:{cls.__qualname__}")


def identity_of(entry: PluginEntry) -> dict[str, str]:
    """Give the fields of `PluginOutput` that say which plugin it was."""
    return {
        "name": entry.name,
        "distribution": entry.distribution,
        "distribution_version": entry.version,
    }


def answers_of(
    plugin: Any, kind: str, entry: PluginEntry, step: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Call each config method of a plugin exactly once.

    Args:
        plugin: the plugin.
        kind: telemetry or lineage.
        entry: which plugin, for errors.
        step: told the name of each method before it is called.

    Returns:
        The fields of a `PluginOutput` but those of `identity_of`.

    Raises:
        InputError: a method is missing or raises.
    """
    unified = entry.kind == UNIFIED
    answers = _metadata_answers(plugin, entry)
    for field, method in CALLS[kind, unified].items():
        step(method)
        answers[field] = _call(plugin, method, entry)
    for field, method in OPTIONAL_CALLS[kind].items():
        if callable(getattr(plugin, method, None)):
            step(method)
            answer = _call(plugin, method, entry)
            answers[field] = answer if isinstance(answer, Mapping) else None
    return answers


def _metadata_answers(plugin: Any, entry: PluginEntry) -> dict[str, Any]:
    with PluginErrors(entry.who, "its metadata", entry.package, code="plugin-raised"):
        return {
            "plugin_version": printable(metadata_of(plugin, "version")),
            "floe_api_version": printable(metadata_of(plugin, "floe_api_version")),
            "warnings": _warnings_of(plugin, entry),
        }


def _warnings_of(plugin: Any, entry: PluginEntry) -> tuple[str, ...]:
    found = []
    if entry.kind == UNIFIED:
        found.append(
            f"{entry.who} is a unified ObservabilityPlugin, which is deprecated (ADR-0035): "
            "name a telemetry_backend and a lineage_backend instead"
        )
    if entry.distribution and not metadata_of(plugin, "floe_api_version"):
        found.append(f"{entry.who} does not say which floe_api_version it was written for")
    return tuple(found)


def _call(plugin: Any, method: str, entry: PluginEntry) -> Any:
    with PluginErrors(entry.who, f"{method}()", entry.package, code="plugin-raised"):
        return getattr(plugin, method)()


def check_answers(answers: Mapping[str, Any], kind: str, entry: PluginEntry) -> None:
    """Refuse answers that are not dicts, or that JSON (so YAML too) cannot hold.

    A namespace strategy that is not a dict passes: the compiler has a default for it.

    Raises:
        InputError: names the plugin, the method, and the place in the answer.
    """
    required = CALLS[kind, entry.kind == UNIFIED]
    for field, method in {**required, **OPTIONAL_CALLS[kind]}.items():
        answer = answers.get(field)
        if field in required and field in DICTS and not isinstance(answer, dict):
            reason = f"{entry.who}: {method}() returned {type_name(answer)}, not a dict"
            raise InputError("plugin-returned-no-dict", reason, f"Mend {method}() in the plugin.")
        fault = json_fault(answer)
        if fault:
            reason = f"{entry.who}: {method}() returned something that JSON cannot hold: {fault}"
            hint = "Return dicts with string keys, lists, strings, numbers, booleans and None."
            raise InputError("plugin-not-json", reason, hint)
