"""The ADR's production rules: nothing leaves a cluster in plain text (ADR-0035, security)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from floe_local.errors import InputError
from floe_local.plan.compiler.address import parse_address
from floe_local.plan.compiler.reach import holds_address
from floe_local.plan.env_refs import rewritten, seen
from floe_local.plan.nested import scalars
from floe_local.plan.yaml_source import dotted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from floe_local.plan.blueprint.model import Blueprint
    from floe_local.plan.compiler.address import Address
    from floe_local.plan.compiler.draft import Draft
    from floe_local.plan.compiler.transport import LineageDraft

LOCAL_ENVIRONMENTS = frozenset({"local", "dev", "development", "test", "ci"})
"""Environments whose backends may be a stack on one machine, where plain text is fine."""

_OWN_DOMAINS = (".svc", ".local", ".internal")
_PLAIN_URL = re.compile(r"(?<![A-Za-z0-9+.-])(?:http|grpc)://", re.IGNORECASE)
_OFF = frozenset({"", "0", "f", "false", "none", "null"})


def encrypted_exporters(draft: Draft) -> Draft:
    """Refuse exporters with TLS off, where they would run outside a local stack.

    Raises:
        InputError: names plugin, distribution, field and environment (``plain-text``).
    """
    elsewhere = draft.blueprint is not None and _has_no_services(draft.blueprint)
    if not elsewhere and draft.environment in LOCAL_ENVIRONMENTS:
        return draft
    for key, exporter in draft.config["exporters"].items():
        for field in _plain_fields(draft, exporter or {}):
            raise _refused(draft.output.who, f"exporters.{key}.{field}", draft.environment)
    return draft


def encrypted_transport(draft: LineageDraft) -> LineageDraft:
    """Refuse plain HTTP to a lineage backend that runs elsewhere, as a SaaS does.

    Raises:
        InputError: names plugin, distribution, field and environment (``plain-text``).
    """
    given = str(draft.transport.get("url"))
    for url in (str(draft.seen(given)), str(seen(given, {}))):
        known = parse_address(url)
        address = known or _of_any_host(url)
        if address is None or (known is None and draft.environment in LOCAL_ENVIRONMENTS):
            continue
        if address.scheme.lower() == "http" and _runs_elsewhere(draft, address):
            raise _refused(draft.output.who, f"{draft.place}.url", draft.environment)
    return draft


def _of_any_host(url: str) -> Address | None:
    """An address whose host is only known when it runs: it may be a public one."""
    return parse_address(rewritten(url, literal=str, reference=lambda *_: "by.reference"))


def _runs_elsewhere(draft: LineageDraft, address: Address) -> bool:
    """Whether lineage goes to a SaaS; what only a private network knows is none."""
    name = address.host.rstrip(".").lower()
    if address.is_private or "." not in name or name.endswith(_OWN_DOMAINS):
        return False
    if draft.blueprint is not None:
        return _has_no_services(draft.blueprint)
    return draft.environment not in LOCAL_ENVIRONMENTS


def _has_no_services(blueprint: Blueprint) -> bool:
    """Whether the backend itself runs elsewhere; what the sandbox adds is no part of it."""
    return bool(blueprint.sandbox) or not blueprint.services


def _plain_fields(draft: Draft, exporter: Mapping[str, Any]) -> Iterator[str]:
    """What turns TLS off with the variables that are set, or where none is."""
    for path, value in scalars(exporter):
        for found in (draft.seen(value), seen(value, {})):
            is_on = str(found).strip().lower() not in _OFF
            insecure = path[-2:] == ("tls", "insecure") and is_on
            if insecure or (holds_address(path) and _PLAIN_URL.search(str(found))):
                yield dotted(tuple(map(str, path)))


def _refused(who: str, place: str, environment: str) -> InputError:
    return InputError(
        "plain-text",
        f"{who}: {place}: no TLS, in environment '{environment}'",
        "configure the plugin with https, or TLS on: only a backend in a local stack is called "
        f"in plain text (environments {', '.join(sorted(LOCAL_ENVIRONMENTS))})",
    )
