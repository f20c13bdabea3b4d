"""Keep credentials out of reports: clients, and backends, quote what they were sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from floe_local.plan.env_refs import references
from floe_local.plan.nested import map_texts
from floe_local.plan.secrets.mask import SHORTEST_SECRET, hide, names_a_credential
from floe_local.prove.report import Check, CleanupResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from floe_local.prove.targets import BackendTarget, Targets

Part = TypeVar("Part", Check, CleanupResult)

_IDENTITY = {"backend", "signal", "protocol", "canary", "verdict", "hop"}


def secrets_of(targets: Targets, environ: Mapping[str, str]) -> frozenset[str]:
    """The credentials that go along with a smoke test's requests, also as errors quote them."""
    return frozenset().union(*(secrets_in(target, environ) for target in targets.backends))


def secrets_in(target: BackendTarget, environ: Mapping[str, str]) -> frozenset[str]:
    """The credentials that go along with the requests to one backend.

    That is what stands in a header, or in a transport; in an address, what is called so.
    """
    probes = [probe.request for probes in target.readback.values() for probe in probes]
    removals = [request for rule in target.cleanup for request in (rule.request, rule.verify)]
    transport = dict(target.transport or {})
    addresses = references([target.endpoints, transport.pop("url", None)])
    sent = references([transport, *(request.headers for request in (*probes, *removals))])
    names = [*sent, *(name for name in addresses if names_a_credential(name))]
    values = (environ.get(name, "").strip() for name in names)
    long = [value for value in values if len(value) >= SHORTEST_SECRET]
    return frozenset(form for value in long for form in (value, repr(value)[1:-1]))


def mask_secrets(part: Part, secrets: frozenset[str]) -> Part:
    """A part of a report without the secrets; what names it stays as it is."""
    fields = part.model_dump(exclude=_IDENTITY)
    clean = map_texts(fields, lambda text: hide(text, secrets))
    return type(part).model_validate({**part.model_dump(include=_IDENTITY), **clean})
