"""A blueprint.yaml made into a `Blueprint`; all mistakes at once, each with line and field."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

from pydantic import ValidationError

from floe_local.errors import InputError
from floe_local.plan.blueprint.checks import problems_in
from floe_local.plan.blueprint.model import NAME_PATTERN, Blueprint, LocatedBlueprint
from floe_local.plan.yaml_source import Problems, read_source, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from floe_local.plan.blueprint.model import ConfigFile
    from floe_local.plan.yaml_source import Path_, Source

BLUEPRINT_FILE = "blueprint.yaml"
_NAME_ADVICE = "write lower-case letters, digits, - _ and ., beginning with a letter or digit"
_HINT = "mend the blueprint; docs/blueprints.md says what each key means"


def read_blueprint(folder: Path, source: str, name: str | None = None) -> LocatedBlueprint:
    """Read and check the blueprint in `folder`.

    Args:
        folder: holds blueprint.yaml.
        source: who brought it, for errors (a distribution, ``local.blueprints``).
        name: what it must be called; None: anything.

    Raises:
        InputError: anything wrong in it, all at once: file, line, field, who brought it.
    """
    file = folder / BLUEPRINT_FILE
    try:
        parsed = read_source(file, name=str(file), code="blueprint")
    except InputError as error:
        hint = f"{error.hint} (brought by {source})"
        raise InputError(error.code, error.reason, hint) from error
    problems = Problems(parsed)
    blueprint = _model(parsed, problems)
    if blueprint is not None:
        if name is not None and blueprint.name != name:
            problems.add(("name",), f"is '{blueprint.name}', but it was found as '{name}'")
        for path, what in problems_in(blueprint, folder):
            problems.add(path, what)
    problems.raise_any("blueprint-invalid", f"{_HINT} (brought by {source})")
    assert blueprint is not None  # noqa: S101 - or there would have been a problem
    return LocatedBlueprint(blueprint=blueprint, folder=folder, source=source)


def name_in(folder: Path) -> object:
    """What the blueprint in `folder` calls itself; the rest of it is not looked at.

    Raises:
        InputError: it is not valid YAML.
    """
    file = folder / BLUEPRINT_FILE
    return read_source(file, name=str(file), code="blueprint").data.get("name")


def read_sources(parts: Sequence[LocatedBlueprint]) -> Iterator[tuple[tuple[str, str], str]]:
    """The files beside the blueprints that services mount: ((blueprint, path), text).

    Raises:
        InputError: a file is missing, no text, or outside its blueprint's folder
            (``blueprint-file``).
    """
    for part in parts:
        for service in part.blueprint.services.values():
            for file in service.files:
                if not file.source.startswith("{"):
                    yield (part.blueprint.name, file.source), _read_source(part, file)


def _read_source(part: LocatedBlueprint, file: ConfigFile) -> str:
    path = (part.folder / file.source).resolve()
    inside = path.is_relative_to(part.folder.resolve())
    try:
        if inside:
            return path.read_text("utf-8")
        why = "it is outside the blueprint's folder"
    except (OSError, UnicodeDecodeError) as error:
        why = str(error)
    raise InputError(
        "blueprint-file",
        f"{part.folder / BLUEPRINT_FILE}: services: files: {file.source}: {why}",
        "put a text file of that name beside blueprint.yaml",
    )


def _model(parsed: Source, problems: Problems) -> Blueprint | None:
    try:
        return Blueprint.model_validate(parsed.data)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            loc = tuple(step for step in detail["loc"] if step != "[key]")
            if detail["type"] == "extra_forbidden":
                known = _fields_at(Blueprint, loc[:-1])
                advice = suggestion(str(loc[-1]), known) if known else ""
                problems.add(loc, "unknown key", advice=advice)
            elif detail.get("ctx", {}).get("pattern") == NAME_PATTERN:
                problems.add(loc, f"'{detail['input']}' is not a valid name", advice=_NAME_ADVICE)
            else:
                problems.add(loc, detail["msg"].removeprefix("Input "))
        return None


def _fields_at(model: Any, path: Path_) -> list[str]:
    """The keys that a blueprint has at a path; none, where any will do or there is no mapping."""
    for step in path:
        model = _below(model, step)
    fields = getattr(_required(model), "model_fields", {})
    return [field.alias or name for name, field in fields.items()]


def _below(kind: Any, step: str | int) -> Any:
    """The type of what is below a value: a model's field, or an item."""
    kind = _required(kind)
    fields = getattr(kind, "model_fields", {})
    if step in fields:
        return fields[step].annotation
    items = get_args(kind)
    return items[-1 if get_origin(kind) is dict else 0] if items else None


def _required(kind: Any) -> Any:
    """A type without ``| None``."""
    if get_origin(kind) in (Union, UnionType):
        return next(one for one in get_args(kind) if one is not NoneType)
    return kind
