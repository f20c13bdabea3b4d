"""PluginRegistry: which plugins are installed here; imports only the one that is asked for."""

from __future__ import annotations

import difflib
import re
import sys
from functools import cached_property
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from floe_local.errors import InputError
from floe_local.plan.plugins.loading import UNIFIED, PluginEntry, load_plugin
from floe_local.plan.values import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from importlib.metadata import Distribution

GROUPS: Mapping[str, str] = {
    Kind.TELEMETRY.value: "floe.telemetry_backends",
    Kind.LINEAGE.value: "floe.lineage_backends",
    UNIFIED: "floe.observability",
}
"""The entry-point group of each kind of plugin; the last one is deprecated (ADR-0035)."""


class LoadReport(NamedTuple):
    """What came of loading one plugin: the plugin itself, or why not."""

    entry: PluginEntry
    plugin: Any = None
    error: InputError | None = None


class PluginRegistry:
    """The plugins that are installed beside floe-local.

    Args:
        entries: the plugins to know; None: those that the installed distributions declare.

    Example:
        >>> registry = PluginRegistry()
        >>> [entry.name for entry in registry.entries()]  # doctest: +SKIP
        ['tempo', 'openmetadata']
        >>> registry.get("telemetry", "tempo").an_extra_method()  # doctest: +SKIP
    """

    def __init__(self, entries: Iterable[PluginEntry] | None = None) -> None:
        self._given = None if entries is None else tuple(entries)

    @cached_property
    def _known(self) -> tuple[PluginEntry, ...]:
        found = installed_entries() if self._given is None else self._given
        return tuple(sorted(found))

    def entries(self, kind: Kind | str | None = None) -> tuple[PluginEntry, ...]:
        """List the plugins, of one kind or all, without importing any."""
        return tuple(e for e in self._known if kind is None or e.kind == kind)

    def find(
        self, kind: Kind | str, name: str, *, where: str = "", unified: bool = False
    ) -> PluginEntry:
        """Find the one plugin that serves `name`, without importing it.

        Args:
            kind: what it is to serve, telemetry or lineage.
            name: what the manifest calls it.
            where: the place in the manifest, for the error.
            unified: the manifest named it under the deprecated ``observability``; then a
                unified plugin of that name goes before one of `kind`.

        Raises:
            InputError: there is none, or two distributions declare one of that name.
        """
        groups = (UNIFIED, str(kind)) if unified else (str(kind), UNIFIED)
        for group in groups:
            found = [e for e in self._known if e.kind == group and e.name == name]
            if len(found) > 1:
                raise _ambiguous(found, where)
            if found:
                return found[0]
        raise self._unknown(str(kind), name, where, unified=unified)

    def get(self, kind: Kind | str, name: str, config: Mapping[str, Any] | None = None) -> Any:
        """Give the plugin itself, configured: its extra methods are there too.

        Raises:
            InputError: it is unknown, ambiguous, broken, or refuses its config.
        """
        return load_plugin(self.find(kind, name), config or {}).plugin

    def load_all(self) -> Iterator[LoadReport]:
        """Load each plugin in turn; a broken one is reported, and hurts no other."""
        for entry in self._known:
            try:
                yield LoadReport(entry, plugin=load_plugin(entry, {}).plugin)
            except InputError as error:
                yield LoadReport(entry, error=error)

    def _unknown(self, kind: str, name: str, where: str, *, unified: bool) -> InputError:
        asked = f"`{UNIFIED}: {name}`" if unified else f"'{name}'"
        reason = f"{_at(where)}no {kind} plugin for {asked} is installed"
        hints = [self._split_hint(name)] if unified else list(self._near_hints(kind, name))
        hints.append(
            f"Looked for the entry point '{name}' in group '{GROUPS[kind]}' of the distributions "
            f"in {sys.prefix}; {_how_to_add()}"
        )
        return InputError("plugin-unknown", reason, " ".join(hint for hint in hints if hint))

    def _near_hints(self, kind: str, name: str) -> Iterator[str]:
        known = self._names(kind)
        near = difflib.get_close_matches(name, known, n=3)
        if near:
            yield f"Did you mean {_quoted(near)}?"
        elif known:
            yield f"Installed {kind} plugins: {_quoted(known)}."
        other = Kind.LINEAGE if kind == Kind.TELEMETRY else Kind.TELEMETRY
        if name in self._names(other):
            yield f"There is a {other} plugin of that name: name it under {other}_backend."

    def _split_hint(self, name: str) -> str:
        choices = [
            f"{kind}_backend: {name if name in names else ' or '.join(names) or '…'}"
            for kind in Kind
            for names in [self._names(kind)]
        ]
        return (
            f"`{UNIFIED}` is deprecated (ADR-0035), and no unified plugin '{name}' is installed. "
            f"Write under plugins: {', '.join(choices)}."
        )

    def _names(self, kind: Kind | str) -> list[str]:
        return sorted({e.name for e in self._known if e.kind == kind})


def installed_entries() -> Iterator[PluginEntry]:
    """Read the plugins' entry points of all installed distributions; imports nothing.

    The first distribution of a name on the path hides a later one, as for imports.
    """
    kinds = {group: kind for kind, group in GROUPS.items()}
    seen: set[str] = set()
    for distribution in distributions():
        text = distribution.read_text("entry_points.txt") or ""
        if "floe." not in text:  # saves parsing the metadata of a hundred others
            continue
        name, version = _identity(distribution)
        if name in seen:
            continue
        seen.add(name)
        location = str(distribution.locate_file(""))
        for point in distribution.entry_points:
            if point.group in kinds:
                yield PluginEntry(
                    kinds[point.group], point.name, point.value, name, version, location
                )


def _identity(distribution: Distribution) -> tuple[str, str]:
    """Give name (normalised) and version; a damaged METADATA file has neither."""
    metadata = distribution.metadata
    found = {field: metadata[field] for field in ("Name", "Version") if field in metadata}
    name, version = found.get("Name", "unknown-distribution"), found.get("Version", "")
    return re.sub(r"[-_.]+", "-", name).lower(), version


def _ambiguous(found: Iterable[PluginEntry], where: str) -> InputError:
    found = list(found)
    declared = " and ".join(f"{e.distribution} {e.version} ({e.target})" for e in found)
    reason = (
        f"{_at(where)}{len(found)} {found[0].kind} plugins are called '{found[0].name}': {declared}"
    )
    return InputError(
        "plugin-ambiguous", reason, f"Uninstall all but one of them from {sys.prefix}."
    )


def _at(where: str) -> str:
    return f"{where}: " if where else ""


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _how_to_add() -> str:
    """Say how a plugin is added to this installation, without naming a public package."""
    prefix = Path(sys.prefix)
    if (prefix / "uv-receipt.toml").exists():
        command = "uv tool install floe-local --with <its distribution>"
    elif (prefix / "pipx_metadata.json").exists():
        command = "pipx inject floe-local <its distribution>"
    else:
        command = f"{sys.executable} -m pip install <its distribution>"
    return f"add the distribution that you know to provide it there: {command}"
