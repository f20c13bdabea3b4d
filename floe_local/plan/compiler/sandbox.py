"""Rule sandbox: what would reach a backend's real account reaches its recorder instead."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, NamedTuple

from floe_local.plan.blueprint.placement import sandbox_url
from floe_local.plan.compiler.egress import addresses, egress_error, last_key, sends
from floe_local.plan.compiler.endpoints import parse_address, split_url
from floe_local.plan.env_refs import references, substituted
from floe_local.plan.nested import MISSING, map_scalars, steps, value_at
from floe_local.plan.secrets.mask import names_a_credential
from floe_local.plan.secrets.recognise import credentials_in
from floe_local.plan.values import Signal
from floe_local.plan.yaml_source import dotted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from floe_local.plan.blueprint.model import Sandbox
    from floe_local.plan.compiler.draft import CollectorConfig, Draft
    from floe_local.plan.yaml_source import Path_

DUMMY = "floe-local-sandbox"
WHY_DUMMY = "no real credential in the sandbox; name the key under `sandbox` for another dummy"
WHY = "the sandbox plays this backend; --live uses the real one"
_UNREACHED = "nothing in it reaches the sandbox, so it would call its backend"


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
        url = split_url(value)
        if not url.scheme and isinstance(before, str) and references(before):
            return sandbox_path(self.settings, steps(key)[-1])
        return url.path + url.tail if url.scheme else ""


def sandbox_path(settings: Sandbox | None, key: str) -> str:
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


def replace_endpoints(draft: Draft, part: Path_) -> Draft:
    """Rule sandbox: the keys of a part that the blueprint names lead to the recorder."""
    settings = _settings(draft)
    if settings is None:
        return draft
    filling = Filling(_url(draft), draft.seen, settings)
    config, replaced = with_replaced(draft.at(part), _replacements(draft, part, settings), filling)
    for one in replaced:
        draft = draft.record("sandbox", (*part, one.key), one.before, one.after, WHY)
    return draft.with_value(part, config)


def _replacements(draft: Draft, part: Path_, settings: Sandbox) -> Mapping[str, Any]:
    if draft.is_lineage:
        return settings.transport
    by_type = settings.extensions if part[0] == "extensions" else settings.exporters
    return by_type.get(draft.type_at(part), {})


def replace_credentials(draft: Draft, part: Path_) -> Draft:
    """Rule sandbox-dummy: what is left of references to credentials becomes a dummy."""
    settings = _settings(draft)
    if settings is None:
        return draft
    config, replaced = with_dummies(draft.at(part), settings)
    for one in replaced:
        place = (*part, one.key)
        draft = draft.record("sandbox-dummy", place, one.before, one.after, WHY_DUMMY)
    return draft.with_value(part, config)


def refuse_leaks(draft: Draft, part: Path_) -> Draft:
    """Refuse a part that reaches something else than the recorder, or, where it sends, nothing.

    Raises:
        InputError: names plugin, distribution and field (``sandbox-leak``).
    """
    settings = _settings(draft)
    if settings is None:
        return draft
    kind, must_reach = draft.type_at(part), sends(draft, part)
    if must_reach and not draft.is_lineage and kind not in settings.exporters:
        what = f"the blueprint's `sandbox` does not say how '{kind}' reaches it"
        raise egress_error(draft, part, what)
    reached = False
    for path, text in addresses(draft.seen(draft.at(part))):
        if text == _url(draft) or text.startswith(f"{_url(draft)}/"):
            reached = True
        elif not _is_here(text):
            what = "would reach another address than the sandbox"
            raise egress_error(draft, (*part, *path), what)
    if must_reach and not reached:
        raise egress_error(draft, part, _UNREACHED)
    return draft


def _settings(draft: Draft) -> Sandbox | None:
    """How the backend is played; None: it is not."""
    return draft.backend.sandbox if draft.backend else None


def _url(draft: Draft) -> str:
    """The recorder's base URL."""
    assert draft.blueprint is not None  # noqa: S101 - it is played
    return sandbox_url(draft.blueprint)


def with_replaced(
    config: CollectorConfig, replacements: Mapping[str, Any], filling: Filling
) -> tuple[CollectorConfig, list[Replaced]]:
    """A copy of `config` with dotted keys replaced, and what was.

    Args:
        config: an exporter, an extension or a transport.
        replacements: dotted key → value; text may hold ``{sandbox}`` and ``{path}``.
        filling: what ``{sandbox}`` and ``{path}`` stand for.
    """
    result = deepcopy(config)
    replaced = []
    for key, value in replacements.items():
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
    config: CollectorConfig, settings: Sandbox
) -> tuple[CollectorConfig, list[Replaced]]:
    """A copy of `config` in which no reference to a credential is left, and what was one.

    Args:
        config: components or a transport, with the named keys replaced.
        settings: its `environment` has dummies by name; all other credentials become its
            `credential`, where that is a text.
    """
    credential = settings.credential.value if settings.credential else DUMMY
    dummy = credential if isinstance(credential, str) else DUMMY
    replaced = []

    def one(path: Path_, value: Any) -> Any:
        value = substituted(value, settings.environment)
        names = references(value)
        secret = names if names_a_credential(last_key(path)) else _credentials(names)
        after = substituted(value, dict.fromkeys(secret, dummy))
        if after != value:
            replaced.append(Replaced(dotted(path), value, after))
        return after

    return map_scalars(config, one), replaced


def _credentials(names: Iterable[str]) -> list[str]:
    return [name for name in names if names_a_credential(name)]


def _is_here(text: str) -> bool:
    address = parse_address(text)
    return address is not None and address.is_local
