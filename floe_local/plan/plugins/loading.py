"""Imports, checks and configures one plugin. In-process, and in the plugins' child.

Light on purpose: the child's start-up is a user's waiting time.
"""

from __future__ import annotations

import difflib
import inspect
import re
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from floe_local.errors import InputError
from floe_local.plan.plugins.floe_core_stand_in import MODULES, PACKAGE, floe_core_stand_in
from floe_local.plan.plugins.foreign_code import MEND_THE_PLUGIN, Blamed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

UNIFIED = "observability"
METHODS: Mapping[str, tuple[str, ...]] = {
    "telemetry": ("get_otlp_exporter_config", "get_helm_values", "validate_connection"),
    "lineage": (
        "get_transport_config",
        "get_namespace_strategy",
        "get_helm_values",
        "validate_connection",
    ),
    UNIFIED: ("get_otlp_exporter_config", "get_lineage_config"),
}
"""What a plugin of each kind must be able to do (ADR-0035)."""

SUPPORTED_API_MAJORS = ("1", "2")
_TARGET = re.compile(r"^(?P<module>[\w.]+)\s*:\s*(?P<attribute>[\w.]+)\s*(\[.*\])?$")


class PluginEntry(NamedTuple):
    """An entry point and the distribution that declares it. `kind` may be ``observability``."""

    kind: str
    name: str
    target: str
    distribution: str = ""
    version: str = ""
    location: str = ""

    @property
    def who(self) -> str:
        """The plugin as an error names it: name, distribution, version."""
        origin = f" ({self.origin})" if self.distribution else ""
        return f"{self.kind} plugin '{self.name}'{origin}"

    @property
    def origin(self) -> str:
        """The distribution and its version."""
        return f"{self.distribution} {self.version}".strip()

    @property
    def package(self) -> str:
        """The top-level package that holds the plugin."""
        return self.target.partition(":")[0].partition(".")[0].strip()


def load_plugin(entry: PluginEntry, config: Mapping[str, Any]) -> Any:
    """Import, check and configure a plugin.

    Args:
        entry: which one.
        config: what the manifest configures it with.

    Raises:
        InputError: it cannot be imported, lacks methods, refuses its config, raises, or
            was written for another floe API.
    """
    with floe_core_stand_in():
        factory = _import(entry)
        with Blamed(entry.who, "an attribute", entry.package, code="plugin-raised"):
            if inspect.isclass(factory):
                _require_methods(entry, factory)
            plugin = _configure(entry, factory, config)
            _require_methods(entry, plugin)
            _require_api_version(entry, plugin)
    return plugin


def _import(entry: PluginEntry) -> Any:
    target = _TARGET.match(entry.target)
    if target is None:
        reason = f"{entry.who}: its entry point '{entry.target}' is not of the form module:Class"
        raise InputError(
            "plugin-entry-point", reason, "Mend the entry point in its pyproject.toml."
        )
    doing = f"import of {target['module']}"
    with Blamed(entry.who, doing, entry.package, code="plugin-import", hint=_import_hint(entry)):
        found = import_module(target["module"])
        for part in target["attribute"].split("."):
            if not hasattr(found, part):  # which may run the module's own __getattr__
                raise _no_such_attribute(entry, target, found, part)
            found = getattr(found, part)
    return found


def _no_such_attribute(
    entry: PluginEntry, target: re.Match[str], owner: Any, part: str
) -> InputError:
    near = difflib.get_close_matches(part, dir(owner), n=1)
    reason = f"{entry.who}: {target['module']} has no '{target['attribute']}'"
    hint = f"Did its author mean '{near[0]}'?" if near else "Mend its entry point."
    return InputError("plugin-entry-point", reason, hint)


def _import_hint(entry: PluginEntry) -> str:
    return (
        f"Reinstall {entry.distribution or 'the plugin'} with its dependencies. Where "
        f"{PACKAGE} is not installed, floe-local provides only {MODULES[0]} with the plugin ABCs."
    )


def _require_methods(entry: PluginEntry, plugin: Any) -> None:
    abstract: frozenset[str] = frozenset()
    if inspect.isclass(plugin):
        abstract = getattr(plugin, "__abstractmethods__", abstract)
    missing = [
        f"{method}()"
        for method in METHODS[entry.kind]
        if method in abstract or not callable(getattr(plugin, method, None))
    ]
    if missing:
        cls = plugin if inspect.isclass(plugin) else type(plugin)
        reason = f"{entry.who}: {cls.__name__} lacks {', '.join(missing)}"
        hint = f"A {entry.kind} plugin must have: {', '.join(METHODS[entry.kind])} (ADR-0035)."
        raise InputError("plugin-methods-missing", reason, hint)


def _require_api_version(entry: PluginEntry, plugin: Any) -> None:
    version = metadata_of(plugin, "floe_api_version")
    if version and version.strip().lstrip("v").partition(".")[0] not in SUPPORTED_API_MAJORS:
        reason = f"{entry.who} was written for floe API {version}; 1.x and 2.x are supported here"
        raise InputError(
            "plugin-api-version",
            reason,
            "Use a release of the plugin for one of these, or update floe-local.",
        )


def metadata_of(plugin: Any, field: str) -> str:
    """Read a metadata attribute; empty where it is missing or, as with a mock, no string."""
    value = getattr(plugin, field, "")
    return value if isinstance(value, str) else ""


def _configure(entry: PluginEntry, factory: Any, config: Mapping[str, Any]) -> Any:
    if not callable(factory):
        return _refuse_config(entry, factory, config)
    if config and _has_schema(factory) and _takes(factory, {}):
        plugin = _make(entry, factory, {})
        if _apply_schema(entry, plugin, config):
            return plugin
    return _make(entry, factory, config)


def _has_schema(factory: Any) -> bool:
    return all(callable(getattr(factory, m, None)) for m in ("get_config_schema", "configure"))


def _takes(factory: Any, config: Mapping[str, Any]) -> bool:
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):  # a class made in C has none: try and see
        return True
    try:
        signature.bind(**config)
    except TypeError:
        return False
    return True


def _apply_schema(entry: PluginEntry, plugin: Any, config: Mapping[str, Any]) -> bool:
    with Blamed(entry.who, "get_config_schema()", entry.package, code="plugin-raised"):
        schema = plugin.get_config_schema()
    if schema is None:
        return False
    known = list(getattr(schema, "model_fields", {}))
    unknown = [f"'{key}' is unknown{_near(key, known)}" for key in config if key not in known]
    hint = " ".join([f"It takes: {', '.join(known)}.", *(f"{fault}." for fault in unknown)])
    with Blamed(entry.who, "its config:", entry.package, code="plugin-config", hint=hint):
        model = schema.model_validate(dict(config))
    with Blamed(entry.who, "configure()", entry.package, code="plugin-config", hint=hint):
        plugin.configure(model)
    return True


def _make(entry: PluginEntry, factory: Any, config: Mapping[str, Any]) -> Any:
    if not _takes(factory, config):
        raise _wrong_keywords(entry, factory, config)
    doing = f"{getattr(factory, '__name__', 'constructor')}(…)"
    hint = "Correct the plugin's config in the manifest." if config else MEND_THE_PLUGIN
    code = "plugin-config" if config else "plugin-raised"
    with Blamed(entry.who, doing, entry.package, code=code, hint=hint):
        return factory(**config)


def _refuse_config(entry: PluginEntry, plugin: Any, config: Mapping[str, Any]) -> Any:
    if config:
        reason = f"{entry.who} takes no config, and was given: {', '.join(sorted(config))}"
        raise InputError("plugin-config", reason, "Remove its config from the manifest.")
    return plugin


def _wrong_keywords(entry: PluginEntry, factory: Any, config: Mapping[str, Any]) -> InputError:
    keywords = [
        p
        for p in inspect.signature(factory).parameters.values()
        if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    ]
    known = [p.name for p in keywords]
    missing = [p.name for p in keywords if p.default is p.empty and p.name not in config]
    faults = [f"'{k}' is unknown{_near(k, known)}" for k in config if k not in known]
    faults += [f"'{name}' is required" for name in missing]
    hint = f"It takes: {', '.join(known)}." if known else "It takes no config."
    return InputError(
        "plugin-config", f"{entry.who}: its config is wrong: {'; '.join(faults)}", hint
    )


def _near(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean '{near[0]}'?)" if near else ""
