"""Without ``--live``, what the plugin of a backend that is not played may reach: the stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from floe_local.plan.artifacts import ENDS_IN_PIPELINE
from floe_local.plan.compiler.address import parse_address
from floe_local.plan.compiler.draft import type_of
from floe_local.plan.compiler.in_stack import PROTOCOLS, hosts_of, ingest_of
from floe_local.plan.compiler.reach import (
    STAYING,
    Found,
    addresses,
    found_at,
    last_key,
    leak,
    reaching_components,
)
from floe_local.plan.env_refs import rewritten
from floe_local.plan.nested import scalars

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from floe_local.errors import InputError
    from floe_local.plan.blueprint.model import Blueprint
    from floe_local.plan.compiler.draft import Draft
    from floe_local.plan.compiler.transport import LineageDraft

_OUTSIDE = "would reach an address outside of the stack"
_NOWHERE = "names no service of the stack, so it would call somebody outside of it"
_ANY_HOST = "by-reference"
_SITE_KEYS = frozenset({"site", "domain"})
_HERE = ("unix:", "file:")


def kept_in_stack(draft: Draft) -> Draft:
    """Refuse components that would call somebody outside of the stack.

    Raises:
        InputError: names plugin, distribution and field (``sandbox-leak``).
    """
    calling = not all(type_of(key) in STAYING for key in draft.config["exporters"])
    if draft.stack is None or _is_judged_elsewhere(draft.blueprint, calling=calling):
        return draft
    inside = draft.stack | draft.self_hosts | _names(hosts_of(draft))
    who = draft.output.who
    for section, key, component in reaching_components(draft.config):
        kind = type_of(key)
        exports = section == "exporters"
        taken = exports and ingest_of(draft.blueprint, PROTOCOLS.get(kind, kind)) is not None
        place = (section, key)
        _refuse_outside(who, place, draft.seen(component), inside, taken=taken, calls=exports)
    return draft


def kept_transport(draft: LineageDraft, hosts: Iterable[tuple[str, int]], *, taken: bool) -> None:
    """Refuse a transport that would call somebody outside of the stack.

    Args:
        draft: after all rules.
        hosts: what the stack answers to for this transport, besides its services' names.
        taken: the backend's blueprint says where it takes this type.

    Raises:
        InputError: names plugin, distribution and field (``sandbox-leak``).
    """
    stays = draft.transport["type"] in ENDS_IN_PIPELINE
    if draft.stack is None or stays or _is_judged_elsewhere(draft.blueprint, calling=True):
        return
    inside = draft.stack | _names(hosts)
    who, place = draft.output.who, (draft.place,)
    _refuse_outside(who, place, draft.seen(draft.transport), inside, taken=taken, calls=True)


def _is_judged_elsewhere(blueprint: Blueprint | None, *, calling: bool) -> bool:
    """A played backend by rule `sandbox`; what calls somebody needs a blueprint in any case."""
    return calling if blueprint is None else blueprint.sandbox is not None


def _names(hosts: Iterable[tuple[str, int]]) -> frozenset[str]:
    return frozenset(host.rstrip(".").lower() for host, _ in hosts)


def _refuse_outside(
    who: str,
    place: tuple[str, ...],
    config: Any,
    inside: frozenset[str],
    *,
    taken: bool,
    calls: bool,
) -> None:
    """Refuse addresses outside of the stack, and, in what `calls` somebody, none inside.

    Where the backend takes the protocol, a reference may stand for its host.
    """
    for found in (*addresses(config, place), *_sites(config, place)):
        if not (taken and _host_is_a_reference(found.text)) and not _is_inside(found.text, inside):
            raise _leak(who, found.place, _OUTSIDE)
    if calls and not taken and not _reaches(config, inside):
        raise _leak(who, ".".join(place), _NOWHERE)


def _host_is_a_reference(text: str) -> bool:
    """Whether a reference stands for the host, or for more of an address than that."""
    address = parse_address(rewritten(text, literal=str, reference=lambda *_: _ANY_HOST))
    return address is not None and address.host == _ANY_HOST


def _sites(config: Any, place: tuple[str, ...]) -> Iterator[Found]:
    """Names of a SaaS's installation, of which its exporter makes addresses itself."""
    for path, text in scalars(config, place):
        if last_key(path) in _SITE_KEYS and isinstance(text, str) and text:
            yield found_at(path, text)


def _reaches(config: Any, inside: frozenset[str]) -> bool:
    """Whether a service is called: every address was found to be inside."""
    named = (text for path, text in scalars(config) if last_key(path) != "type")
    return any(text in inside for text in named) or any(addresses(config, ()))


def _is_inside(text: str, inside: frozenset[str]) -> bool:
    """Whether an address ends in the stack; its port may be a reference, its host not."""
    address = parse_address(text) or parse_address(text.partition(":${")[0])
    if address is None:
        return text.startswith(_HERE)
    return address.is_local or address.host.rstrip(".").lower() in inside


def _leak(who: str, place: str, what: str) -> InputError:
    return leak(who, place, what, "`services`")
