"""What a config calls, and may: nothing in plain text outside, nothing but the stack unless live.

Addresses are looked for wherever they stand. A sandboxed backend is rule `sandbox`'s to judge.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from floe_local.errors import InputError
from floe_local.plan.artifacts import ENDS_IN_COLLECTOR, ENDS_IN_PIPELINE, SCRAPED
from floe_local.plan.compiler.draft import SECTIONS, components, senders, type_of
from floe_local.plan.compiler.endpoints import (
    SCHEME,
    hosts_of,
    parse_address,
    split_url,
    takes,
)
from floe_local.plan.env_refs import references, rewritten, seen
from floe_local.plan.nested import scalars
from floe_local.plan.values import Egress, Placement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from floe_local.plan.compiler.draft import Draft
    from floe_local.plan.yaml_source import Path_

LOCAL_ENVIRONMENTS = frozenset({"local", "dev", "development", "test", "ci"})
"""Environments whose backends may be a stack on one machine, where plain text is fine."""

CALL_NOBODY = ENDS_IN_COLLECTOR | SCRAPED | ENDS_IN_PIPELINE
"""Types of exporters and transports that call nobody: what they take ends there, or is fetched."""

_ONLY_DATA = frozenset(
    {
        *("attributes", "filter", "metricstransform", "redaction", "resource", "span"),
        *("tail_sampling", "transform", "count", "routing", "spanmetrics"),
    }
)
"""Types of processors and connectors in which an address is a value of telemetry."""

_NEVER_CALLED = frozenset({"headers", "labels", "const_labels", "external_labels"})
"""Keys under which an address is told to others, and not called."""

_ADDRESS = re.compile(
    rf"{SCHEME}[^\s,;\"'<>]*"
    r"|(?<![\w.:/{-])(?:\[[0-9A-Fa-f:.]+\]|(?=[\w.-]*[A-Za-z.])\w[\w.-]*):\d{1,5}(?![\w:.@-])"
)
_BARE_DOMAIN = re.compile(r"^[A-Za-z0-9][\w-]*(?:\.[\w-]+)*\.(?:[A-Za-z]{2,}|\d+\.\d+\.\d+)(?=/|$)")
_ADDRESS_KEY = re.compile(
    r"(?:endpoint|url|uri|addr|address|host|server|broker|dsn|connection_?string"
    r"|endpointoverride)(?:e?s)?$",
    re.IGNORECASE,
)
_SITE_KEYS = frozenset({"site", "domain"})
"""Keys for a SaaS's installation, of which its exporter makes addresses itself."""

_PLAIN_SCHEMES = ("http://", "grpc://")
_OFF = frozenset({"", "0", "f", "false", "none", "null"})
_OWN_DOMAINS = (".svc", ".local", ".internal")
_ANY_HOST = "by.reference"
_HERE = ("unix:", "file:")
_OUTSIDE = "would reach an address outside of the stack"
_NOWHERE = "names no service of the stack, so it would call somebody outside of it"


class Found(NamedTuple):
    """An address, and the path to it; `text` may be a reference, ``${env:URL}``."""

    path: Path_
    text: str


def addresses(value: Any) -> Iterator[Found]:
    """URLs and ``host:port`` in any text; names and references under a key that holds them."""
    for path, text in scalars(value):
        if isinstance(text, str) and not _NEVER_CALLED.intersection(path):
            yield from (Found(path, found) for found in _in_text(path, text))


def _in_text(path: Path_, text: str) -> list[str]:
    if not _holds_address(path):
        return _ADDRESS.findall(text)
    if references(text) and parse_address(text) is None:
        return [text]
    return _ADDRESS.findall(text) or ([text] if _BARE_DOMAIN.match(text) else [])


def _holds_address(path: Path_) -> bool:
    """Whether the key at the end of a path is one that holds an address."""
    return bool(_ADDRESS_KEY.search(last_key(path)))


def last_key(path: Path_) -> str:
    """The last step of a path that is not an index."""
    return next((str(step) for step in reversed(path) if isinstance(step, str)), "")


def callers(draft: Draft) -> Iterator[Path_]:
    """The parts that may call somebody: components, or transports."""
    if draft.is_lineage:
        return (part for part in senders(draft) if draft.type_at(part) not in CALL_NOBODY)
    return (part for part in components(draft, *SECTIONS) if _may_call(*map(str, part)))


def _may_call(section: str, component: str) -> bool:
    kind = type_of(component)
    if section in {"processors", "connectors"}:
        return kind not in _ONLY_DATA
    return section != "exporters" or kind not in CALL_NOBODY


def sends(draft: Draft, part: Path_) -> bool:
    """Whether a part is there to call somebody: an exporter or a transport."""
    return draft.is_lineage or part[0] == "exporters"


def egress_error(
    draft: Draft, place: str | Path_, what: str, section: str = "sandbox"
) -> InputError:
    """The error for what would reach a real account without ``--live``.

    Args:
        draft: of the plugin.
        place: of what would.
        what: would happen.
        section: of the blueprint, which may say otherwise.
    """
    reason = f"{draft.output.who}: {draft.where(place)}: {what}"
    hint = f"name it under `{section}` in the plugin's blueprint.yaml, or use --live"
    return InputError("sandbox-leak", reason, hint)


def refuse_egress(draft: Draft, part: Path_) -> Draft:
    """Refuse what would call somebody outside of the stack.

    In what sends, there must be an address inside of it, too. Where the backend takes the
    protocol, a reference may stand for its host.

    Raises:
        InputError: names plugin, distribution and field (``sandbox-leak``).
    """
    if draft.around.egress is Egress.ANYWHERE or _is_judged_elsewhere(draft):
        return draft
    config = draft.seen(draft.at(part))
    inside = draft.around.services | {h.rstrip(".").lower() for h, _ in hosts_of(draft)}
    taken = sends(draft, part) and takes(draft, part)
    for path, text in (*addresses(config), *_sites(config)):
        if not (taken and _host_is_a_reference(text)) and not _is_inside(text, inside):
            raise egress_error(draft, (*part, *path), _OUTSIDE, "services")
    if sends(draft, part) and not taken and not _reaches(config, inside):
        raise egress_error(draft, part, _NOWHERE, "services")
    return draft


def _is_judged_elsewhere(draft: Draft) -> bool:
    """Whether rule `sandbox` has judged it, or it will be missed that a blueprint is not there."""
    if draft.blueprint is None:
        return any(draft.type_at(part) not in CALL_NOBODY for part in senders(draft))
    return draft.placement is Placement.SANDBOXED


def _host_is_a_reference(text: str) -> bool:
    """Whether a reference stands for the host, or for more of an address than that."""
    address = parse_address(rewritten(text, literal=str, reference=lambda *_: _ANY_HOST))
    return address is not None and address.host == _ANY_HOST


def _sites(config: Any) -> Iterator[Found]:
    for path, text in scalars(config):
        if last_key(path) in _SITE_KEYS and isinstance(text, str) and text:
            yield Found(path, text)


def _reaches(config: Any, inside: frozenset[str]) -> bool:
    """Whether a service is called: every address was found to be inside."""
    named = (text for path, text in scalars(config) if last_key(path) != "type")
    return any(text in inside for text in named) or any(addresses(config))


def _is_inside(text: str, inside: frozenset[str]) -> bool:
    """Whether an address ends in the stack; its port may be a reference, its host not."""
    address = parse_address(text) or parse_address(text.partition(":${")[0])
    if address is None:
        return text.startswith(_HERE)
    return address.is_local or address.name in inside


def refuse_plain_text(draft: Draft, part: Path_) -> Draft:
    """Refuse TLS off where it leaves the machine or the cluster (ADR-0035, security).

    An exporter may do without in a local environment, unless the backend runs elsewhere; a
    transport wherever the lineage does not go to a SaaS. Both are judged with the variables
    that are set, and as if none was.

    Raises:
        InputError: names plugin, distribution, field and environment (``plain-text``).
    """
    leaves = _lineage_leaves if draft.is_lineage else _telemetry_leaves
    for path, value in scalars(draft.at(part)):
        for found in (str(draft.seen(value)), str(seen(value, {}))):
            if _is_plain(draft, path, found) and leaves(draft, found):
                raise _plain_text(draft, (*part, *path))
    return draft


def _is_plain(draft: Draft, path: Path_, text: str) -> bool:
    """Whether a value turns TLS off. Of a transport, its `url` says it."""
    if draft.is_lineage and path != ("url",):
        return False
    if path[-2:] == ("tls", "insecure") and text.strip().lower() not in _OFF:
        return True
    found = (split_url(address).scheme.lower() for address in _ADDRESS.findall(text))
    return _holds_address(path) and any(scheme in _PLAIN_SCHEMES for scheme in found)


def _telemetry_leaves(draft: Draft, _: str) -> bool:
    return _runs_elsewhere(draft) or draft.around.environment not in LOCAL_ENVIRONMENTS


def _lineage_leaves(draft: Draft, url: str) -> bool:
    """Whether lineage goes to a SaaS; what only a private network knows is none."""
    known, is_local = parse_address(url), draft.around.environment in LOCAL_ENVIRONMENTS
    # A host that is only known when it runs may be a public one.
    address = known or parse_address(rewritten(url, literal=str, reference=lambda *_: _ANY_HOST))
    if address is None or (known is None and is_local):
        return False
    if address.is_private or "." not in address.name or address.name.endswith(_OWN_DOMAINS):
        return False
    return not is_local if draft.blueprint is None else _runs_elsewhere(draft)


def _runs_elsewhere(draft: Draft) -> bool:
    """Whether the backend is known not to run in the stack itself."""
    return draft.placement in {Placement.SANDBOXED, Placement.ELSEWHERE}


def _plain_text(draft: Draft, path: Path_) -> InputError:
    environment = draft.around.environment
    return InputError(
        "plain-text",
        f"{draft.output.who}: {draft.where(path)}: no TLS, in environment '{environment}'",
        "configure the plugin with https, or TLS on: only a backend in a local stack is called "
        f"in plain text (environments {', '.join(sorted(LOCAL_ENVIRONMENTS))})",
    )
