"""Rule sandbox: what would reach a backend's real account reaches its recorder instead."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from floe_local.errors import InputError
from floe_local.plan.blueprint.sandboxed import sandbox_url
from floe_local.plan.compiler.draft import type_of
from floe_local.plan.env_refs import substituted
from floe_local.plan.nested import MISSING, scalars, steps, value_at
from floe_local.plan.yaml_source import dotted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from floe_local.plan.blueprint.model import Blueprint, Sandbox
    from floe_local.plan.compiler.draft import Config, Draft
    from floe_local.plan.compiler.transport import LineageDraft

WHY = "the sandbox plays this backend; --live uses the real one"
_PATH = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*(?P<path>.*)$", re.DOTALL)
_AN_ADDRESS = re.compile(r"^\s*(?:[A-Za-z][A-Za-z0-9+.-]*://|[\w.\[\]-]+:\d{1,5}$)")
_ADDRESS_KEY = re.compile(r"(?:endpoint|url|uri|address|host|endpointoverride)$", re.IGNORECASE)
_NOWHERE = frozenset({"debug", "nop"})


class Replaced(NamedTuple):
    """One key that was replaced, with what stood there (None: nothing)."""

    key: str
    before: Any
    after: Any


def sandboxed_exporters(draft: Draft) -> Draft:
    """Replace the keys that the blueprint names, in exporters and in extensions.

    Raises:
        InputError: something would still reach another address (``sandbox-leak``).
    """
    played = _played(draft.blueprint)
    if played is None:
        return draft
    settings, url = played
    for section, wanted in (
        ("extensions", settings.extensions),
        ("exporters", settings.exporters),
    ):
        for key in draft.config[section]:
            draft = _component(draft, section, key, wanted.get(type_of(key), {}), url)
    dummies = settings.environment
    draft = draft.having(
        **{s: substituted(draft.config[s], dummies) for s in ("extensions", "exporters")}
    )
    for key, exporter in draft.config["exporters"].items():
        if type_of(key) not in settings.exporters and type_of(key) not in _NOWHERE:
            what = f"the blueprint's `sandbox` does not say how '{type_of(key)}' reaches it"
            raise _leak(draft.output.who, f"exporters.{key}", what)
        _refuse_leaks(draft.output.who, ("exporters", key), exporter, url)
    for key, extension in draft.config["extensions"].items():
        _refuse_leaks(draft.output.who, ("extensions", key), extension, url)
    return draft


def _played(blueprint: Blueprint | None) -> tuple[Sandbox, str] | None:
    """How a backend is played, and the recorder's base URL; None: it is not played."""
    if blueprint is None or blueprint.sandbox is None:
        return None
    return blueprint.sandbox, sandbox_url(blueprint)


def _component(draft: Draft, section: str, key: str, wanted: Mapping[str, Any], url: str) -> Draft:
    config, replaced = with_replaced(draft.config[section][key] or {}, wanted, url)
    for one in replaced:
        place = f"{section}.{key}.{one.key}"
        draft = draft.noting("sandbox", place, one.before, one.after, WHY)
    return draft.having(**{section: {**draft.config[section], key: config}})


def sandboxed_transport(draft: LineageDraft) -> LineageDraft:
    """Replace the keys of the transport that the blueprint names.

    Raises:
        InputError: it would still reach another address (``sandbox-leak``).
    """
    played = _played(draft.blueprint)
    if played is None:
        return draft
    settings, url = played
    config, replaced = with_replaced(draft.transport, settings.transport, url)
    config = substituted(config, settings.environment)
    for one in replaced:
        draft = draft.noting("sandbox", one.key, one.before, one.after, WHY)
    _refuse_leaks(draft.output.who, (draft.place,), config, url)
    return replace(draft, transport=config)


def with_replaced(
    config: Config, wanted: Mapping[str, Any], url: str
) -> tuple[Config, list[Replaced]]:
    """A copy of `config` with dotted keys replaced, and what was.

    Args:
        config: an exporter, an extension or a transport.
        wanted: dotted key → value; text may hold ``{sandbox}`` and ``{path}``.
        url: what ``{sandbox}`` stands for.
    """
    result = deepcopy(config)
    replaced = []
    for key, value in wanted.items():
        *parents, last = path = steps(key)
        found = value_at(result, path)
        before = None if found is MISSING else found
        if isinstance(value, str) and "{path}" in value and not isinstance(before, str):
            continue
        after = _filled(value, url, before)
        inner = result
        for parent in parents:
            below = inner.get(parent)
            inner[parent] = below if isinstance(below, dict) else {}
            inner = inner[parent]
        inner[last] = after
        replaced.append(Replaced(key, before, after))
    return result, replaced


def _filled(value: Any, url: str, before: Any) -> Any:
    if not isinstance(value, str):
        return value
    match = _PATH.match(before) if isinstance(before, str) else None
    return value.replace("{sandbox}", url).replace("{path}", match["path"] if match else "")


def _refuse_leaks(who: str, place: tuple[str, ...], config: Any, url: str) -> None:
    for path, text in _addresses(config, place):
        if text != url and not text.startswith(f"{url}/"):
            raise _leak(who, dotted(path), "would reach another address than the sandbox")


def _addresses(value: Any, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every text that is an address, or stands under a key that holds one."""
    for steps_to, text in scalars(value, place):
        path = tuple(map(str, steps_to))
        if not isinstance(text, str) or not text:
            continue
        named = _ADDRESS_KEY.search(path[-1])
        if (named and "${" in text) or (_AN_ADDRESS.match(text) and ("://" in text or named)):
            yield path, text


def _leak(who: str, place: str, what: str) -> InputError:
    return InputError(
        "sandbox-leak",
        f"{who}: {place}: {what}",
        "name the key under `sandbox` in the plugin's blueprint.yaml, or use --live",
    )
