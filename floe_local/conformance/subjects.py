"""Which plugins are meant: installed ones by name, or those of a folder."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from floe_local.conformance.evidence import Subject, fault_of
from floe_local.conformance.folder import PYPROJECT, as_installed
from floe_local.errors import InputError
from floe_local.plan.blueprint.lookup import find_blueprints, refuse_stray
from floe_local.plan.blueprint.recipe import load_recipe
from floe_local.plan.blueprint.shipped import COLLECTOR
from floe_local.plan.plugins.registry import PluginRegistry
from floe_local.plan.stack.parts import refuse_clashes
from floe_local.plan.values import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from floe_local.plan.blueprint.model import LocatedBlueprint
    from floe_local.plan.plugins.loading import PluginEntry


@contextmanager
def subjects(
    target: str | Path,
    kind: Kind | None = None,
    *,
    config: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[tuple[Subject, ...]]:
    """Find the plugins to be tested; inside the block, those of a folder can be found, too.

    Args:
        target: an installed plugin's name, or a folder that holds a distribution. What has a
            slash in it is a folder, as is what is not a plugin's name and holds a pyproject.toml.
        kind: None: of both kinds.
        config: what the plugins are configured with; their blueprints' defaults lie under it.
        environment: variables for the plugins.

    Raises:
        InputError: there is no such plugin, or two of that name; the folder is none.
    """
    if _is_folder(target):
        with as_installed(Path(target)) as distribution:
            entries = [e for e in PluginRegistry().entries() if e.distribution == distribution]
            yield _made(entries, str(target), kind, config or {}, environment or {})
    else:
        registry = PluginRegistry()
        entries = [e for e in registry.entries() if e.name == target]
        for one in {e.kind for e in entries} or {str(kind or Kind.TELEMETRY)}:
            registry.find(one, str(target))  # raises where no plugin, or two, have that name
        yield _made(entries, str(target), kind, config or {}, environment or {})


def _is_folder(target: str | Path) -> bool:
    if isinstance(target, Path) or os.sep in target or target in (".", ".."):
        return True
    known = {entry.name for entry in PluginRegistry().entries()}
    return target not in known and (Path(target) / PYPROJECT).is_file()


def _made(
    entries: list[PluginEntry],
    target: str,
    kind: Kind | None,
    config: Mapping[str, Any],
    environment: Mapping[str, str],
) -> tuple[Subject, ...]:
    found = [(Kind(e.kind), e) for e in entries if e.kind in set(Kind)]
    found = [(k, entry) for k, entry in found if kind in (None, k)]
    if not found:
        wanted = f"{kind} plugin" if kind else "telemetry or lineage plugin"
        there = ", ".join(entry.who for entry in entries)
        hint = f"There is: {there}. (A unified one is deprecated, ADR-0035, and not tested.)"
        raise InputError("plugin-unknown", f"there is no {wanted} in '{target}'", hint)
    return tuple(_subject(k, entry, config, environment) for k, entry in found)


def _subject(
    kind: Kind, entry: PluginEntry, config: Mapping[str, Any], environment: Mapping[str, str]
) -> Subject:
    subject = Subject(entry=entry, kind=kind, config=dict(config), environment=dict(environment))
    try:
        located = _blueprint_of(entry.name)
        if located is None:
            refuse_stray(entry.name, entry.distribution, entry.target)
    except InputError as error:
        return subject.model_copy(update={"blueprint_fault": fault_of(error)})
    return subject.model_copy(update={"blueprint": located})


def _blueprint_of(name: str) -> LocatedBlueprint | None:
    """A plugin's blueprint, if it has one.

    Raises:
        InputError: it is wrong, or no stack could be made of it: what it requires is not
            there or wrong, services clash, a recipe is not valid.
    """
    parts = find_blueprints([COLLECTOR, name])
    refuse_clashes(parts.values())
    located = parts.get(name)
    if located is None:
        return None
    for service in located.blueprint.services.values():
        if service.image.recipe:
            load_recipe(located.folder / service.image.recipe)
    return located
