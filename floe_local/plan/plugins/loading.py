"""Imports, checks and configures one plugin. In-process, and in the plugins' child.

Light on purpose: the child's start-up is a user's waiting time.
"""

from __future__ import annotations

import difflib
import inspect
import re
import sys
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, NamedTuple

from floe_local.errors import InputError
from floe_local.plan.plugins.configuring import Loaded, configured
from floe_local.plan.plugins.errors import PluginErrors
from floe_local.plan.plugins.floe_core_stand_in import MODULES, PACKAGE, floe_core_stand_in

if TYPE_CHECKING:
    from collections.abc import Mapping

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


def load_plugin(
    entry: PluginEntry, config: Mapping[str, Any], defaults: Mapping[str, Any] | None = None
) -> Loaded:
    """Import, check and configure a plugin.

    Args:
        entry: which one.
        config: what the manifest configures it with; a key that it does not know is refused.
        defaults: lie under `config`; a key that it does not know is left out.

    Raises:
        InputError: it cannot be imported, lacks methods, refuses its config, raises, or
            was written for another floe API.
    """
    with floe_core_stand_in():
        factory = _import(entry)
        with PluginErrors(entry.who, "an attribute", entry.package, code="plugin-raised"):
            if inspect.isclass(factory):
                _require_methods(entry, factory)
            loaded = configured(entry, factory, config, defaults or {})
            _require_methods(entry, loaded.plugin)
            _require_api_version(entry, loaded.plugin)
    return loaded


def _import(entry: PluginEntry) -> Any:
    target = _TARGET.match(entry.target)
    if target is None:
        reason = f"{entry.who}: its entry point '{entry.target}' is not of the form module:Class"
        raise InputError(
            "plugin-entry-point", reason, "Mend the entry point in its pyproject.toml."
        )
    doing = f"import of {target['module']}"
    errors = PluginErrors(
        entry.who, doing, entry.package, code="plugin-import", hint=_import_hint(entry)
    )
    try:
        with errors:
            found = import_module(target["module"])
    except InputError as error:
        if not isinstance(error.__cause__, ModuleNotFoundError):
            raise
        hint = _missing_module_hint(entry, error.__cause__.name or "")
        raise InputError(error.code, error.reason, hint) from error.__cause__
    with errors:
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


def _missing_module_hint(entry: PluginEntry, module: str) -> str:
    """What to do about a module that is not there: the plugin's own, or one that it needs."""
    parent, _, name = module.rpartition(".")
    top = module.partition(".")[0]
    if top == PACKAGE or not top:
        return _import_hint(entry)
    if top != entry.package:
        return (
            f"Add the distribution that you know to have '{top}' (where it is called so: "
            f"`{sys.executable} -m pip install {top}`), and list it under `dependencies` in the "
            f"pyproject.toml of {entry.distribution or 'the plugin'}."
        )
    folders = getattr(sys.modules.get(parent), "__path__", ())
    near = difflib.get_close_matches(name, [m.name for m in iter_modules(folders)], n=1)
    meant = f"Did its author mean '{near[0]}'? " if near else ""
    return f"{meant}Mend the entry point or the import; is the module in the wheel?"


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
    """Read a metadata attribute as text: 3.0 and (3, 0) say what "3.0" does.

    Empty where it is missing or, as with a mock, something else.
    """
    value = getattr(plugin, field, "")
    parts = value if isinstance(value, (list, tuple)) else (value,)
    # A bool is an int, too, and no version.
    is_told = all(isinstance(p, (str, int, float)) and not isinstance(p, bool) for p in parts)
    return ".".join(map(str, parts)) if is_told else ""
