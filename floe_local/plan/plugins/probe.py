"""Looks closely at one plugin, in its child process: what it returns, reads, dials and says.

Nothing here judges; `floe_local.conformance` does. Light on purpose: the plugins' child
process imports it.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from floe_local.errors import InputError
from floe_local.plan.plugins.calls import CALLS, OPTIONAL_CALLS, json_fault
from floe_local.plan.plugins.foreign_code import Blamed
from floe_local.plan.plugins.loading import UNIFIED, PluginEntry, load_plugin
from floe_local.plan.plugins.offline import Offline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

UNKNOWN_KEY = "floe_local_unknown_key"
"""No plugin has a setting of this name; each should say so."""

METADATA = ("name", "version", "floe_api_version")


class ReadVariables:
    """Remembers which environment variables are read, as long as this process lives."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        environment = type(os.environ)
        original = environment.__getitem__

        def remembering(variables: Any, key: Any) -> Any:
            if isinstance(key, str | bytes):
                self.names.add(os.fsdecode(key))
            return original(variables, key)

        environment.__getitem__ = remembering  # type: ignore[method-assign]


def probe(job: dict[str, Any], entry: PluginEntry, step: Callable[[str], None]) -> dict[str, Any]:
    """Load a plugin and call each of its config methods, whatever the others do.

    Returns:
        ``metadata`` (field → text, or a type's name in angle brackets), ``answers`` (field of
        `PluginOutput` → what JSON can hold), ``unfit`` (method → why JSON cannot hold what it
        returned), ``errors`` (what could not be called), ``takes_unknown`` (whether it took a
        config key that it cannot know), ``read`` (variables), ``dialled`` (``host:port``).
    """
    reading = ReadVariables()
    seen: dict[str, Any] = {"metadata": {}, "answers": {}, "unfit": {}, "errors": []}
    with Offline() as offline:
        try:
            step("import")
            plugin = load_plugin(entry, job["config"], job["defaults"]).plugin
            seen["metadata"] = {field: _metadata(plugin, field) for field in METADATA}
            for field, method in _methods(plugin, job["kind"], entry):
                step(method)
                _ask(plugin, field, method, entry, seen)
            step("unknown config")
            seen["takes_unknown"] = _takes_unknown(job, entry)
        except InputError as error:
            seen["errors"].append(_told(error))
    return {**seen, "read": sorted(reading.names), "dialled": offline.dialled}


def attempt(job: dict[str, Any], entry: PluginEntry, step: Callable[[str], None]) -> dict[str, Any]:
    """Run a plugin's validate_connection() where nothing answers.

    Returns:
        ``returned`` (``True``, ``False`` or a type's name) or ``raised`` (the names of the
        exception's classes) with its whole ``message``; ``dialled``.
    """
    seen: dict[str, Any] = {}
    with Offline() as offline:
        step("import")
        plugin = load_plugin(entry, job["config"], job["defaults"]).plugin
        step("validate_connection")
        try:
            answer = plugin.validate_connection()
            seen["returned"] = str(answer) if isinstance(answer, bool) else type(answer).__name__
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it raises is the finding
            seen["raised"] = [kind.__name__ for kind in type(error).__mro__]
            seen["message"] = str(error)
    return {**seen, "dialled": offline.dialled}


def _methods(plugin: Any, kind: str, entry: PluginEntry) -> Iterator[tuple[str, str]]:
    yield from CALLS[kind, entry.kind == UNIFIED].items()
    for field, method in OPTIONAL_CALLS[kind].items():
        if callable(getattr(plugin, method, None)):
            yield field, method


def _metadata(plugin: Any, field: str) -> str:
    value = getattr(plugin, field, "")
    return value if isinstance(value, str) else f"<{type(value).__name__}>"


def _ask(plugin: Any, field: str, method: str, entry: PluginEntry, seen: dict[str, Any]) -> None:
    try:
        with Blamed(entry.who, f"{method}()", entry.package, code="plugin-raised"):
            answer = getattr(plugin, method)()
    except InputError as error:
        seen["errors"].append(_told(error))
        return
    fault = json_fault(answer)
    if fault:
        seen["unfit"][method] = fault
    else:
        seen["answers"][field] = json.loads(json.dumps(answer))


def _takes_unknown(job: dict[str, Any], entry: PluginEntry) -> bool:
    try:
        load_plugin(entry, {**job["config"], UNKNOWN_KEY: "x"}, job["defaults"])
    except InputError as error:
        if error.code == "plugin-config":
            return False
        raise
    return True


def _told(error: InputError) -> dict[str, str]:
    return {"code": error.code, "reason": error.reason, "hint": error.hint}
