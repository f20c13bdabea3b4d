"""A manifest's text made into a `Manifest`; all mistakes at once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from floe_local.plan.env_refs import missing, required, unset
from floe_local.plan.manifest.files import find_manifest
from floe_local.plan.manifest.model import (
    EnvReference,
    LocalSettings,
    Manifest,
    PluginSelection,
    Sampling,
    TailSampling,
)
from floe_local.plan.nested import scalars
from floe_local.plan.plugins.output import BackendRef
from floe_local.plan.secrets.recognise import credentials_in
from floe_local.plan.values import ENVIRONMENT_VARIABLE, Kind
from floe_local.plan.yaml_source import Problems, dotted, read_source, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pydantic_core import ErrorDetails

    from floe_local.plan.manifest.files import ManifestFile
    from floe_local.plan.plugins.registry import PluginRegistry
    from floe_local.plan.values import Frozen
    from floe_local.plan.yaml_source import Path_, Source

_KINDS = {"telemetry_backend": Kind.TELEMETRY, "lineage_backend": Kind.LINEAGE}
_LEGACY = "observability"
_REST_OF_FLOE = frozenset(
    [
        "compute",
        "orchestrator",
        "catalog",
        "storage",
        "semantic_layer",
        "ingestion",
        "secrets",
        "identity",
        "dbt",
        "quality",
    ]
)
_UNION_TAGS = frozenset({"str", "bool", "int", "float"})
_WORDS = {
    "a valid integer": "an integer",
    "valid ": "",
    "a dictionary": "a mapping",
    "a string": "text",
    " or instance of Sampling": " (or a share from 0 to 1, or `off`)",
    " or instance of TailSampling": "",
    "List should have at least 1 item after validation, not 0": "should have at least one item",
}
"""pydantic's words → ours."""
_HINT = "mend the lines above; docs/manifest.md lists every key"


def load_manifest(
    path: Path | None = None,
    environment: str | None = None,
    *,
    root: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Manifest:
    """Load the manifest that the command line means.

    Args:
        path: a manifest file, or a project folder; None: `root` is the folder.
        environment: name given by ``--env``: ``<folder>/<environment>/manifest.yaml``.
        root: the project's folder; the current one if None.
        environ: where FLOE_ENVIRONMENT is read; the process's if None.

    Raises:
        InputError: no such file, or anything wrong in it; every mistake is listed.
    """
    found = find_manifest(path, environment, root)
    return read_manifest(found, environment, environ)


def read_manifest(
    file: ManifestFile, environment: str | None, environ: Mapping[str, str] | None = None
) -> Manifest:
    """Read and check one manifest file.

    Raises:
        InputError: anything wrong in it; every mistake is listed with line and field.
    """
    source = read_source(file.path, name=file.shown, code="manifest")
    known = os.environ if environ is None else environ
    manifest = parse_manifest(source, file, environment, known)
    problems = Problems(source)
    for index, folder in enumerate(manifest.blueprint_folders):
        if not folder.is_dir():
            advice = "give a folder, relative to the manifest, that holds blueprints"
            problems.add(("local", "blueprints", index), f"{folder} is not a folder", advice=advice)
    problems.raise_any("manifest-invalid", _HINT)
    return manifest


def parse_manifest(
    source: Source,
    file: ManifestFile,
    environment: str | None,
    environ: Mapping[str, str],
    *,
    needs_backends: bool = True,
) -> Manifest:
    """Check a parsed manifest; the pure part of `read_manifest`."""
    problems = Problems(source)
    plugins = _section(source, "plugins", problems)
    for section, value in _own_sections(source):
        for path in credentials_in(value, section):
            advice = "write ${env:NAME} and export NAME"
            problems.add(path, "a credential written in the manifest", advice=advice)
    _check_plugin_keys(plugins, problems)
    backends, warnings = _backends(plugins, source, problems)
    settings = _settings(_section(source, "local", problems), problems)
    if needs_backends and not backends and not problems:
        advice = "name one under plugins.telemetry_backend or plugins.lineage_backend"
        problems.add((), "names no backend", advice=advice)
    problems.raise_any("manifest-invalid", _HINT)
    return Manifest(
        file=None if file.is_default else file.path.resolve(),
        root=file.root,
        folder=file.path.resolve().parent if not file.is_default else file.root,
        backends=backends,
        local=settings,
        environment=_environment(environment, environ, settings),
        project=settings.project or _project(source) or file.root.name,
        warnings=warnings,
        env_references=tuple(_references(source)),
        places={dotted(p): source.place(p) for p in source.lines if p[:1] == ("local",)},
    )


def check_variables(manifest: Manifest, environ: Mapping[str, str]) -> None:
    """Check that every variable that the manifest refers to is set.

    To be called at the moment of use: `explain` and `down` work without them.

    Raises:
        InputError: names each unset variable with its file and line.
    """
    lacking = [r for r in manifest.env_references if r.name in missing(r.text, environ)]
    if lacking:
        where = "; ".join(f"{ref.where}: ${{env:{ref.name}}}" for ref in lacking)
        raise unset(sorted({ref.name for ref in lacking}), where)


def _section(source: Source, name: str, problems: Problems) -> dict[str, Any]:
    value = source.data.get(name)
    if value is None:
        return {}
    if isinstance(value, dict):
        return value
    problems.add((name,), f"expected a mapping, got {_kind_of(value)}", advice="write `key: value`")
    return {}


def _check_plugin_keys(plugins: dict[str, Any], problems: Problems) -> None:
    known = {*_KINDS, _LEGACY, *_REST_OF_FLOE}
    for key in plugins.keys() - known:
        problems.add(("plugins", key), "unknown key", advice=suggestion(key, known))
    if plugins.get(_LEGACY) is not None and any(plugins.get(key) for key in _KINDS):
        advice = "delete it: telemetry_backend and lineage_backend replace it (ADR-0035)"
        problems.add(("plugins", _LEGACY), "the old key beside the new ones", advice=advice)


def _backends(
    plugins: dict[str, Any], source: Source, problems: Problems
) -> tuple[tuple[BackendRef, ...], tuple[str, ...]]:
    found = [
        ref
        for key, kind in _KINDS.items()
        for ref in _named(("plugins", key), plugins.get(key), kind, source, problems)
    ]
    if plugins.get(_LEGACY) is None:
        return tuple(found), ()
    path = ("plugins", _LEGACY)
    for kind in Kind:
        refs = _named(path, plugins[_LEGACY], kind, source, problems)
        found += [ref.model_copy(update={"unified": True}) for ref in refs]
    warning = (
        f"{source.place(path)}: {dotted(path)}: deprecated: "
        "name a telemetry_backend and a lineage_backend instead (ADR-0035)"
    )
    return tuple(found), (warning,)


def _named(
    path: Path_, value: Any, kind: Kind, source: Source, problems: Problems
) -> Iterator[BackendRef]:
    """The backends under one key: a name, a mapping, or a list of either."""
    if value is None:
        return
    items = enumerate(value) if isinstance(value, list) else [(None, value)]
    seen: set[str] = set()
    for index, item in items:
        place = path if index is None else (*path, index)
        selection = _selection(place, item, problems)
        if selection is None:
            continue
        if selection.type in seen:
            problems.add(place, f"'{selection.type}' is named twice", advice="keep one")
        seen.add(selection.type)
        yield BackendRef(
            kind=kind,
            name=selection.type,
            config=selection.config or {},
            version=None if selection.version is None else str(selection.version),
            connection_secret_ref=selection.connection_secret_ref,
            where=source.place(place),
        )


def _selection(path: Path_, value: Any, problems: Problems) -> PluginSelection | None:
    mapping = value if isinstance(value, dict) else {"type": value}
    if not isinstance(value, (dict, str)):
        advice = "write a plugin's name (quoted, if YAML reads it as something else)"
        problems.add(path, f"expected a name, got {_kind_of(value)}", advice=advice)
        return None
    try:
        return PluginSelection.model_validate(mapping)
    except ValidationError as error:
        base = path if isinstance(value, dict) else path[:-1]
        for detail in error.errors(include_url=False):
            place = (*base, *detail["loc"]) if isinstance(value, dict) else path
            _add_detail(place, detail, PluginSelection, problems)
        return None


def _settings(section: dict[str, Any], problems: Problems) -> LocalSettings:
    try:
        return LocalSettings.model_validate(section)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            loc = tuple(step for step in detail["loc"] if step != "[key]")
            _add_detail(("local", *loc), detail, _model_at(loc), problems)
        return LocalSettings()


def _model_at(loc: Path_) -> type[Frozen]:
    nested: dict[Path_, type[Frozen]] = {
        ("sampling",): Sampling,
        ("sampling", "tail"): TailSampling,
    }
    return nested.get(loc[:-1], LocalSettings)


def _add_detail(path: Path_, detail: ErrorDetails, model: type[Frozen], problems: Problems) -> None:
    """One pydantic error in our words; never with the value that was given."""
    kind = detail["type"]
    if path[-1] in _UNION_TAGS and not problems.has(path):
        # pydantic tells of each type that a value might have had; one line is enough.
        problems.add(path[:-1], f"expected text or a number, got {_kind_of(detail['input'])}")
    elif kind == "extra_forbidden":
        advice = suggestion(str(path[-1]), model.model_fields)
        problems.add(path, "unknown key", advice=advice)
    elif kind == "missing":
        problems.add(path, "is missing", advice="add it")
    elif kind == "string_pattern_mismatch":
        problems.add(path, "is not a valid name", advice=_pattern_advice(path))
    else:
        message = detail["msg"].removeprefix("Input ")
        for theirs, ours in _WORDS.items():
            message = message.replace(theirs, ours)
        problems.add(path, f"{message}, got {_kind_of(detail['input'])}")


def _pattern_advice(path: Path_) -> str:
    if path[-1] in {"environment", "project", "namespace"}:
        return "plain text without `${…}`"
    return "letters, digits, '.', '_' and '-', beginning with a letter or digit"


def _kind_of(value: Any) -> str:
    words = {
        type(None): "nothing",
        bool: "true or false",
        str: "text",
        list: "a list",
        dict: "a mapping",
    }
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"the number {value}"
    return words.get(type(value), f"a {type(value).__name__}")


def _environment(given: str | None, environ: Mapping[str, str], settings: LocalSettings) -> str:
    """The environment's name: ``--env``, then the shell's, then the manifest's."""
    return given or environ.get(ENVIRONMENT_VARIABLE) or settings.environment or "local"


def _project(source: Source) -> str | None:
    """The name that the rest of floe gives the project (``metadata.name``)."""
    metadata = source.data.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) and name.strip() else None


def _own_sections(source: Source) -> Iterator[tuple[Path_, Any]]:
    """The sections that floe-local reads; the others are the rest of floe's to judge."""
    yield ("local",), source.data.get("local")
    plugins = source.data.get("plugins")
    if isinstance(plugins, dict):
        yield from ((("plugins", key), plugins.get(key)) for key in (*_KINDS, _LEGACY))


def _references(source: Source) -> Iterator[EnvReference]:
    """Each variable of the sections that floe-local reads, at each of its places."""
    for section, value in _own_sections(source):
        for path, scalar in scalars(value, section):
            where = f"{source.place(path)}: {dotted(path)}"
            for name in required(scalar):
                yield EnvReference(name=name, where=where, text=scalar)


def resolve_deprecated(manifest: Manifest, registry: PluginRegistry | None = None) -> Manifest:
    """The deprecated ``plugins: {observability: NAME}``, by what is installed (ADR-0035).

    The split plugins of a name serve where no unified one is installed.

    The reader made a reference of each kind. One that no plugin serves goes, with a warning,
    if the other is served; where none is, both stay, and the registry's look-up explains.

    Args:
        manifest: as it was read.
        registry: what is installed; None: beside floe-local.
    """
    named = [ref for ref in manifest.backends if ref.unified]
    if not named:
        return manifest
    from floe_local.plan.plugins.registry import PluginRegistry  # noqa: PLC0415 - seldom needed

    entries = (registry or PluginRegistry()).entries()
    installed = {(entry.kind, entry.name) for entry in entries}
    split = [ref for ref in named if (_LEGACY, ref.name) not in installed]
    unserved = [ref for ref in split if (ref.kind, ref.name) not in installed]
    served_names = {ref.name for ref in split if ref not in unserved}
    gone = [ref for ref in unserved if ref.name in served_names]
    serving = [ref for ref in split if ref not in unserved]
    return manifest.model_copy(
        update={
            "backends": tuple(ref for ref in manifest.backends if ref not in gone),
            "warnings": (*manifest.warnings, *_deprecations(serving)),
        }
    )


def _deprecations(serving: list[BackendRef]) -> Iterator[str]:
    """What serves each name, what does not, and what to write instead."""
    for name in dict.fromkeys(ref.name for ref in serving):
        mine = [ref for ref in serving if ref.name == name]
        kinds = {ref.kind for ref in mine}
        keys = ", ".join(f"{k}_backend: {name if k in kinds else '…'}" for k in Kind)
        text = (
            f"{mine[0].where}: plugins.{_LEGACY}: no unified plugin '{name}' is installed; "
            f"the {' and '.join(kinds)} plugin of that name serves"
        )
        missing = [f"; {k} has no backend" for k in Kind if k not in kinds]
        yield f"{text}{''.join(missing)}: write under plugins: {keys}"
