"""The ADR's production rules: nothing leaves a cluster in plain text (ADR-0035, security)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from floe_local.errors import InputError
from floe_local.plan.compiler.address import parse_address

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from floe_local.plan.blueprint.model import Blueprint
    from floe_local.plan.compiler.draft import Draft
    from floe_local.plan.compiler.transport import LineageDraft

LOCAL_ENVIRONMENTS = frozenset({"local", "dev", "development", "test", "ci"})
"""Environments whose backends may be a stack on one machine, where plain text is fine."""

_OWN_DOMAINS = (".svc", ".local", ".internal")
_PLAIN = frozenset({"http", "grpc"})


def encrypted_exporters(draft: Draft) -> Draft:
    """Refuse exporters with TLS off, where they would run outside a local stack.

    Raises:
        InputError: names plugin, distribution, field and environment (``plain-text``).
    """
    elsewhere = draft.blueprint is not None and _has_no_services(draft.blueprint)
    if not elsewhere and draft.environment in LOCAL_ENVIRONMENTS:
        return draft
    for key, exporter in draft.config["exporters"].items():
        for field in _plain_fields(exporter or {}):
            raise _refused(draft.output.who, f"exporters.{key}.{field}", draft.environment)
    return draft


def encrypted_transport(draft: LineageDraft) -> LineageDraft:
    """Refuse plain HTTP to a lineage backend that runs elsewhere, as a SaaS does.

    Raises:
        InputError: names plugin, distribution, field and environment (``plain-text``).
    """
    address = parse_address(draft.transport.get("url"))
    if address is None or address.scheme.lower() != "http" or address.is_local:
        return draft
    if _runs_elsewhere(draft, address.host):
        raise _refused(draft.output.who, f"{draft.place}.url", draft.environment)
    return draft


def _runs_elsewhere(draft: LineageDraft, host: str) -> bool:
    """Whether lineage goes to a SaaS; a name that only a private network knows is none."""
    name = host.rstrip(".").lower()
    if "." not in name or name.endswith(_OWN_DOMAINS):
        return False
    if draft.blueprint is not None:
        return _has_no_services(draft.blueprint)
    return draft.environment not in LOCAL_ENVIRONMENTS


def _has_no_services(blueprint: Blueprint) -> bool:
    """Whether the backend itself runs elsewhere; what the sandbox adds is no part of it."""
    return bool(blueprint.sandbox) or not blueprint.services


def _plain_fields(exporter: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in exporter.items():
        field = f"{prefix}{key}"
        if isinstance(value, dict):
            if key == "tls" and value.get("insecure") is True:
                yield f"{field}.insecure"
            yield from _plain_fields(value, f"{field}.")
        elif str(key).endswith("endpoint"):
            address = parse_address(value)
            if address and address.scheme.lower() in _PLAIN:
                yield field


def _refused(who: str, place: str, environment: str) -> InputError:
    return InputError(
        "plain-text",
        f"{who}: {place}: no TLS, in environment '{environment}'",
        "configure the plugin with https, or TLS on: only a backend in a local stack is called "
        f"in plain text (environments {', '.join(sorted(LOCAL_ENVIRONMENTS))})",
    )
