"""Rule sandbox: what would reach a backend's real account reaches its recorder instead."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from floe_local.plan.artifacts import ENDS_IN_PIPELINE
from floe_local.plan.blueprint.sandboxed import sandbox_url
from floe_local.plan.compiler.address import parse_address
from floe_local.plan.compiler.draft import SECTIONS, type_of
from floe_local.plan.compiler.reach import (
    addresses,
    last_key,
    leak,
    reaching_components,
)
from floe_local.plan.credentials import credentials_in
from floe_local.plan.env_refs import references, substituted
from floe_local.plan.nested import MISSING, map_scalars, steps, value_at
from floe_local.plan.plugins.foreign_code import CREDENTIAL_NAME
from floe_local.plan.values import Signal
from floe_local.plan.yaml_source import dotted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from floe_local.plan.blueprint.model import Blueprint, Sandbox
    from floe_local.plan.compiler.draft import Config, Draft
    from floe_local.plan.compiler.transport import LineageDraft
    from floe_local.plan.yaml_source import Path_

DUMMY = "floe-local-sandbox"
WHY_DUMMY = "no real credential in the sandbox; name the key under `sandbox` for another dummy"
WHY = "the sandbox plays this backend; --live uses the real one"
_UNREACHED = "nothing in it reaches the sandbox, so it would call its backend"
_PATH = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*(?P<path>.*)$", re.DOTALL)


class Replaced(NamedTuple):
    """One key that was replaced, with what stood there (None: nothing)."""

    key: str
    before: Any
    after: Any


class Filling(NamedTuple):
    """What the placeholders of a blueprint's `sandbox` stand for.

    `url` is the recorder's base URL, `seen` gives a text as its component will see it, and
    `settings` know the paths that the recorder plays.
    """

    url: str
    seen: Callable[[Any], Any] = str
    settings: Sandbox | None = None

    def of(self, key: str, value: Any, before: Any) -> Any:
        """What takes the place of `before` under a dotted key."""
        if not isinstance(value, str):
            return value
        return value.replace("{sandbox}", self.url).replace("{path}", self._path(key, before))

    def _path(self, key: str, before: Any) -> str:
        """The path of the URL that stood there; where that is not known, the one played."""
        value = str(self.seen(before))
        if value != before and any(credentials_in({"url": value})):
            value = value.partition("?")[0]  # what a variable holds is not written into a file
        match = _PATH.match(value)
        if match is None and isinstance(before, str) and references(before):
            return played_path(self.settings, steps(key)[-1])
        return match["path"] if match else ""


def played_path(settings: Sandbox | None, key: str) -> str:
    """The path that the recorder plays for what is sent to the URL under a key."""
    routes = settings.routes if settings else ()
    for route in routes:
        if route.signal is not None and key == f"{route.signal}_endpoint":
            return route.path
        appended = f"/v1/{route.signal}"  # an OTLP exporter's, to its `endpoint`
        if key == "endpoint" and route.path.endswith(appended):
            return route.path.removesuffix(appended)
        if key == "url" and route.signal is Signal.LINEAGE:
            return route.path
    return ""


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
    draft = _without_credentials(draft, settings)
    _refuse_unplayed(draft, settings, url)
    return draft


def _without_credentials(draft: Draft, settings: Sandbox) -> Draft:
    for section in SECTIONS:
        config, replaced = with_dummies(draft.config[section], settings, (section,))
        draft = draft.having(**{section: config})
        for one in replaced:
            draft = draft.noting("sandbox-dummy", one.key, one.before, one.after, WHY_DUMMY)
    return draft


def _refuse_unplayed(draft: Draft, settings: Sandbox, url: str) -> None:
    """Exporters reach the recorder, and no component reaches anything else."""
    who = draft.output.who
    for section, key, component in reaching_components(draft.config):
        place, kind = f"{section}.{key}", type_of(key)
        exports = section == "exporters"
        if exports and kind not in settings.exporters:
            what = f"the blueprint's `sandbox` does not say how '{kind}' reaches it"
            raise leak(who, place, what)
        reached = _refuse_leaks(who, (section, key), draft.seen(component), url)
        if exports and not reached:
            raise leak(who, place, _UNREACHED)


def _played(blueprint: Blueprint | None) -> tuple[Sandbox, str] | None:
    """How a backend is played, and the recorder's base URL; None: it is not played."""
    if blueprint is None or blueprint.sandbox is None:
        return None
    return blueprint.sandbox, sandbox_url(blueprint)


def _component(draft: Draft, section: str, key: str, wanted: Mapping[str, Any], url: str) -> Draft:
    filling = Filling(url, draft.seen, draft.blueprint.sandbox if draft.blueprint else None)
    config, replaced = with_replaced(draft.config[section][key] or {}, wanted, filling)
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
    filling = Filling(url, draft.seen, settings)
    config, replaced = with_replaced(draft.transport, settings.transport, filling)
    for one in replaced:
        draft = draft.noting("sandbox", one.key, one.before, one.after, WHY)
    config, replaced = with_dummies(config, settings)
    for one in replaced:
        draft = draft.noting("sandbox-dummy", one.key, one.before, one.after, WHY_DUMMY)
    reached = _refuse_leaks(draft.output.who, (draft.place,), draft.seen(config), url)
    if not reached and config.get("type") not in ENDS_IN_PIPELINE:
        raise leak(draft.output.who, draft.place, _UNREACHED)
    return replace(draft, transport=config)


def with_replaced(
    config: Config, wanted: Mapping[str, Any], filling: Filling
) -> tuple[Config, list[Replaced]]:
    """A copy of `config` with dotted keys replaced, and what was.

    Args:
        config: an exporter, an extension or a transport.
        wanted: dotted key → value; text may hold ``{sandbox}`` and ``{path}``.
        filling: what ``{sandbox}`` and ``{path}`` stand for.
    """
    result = deepcopy(config)
    replaced = []
    for key, value in wanted.items():
        *parents, last = path = steps(key)
        found = value_at(result, path)
        before = None if found is MISSING else found
        if isinstance(value, str) and "{path}" in value and not isinstance(before, str):
            continue
        after = filling.of(key, value, before)
        inner = result
        for parent in parents:
            below = inner.get(parent)
            inner[parent] = below if isinstance(below, dict) else {}
            inner = inner[parent]
        inner[last] = after
        replaced.append(Replaced(key, before, after))
    return result, replaced


def with_dummies(
    config: Config, settings: Sandbox, place: Path_ = ()
) -> tuple[Config, list[Replaced]]:
    """A copy of `config` in which no reference to a credential is left, and what was one.

    Args:
        config: components or a transport, with the named keys replaced.
        settings: its `environment` has dummies by name; all other credentials become its
            `credential`, where that is a text.
        place: where `config` stands.
    """
    wanted = settings.credential.value if settings.credential else DUMMY
    dummy = wanted if isinstance(wanted, str) else DUMMY
    replaced = []

    def one(path: Path_, value: Any) -> Any:
        value = substituted(value, settings.environment)
        names = references(value)
        secret = names if CREDENTIAL_NAME.search(last_key(path)) else _credentials(names)
        after = substituted(value, dict.fromkeys(secret, dummy))
        if after != value:
            replaced.append(Replaced(dotted(path), value, after))
        return after

    return map_scalars(config, one, place), replaced


def _credentials(names: Iterable[str]) -> list[str]:
    return [name for name in names if CREDENTIAL_NAME.search(name)]


def _refuse_leaks(who: str, place: tuple[str, ...], config: Any, url: str) -> bool:
    """Whether `config` reaches the recorder; nothing else may be in it."""
    reached = False
    for place_of, text in addresses(config, place):
        if text == url or text.startswith(f"{url}/"):
            reached = True
        elif not _is_here(text):
            raise leak(who, place_of, "would reach another address than the sandbox")
    return reached


def _is_here(text: str) -> bool:
    address = parse_address(text)
    return address is not None and address.is_local
