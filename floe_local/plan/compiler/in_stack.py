"""Rules for endpoints of backends that run in the stack: they must reach the backend.

Inside the Collector `localhost` is the Collector; a service listens on the ports that its
blueprint tells, without TLS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from floe_local.plan.artifacts import PORT_DIFFERS, Level
from floe_local.plan.compiler.address import Address, parse_address
from floe_local.plan.compiler.draft import type_of
from floe_local.plan.credentials import credentials_in
from floe_local.plan.env_refs import references

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from floe_local.errors import InputError
    from floe_local.plan.blueprint.model import Blueprint
    from floe_local.plan.compiler.draft import Config, Draft

PROTOCOLS = {"otlp_grpc": "otlp-grpc", "otlp_http": "otlp-http"}
_ENDPOINT_KEYS = ("endpoint", "traces_endpoint", "metrics_endpoint", "logs_endpoint")


@dataclass(frozen=True)
class Ingest:
    """Where a backend takes a protocol: service, port, and all ports that speak it."""

    service: str
    port: int
    ports: frozenset[int]


def ingest_of(blueprint: Blueprint | None, protocol: str) -> Ingest | None:
    """Where the backend takes `protocol`; None: it is not in the stack, or does not."""
    if blueprint is None:
        return None
    wanted = blueprint.ingest.get(protocol)
    listed = [(name, e) for name, s in blueprint.services.items() for e in s.endpoints]
    for service, endpoint in listed:
        if endpoint.name == wanted:
            ports = {e.port for _, e in listed if e.protocol == protocol} | {endpoint.port}
            return Ingest(service, endpoint.port, frozenset(ports))
    return None


def reaching_backend(draft: Draft) -> Draft:
    """Apply the endpoint rules to every exporter that speaks a protocol of the backend.

    Rules endpoint-is-the-collector, port-not-listened-on, plain-in-stack,
    endpoint-without-scheme.
    """
    for key in tuple(draft.config["exporters"]):
        kind = type_of(key)
        ingest = ingest_of(draft.blueprint, PROTOCOLS.get(kind, kind))
        if ingest is None:
            _refuse_local(draft, key)
            continue
        for name in _ENDPOINT_KEYS:
            address = _endpoint(draft, key, name)
            if address is not None:
                draft = _rewritten(draft, key, name, address, ingest)
        draft = _without_tls(draft, key)
    return draft


def hosts_of(draft: Draft) -> tuple[tuple[str, int], ...]:
    """Host names and ports of endpoints that mean the backend's services, in order.

    Of exporters whose protocol is not known, any ``host:port`` with a port that the
    backend listens on.
    """
    found: dict[tuple[str, int], None] = {}
    ports = listening_ports(draft.blueprint)
    for exporter in draft.config["exporters"].values():
        for value in exporter.values():
            address = parse_address(draft.seen(value)) if isinstance(value, str) else None
            if address and address.port in ports and not address.is_local and not address.ip:
                found[address.host, address.port or 0] = None
    return tuple(found)


def listening_ports(blueprint: Blueprint | None) -> frozenset[int]:
    """Every port that the backend's services listen on."""
    services = blueprint.services.values() if blueprint else ()
    return frozenset(e.port for s in services for e in s.endpoints)


def means_here(host: Address, self_hosts: frozenset[str]) -> bool:
    """Whether an address, used inside the container that uses it, means that container."""
    return host.is_local or host.host.rstrip(".").lower() in self_hosts


def port_differs(named: int | None, ingest: Ingest) -> str:
    """Why a port that a plugin names, or leaves out, is not the one that is used."""
    listens = f"its blueprint says that {ingest.service} listens for this on {ingest.port}"
    if named is None:
        return f"the plugin names no port; {listens}"
    return f"the plugin names port {named}, {listens}: if the plugin is right, mend blueprint.yaml"


def level_of(rule: str, named: int | None) -> Level:
    """How loudly a rule speaks: plugin and blueprint that name two ports are a mistake."""
    return "warning" if rule == PORT_DIFFERS and named is not None else "info"


def refuse_secret(
    fault: Callable[[str, str, str], InputError],
    place: str,
    before: str,
    after: str,
    values: Mapping[str, str],
) -> None:
    """Refuse to write the value of a variable into a config where it holds a credential.

    Raises:
        InputError: names the place and the variable, not the value.
    """
    names = [name for name in references(before) if values.get(name)]
    if names and any(credentials_in(dict.fromkeys((*names, "url"), after))):
        what = f"must be changed here, and {', '.join(names)} holds a credential"
        raise fault(place, what, "give the credential by a reference of its own, in a header")


def no_number(address: Address) -> str:
    """Why an IP address that a plugin gives cannot be the backend's in the stack."""
    return f"no service of the stack has the IP address {address.host}: they are called by name"


def _endpoint(draft: Draft, key: str, name: str) -> Address | None:
    """An exporter's endpoint as the Collector sees it; None: there is none, or it is not known.

    Raises:
        InputError: its variable is set, and empty.
    """
    text = draft.config["exporters"][key].get(name)
    if not isinstance(text, str):
        return None
    value = draft.seen(text)
    if text and not value:
        empty = ", ".join(n for n in references(text) if n in draft.values)
        what = f"is empty, as the variable {empty} is" if empty else "is empty"
        hint = f"export {empty}=…, or unset it" if empty else "give the reference a default"
        raise draft.fault(f"exporters.{key}.{name}", what, hint)
    return parse_address(value)


def _refuse_local(draft: Draft, key: str) -> None:
    """An OTLP exporter of no known backend must not send to the Collector itself."""
    if type_of(key) not in PROTOCOLS:
        return
    for name in _ENDPOINT_KEYS:
        address = _endpoint(draft, key, name)
        if address is not None and means_here(address, draft.self_hosts):
            what = f"'{address.host}' is the Collector itself, inside the Collector"
            hint = (
                "give the backend's host name, or a blueprint whose `ingest` says which "
                "service takes this protocol"
            )
            raise draft.fault(f"exporters.{key}.{name}", what, hint)


def _rewritten(draft: Draft, key: str, name: str, address: Address, ingest: Ingest) -> Draft:
    place = f"exporters.{key}.{name}"
    steps: list[tuple[str, Address, str]] = []
    named = address.port
    if type_of(key) == "otlp_http" and not address.scheme:
        why = "otlp_http wants a URL"
        steps.append(("endpoint-without-scheme", address.at(scheme="http"), why))
        address = steps[-1][1]
    if means_here(address, draft.self_hosts):
        why = f"inside the Collector '{address.host}' is the Collector itself"
        steps.append(("endpoint-is-the-collector", address.at(host=ingest.service), why))
        address = steps[-1][1]
    if address.ip is not None:
        steps.append(("address-by-number", address.at(host=ingest.service), no_number(address)))
        address = steps[-1][1]
    if address.port not in ingest.ports:
        why = port_differs(named, ingest)
        steps.append(("port-not-listened-on", address.at(port=ingest.port), why))
        address = steps[-1][1]
    if address.scheme.lower() in {"https", "grpcs"}:
        why = "the service in the stack speaks plain text"
        steps.append(("plain-in-stack", address.at(scheme="http"), why))
    before = draft.config["exporters"][key][name]
    if steps:
        address = steps[-1][1]
        refuse_secret(draft.fault, place, before, str(address), draft.values)
    for rule, after, why in steps:
        level = level_of(rule, named)
        draft = draft.noting(rule, place, before, str(after), why, level=level)
        before = str(after)
    return _setting(draft, key, name, before)


def _without_tls(draft: Draft, key: str) -> Draft:
    """Rule plain-in-stack: gRPC without ``insecure`` means TLS, which nothing there speaks."""
    exporter = draft.config["exporters"][key]
    plain = {"insecure": True}
    before = exporter.get("tls")
    endpoint = parse_address(draft.seen(exporter.get("endpoint")))
    if type_of(key) != "otlp_grpc" or before == plain or endpoint is None:
        return draft
    if endpoint.scheme.lower() == "http" and before is None:
        return draft
    why = "the service in the stack speaks plain text"
    draft = draft.noting("plain-in-stack", f"exporters.{key}.tls", before, plain, why)
    return _setting(draft, key, "tls", plain)


def _setting(draft: Draft, key: str, name: str, value: object) -> Draft:
    exporters: Config = draft.config["exporters"]
    return draft.having(exporters={**exporters, key: {**exporters[key], name: value}})
