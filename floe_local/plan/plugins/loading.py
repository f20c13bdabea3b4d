"""Imports, checks and configures one plugin. In-process, and in the plugins' child.

Light on purpose: the child's start-up is a user's waiting time.
"""

from __future__ import annotations

import difflib
import inspect
import re
import sys
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from floe_local import plugin_api
from floe_local.errors import InputError
from floe_local.plan.nested import deep_merge
from floe_local.plan.plugins.errors import MEND_THE_PLUGIN, PluginErrors, invalid_fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from importlib.abc import Loader
    from types import ModuleType


PluginConfig = dict[str, Any]

PACKAGE = "floe_core"
MODULES = ("floe_core.plugins", "floe_core.plugins.telemetry", "floe_core.plugins.lineage")
"""Where plugins in the wild import the ABCs from."""

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


class Loaded(NamedTuple):
    """A plugin that is ready, and the keys of its defaults that it does not know."""

    plugin: Any
    ignored_keys: tuple[str, ...] = ()


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


def configured(
    entry: PluginEntry, factory: Any, config: Mapping[str, Any], defaults: Mapping[str, Any]
) -> Loaded:
    """Make a plugin of what its entry point leads to.

    Its defaults are a blueprint's, which was not written for this release of the plugin: a
    key that neither its model nor its signature names is left out. (Those that take any
    keyword may hand it on to what does not.)

    Args:
        entry: which one.
        factory: its class, a function that makes it, or the plugin itself.
        config: what the manifest's author wrote; an unknown key is refused.
        defaults: what lies under `config`.

    Raises:
        InputError: it refuses its config, or raises.
    """
    if not callable(factory):
        return Loaded(_refuse_config(entry, factory, config), tuple(sorted(defaults)))
    if (config or defaults) and _has_schema(factory) and _takes(factory, {}):
        plugin = _unconfigured(entry, factory, config, defaults)
        schema = _schema_of(entry, plugin)
        if schema is not None:
            known, ignored_keys = _split_known(defaults, _fields(schema))
            _apply(entry, plugin, schema, deep_merge(known, config))
            return Loaded(plugin, ignored_keys)
    known, ignored_keys = _split_known(defaults, [p.name for p in _keywords(factory)])
    return Loaded(_make(entry, factory, deep_merge(known, config)), ignored_keys)


def _split_known(
    defaults: Mapping[str, Any], known: Iterable[str]
) -> tuple[PluginConfig, tuple[str, ...]]:
    """The defaults whose keys are known, and the other keys."""
    names = set(known)
    kept = {key: value for key, value in defaults.items() if key in names}
    return kept, tuple(sorted(set(defaults) - names))


def _has_schema(factory: Any) -> bool:
    return all(callable(getattr(factory, m, None)) for m in ("get_config_schema", "configure"))


def _schema_of(entry: PluginEntry, plugin: Any) -> Any:
    with PluginErrors(entry.who, "get_config_schema()", entry.package, code="plugin-raised"):
        return plugin.get_config_schema()


def _unconfigured(
    entry: PluginEntry, factory: Any, config: Mapping[str, Any], defaults: Mapping[str, Any]
) -> Any:
    """The plugin before it gets its model; made with the config where it cannot be without."""
    try:
        return _make(entry, factory, {})
    except InputError as error:
        if error.__cause__ is None or not invalid_fields(error.__cause__):
            raise
    method = inspect.getattr_static(factory, "get_config_schema")
    tells = isinstance(method, (classmethod, staticmethod))  # before there is an instance
    known, _ = _split_known(defaults, _fields(_schema_of(entry, factory)) if tells else ())
    return _make(entry, factory, deep_merge(known, config))


def _fields(schema: Any) -> list[str]:
    """The keys that a pydantic model takes: its fields' names, or their aliases."""
    settings: Mapping[str, Any] = getattr(schema, "model_config", {})
    by_name = settings.get("populate_by_name") or settings.get("validate_by_name")
    keys: list[str] = []
    for name, field in getattr(schema, "model_fields", {}).items():
        alias = getattr(field, "validation_alias", None)
        keys += [name] if alias is None or by_name else []
        keys += [] if alias is None else _keys_of(alias)
    return keys


def _keys_of(alias: Any) -> list[str]:
    """The keys by which pydantic's str, AliasPath or AliasChoices is found."""
    paths = [getattr(one, "path", [one]) for one in getattr(alias, "choices", [alias])]
    return [str(path[0]) for path in paths]


def _apply(entry: PluginEntry, plugin: Any, schema: Any, config: PluginConfig) -> None:
    if not config:
        return
    _require_model(entry, schema)
    known = _fields(schema)
    unknown = [f"'{key}' is unknown{_near(key, known)}" for key in config if key not in known]
    hint = " ".join([f"It takes: {', '.join(known)}.", *(f"{fault}." for fault in unknown)])
    with PluginErrors(entry.who, "its config:", entry.package, code="plugin-config", hint=hint):
        if unknown:
            _strict(schema).model_validate(config)
        model = schema.model_validate(config)
    with PluginErrors(entry.who, "configure()", entry.package, code="plugin-config", hint=hint):
        plugin.configure(model)


def _require_model(entry: PluginEntry, schema: Any) -> None:
    if inspect.isclass(schema) and hasattr(schema, "model_validate"):
        return
    what = f"the class {schema.__name__}" if inspect.isclass(schema) else type(schema).__name__
    reason = f"{entry.who}: get_config_schema() returned {what}, which is not a pydantic model"
    hint = (
        "It must return a class derived from BaseModel of pydantic 2; or None, and the config "
        "becomes keyword arguments."
    )
    raise InputError("plugin-config-schema", reason, hint)


def _strict(schema: Any) -> Any:
    """The same model, which refuses unknown keys where it would ignore them.

    A subclass, as only the model's own validators know which other keys it takes.
    """
    ignores = schema.model_config.get("extra", "ignore") == "ignore"
    if not ignores or getattr(schema, "__pydantic_root_model__", False):
        return schema
    members = {"__module__": schema.__module__}
    return type(schema)(schema.__name__, (schema,), members, extra="forbid")


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


def _keywords(factory: Any) -> list[inspect.Parameter]:
    """The parameters that can be given by name; a class made in C tells of none."""
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return []
    return [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]


def _make(entry: PluginEntry, factory: Any, config: Mapping[str, Any]) -> Any:
    if not _takes(factory, config):
        raise _wrong_keywords(entry, factory, config)
    doing = f"{getattr(factory, '__name__', 'constructor')}(…)"
    hint = "Correct the plugin's config in the manifest." if config else MEND_THE_PLUGIN
    code = "plugin-config" if config else "plugin-raised"
    with PluginErrors(entry.who, doing, entry.package, code=code, hint=hint):
        return factory(**config)


def _refuse_config(entry: PluginEntry, plugin: Any, config: Mapping[str, Any]) -> Any:
    if config:
        reason = f"{entry.who} takes no config, and was given: {', '.join(sorted(config))}"
        raise InputError("plugin-config", reason, "Remove its config from the manifest.")
    return plugin


def _wrong_keywords(entry: PluginEntry, factory: Any, config: Mapping[str, Any]) -> InputError:
    keywords = _keywords(factory)
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


class StandInFinder:
    """Finds, and makes, the stand-in modules (the finder and loader of the import system)."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Give a spec for the modules that are stood in for, None for all others."""
        del path, target
        if name != PACKAGE and name not in MODULES:
            return None
        loader = cast("Loader", self)  # importlib.abc, its base, is slow to import
        return ModuleSpec(name, loader, origin="floe-local's stand-in", is_package=True)

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave the making of the module to the import system."""

    def exec_module(self, module: ModuleType) -> None:
        """Fill the module with the plugin contract."""
        if module.__name__ in MODULES:
            for name in plugin_api.__all__:
                setattr(module, name, getattr(plugin_api, name))


@contextmanager
def floe_core_stand_in() -> Iterator[None]:
    """Let ``floe_core.plugins`` be imported inside the block; leaves no trace after it."""
    if PACKAGE in sys.modules or find_spec(PACKAGE) is not None:
        yield
        return
    finder = StandInFinder()
    sys.meta_path.append(finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in (PACKAGE, *MODULES):
            sys.modules.pop(name, None)
