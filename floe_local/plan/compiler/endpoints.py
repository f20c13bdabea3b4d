"""Where a config sends: addresses, and the rules by which they reach a backend in the stack.

Inside the Collector `localhost` is the Collector; a service listens on the ports that its
blueprint names, without TLS.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Any, NamedTuple

from floe_local.plan.artifacts import PORT_DIFFERS
from floe_local.plan.compiler.draft import senders
from floe_local.plan.env_refs import references
from floe_local.plan.secrets.recognise import credentials_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from floe_local.plan.artifacts import Level
    from floe_local.plan.compiler.draft import Draft
    from floe_local.plan.yaml_source import Path_

SCHEME = r"[A-Za-z][A-Za-z0-9+.-]*://"
_URL = re.compile(
    rf"(?P<scheme>{SCHEME}/?)?(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<tail>.*)", re.DOTALL
)
_AUTHORITY = re.compile(
    r"(?P<user>[^@]*@)?(?P<host>\[[^\]]*\]|[^:@\[\]\s]*)(?::(?P<port>[0-9]{1,5}))?"
)
_DEFAULT_PORTS = {"http": 80, "https": 443}

PROTOCOLS = {
    "otlp_grpc": "otlp-grpc",
    "otlp_http": "otlp-http",
    "http": "openlineage",
    "async_http": "openlineage",
}
"""Types of exporters and transports, and the protocol of a blueprint's `ingest` that they speak."""


class Url(NamedTuple):
    """The parts of a text that is an URL, or ``host:port``; joined, they are the text.

    `scheme` goes as far as the slashes, `tail` begins at ``?`` or ``#``.
    """

    scheme: str
    authority: str
    path: str
    tail: str

    @property
    def is_whole(self) -> bool:
        """Whether it has a scheme and a host."""
        return self.scheme.count("/") == len("//") and self.authority != ""


def split_url(text: str) -> Url:
    """Take a text apart; references in it count as the characters that they are written with."""
    match = _URL.fullmatch(text)
    assert match is not None  # noqa: S101 - every part may be empty
    return Url(match["scheme"] or "", match["authority"], match["path"], match["tail"])


@dataclass(frozen=True)
class Address:
    """A host with, perhaps, scheme, user, port, and the rest (path and query)."""

    host: str
    port: int | None = None
    scheme: str = ""
    user: str = ""
    rest: str = ""
    separator: str = "://"

    def __str__(self) -> str:
        start = f"{self.scheme}{self.separator}" if self.scheme else ""
        port = "" if self.port is None else f":{self.port}"
        return f"{start}{self.user}{self.host}{port}{self.rest}"

    def at(self, **parts: Any) -> Address:
        """This address with parts replaced."""
        return replace(self, **parts)

    @property
    def name(self) -> str:
        """The host as resolvers compare it."""
        return self.host.rstrip(".").lower()

    @property
    def known_port(self) -> int | None:
        """The port that is called: its scheme's, where it names none."""
        return _DEFAULT_PORTS.get(self.scheme.lower()) if self.port is None else self.port

    @property
    def ip(self) -> IPv4Address | IPv6Address | None:
        """The host, where it is a literal IP address."""
        try:
            return ip_address(self.host.strip("[]").partition("%")[0])
        except ValueError:
            return None

    @property
    def is_local(self) -> bool:
        """Whether the host means "here": localhost, nothing, a loopback or unspecified address."""
        host = self.host.strip("[]").rstrip(".").lower()
        if host in {"", "localhost"} or host.endswith(".localhost"):
            return True
        return self.ip is not None and (self.ip.is_loopback or self.ip.is_unspecified)

    @property
    def is_private(self) -> bool:
        """Whether the host is "here", or an IP address of a private network."""
        return self.is_local or (self.ip is not None and self.ip.is_private)


def parse_address(text: Any) -> Address | None:
    """Parse an address; None for what is none, or is only known when it runs (``${env:X}``)."""
    if not isinstance(text, str) or text.startswith(("unix:", "/")) or not text.strip():
        return None
    url = split_url(text.strip())
    match = _AUTHORITY.fullmatch(url.authority)
    rest = url.path + url.tail
    if match is None or "$" in match["host"] or re.search(r"\s", rest):
        return None
    if match["host"] == "" and match["port"] is None:
        return None
    scheme, separator, slash = url.scheme.partition("://")
    return Address(
        host=match["host"],
        port=None if match["port"] is None else int(match["port"]),
        scheme=scheme,
        user=match["user"] or "",
        rest=rest,
        separator=separator + slash or "://",
    )


@dataclass(frozen=True)
class _Ingest:
    """Where a backend takes a protocol: service, port, and all ports that speak it."""

    service: str
    port: int
    ports: frozenset[int]


def _ingest_of(draft: Draft, part: Path_) -> _Ingest | None:
    """Where the backend takes what a part sends; None: it is not in the stack, or does not."""
    kind = draft.type_at(part)
    protocol = PROTOCOLS.get(kind, kind)
    blueprint = draft.blueprint
    endpoint_name = blueprint.ingest.get(protocol) if blueprint else None
    listed = blueprint.endpoints if blueprint else ()
    for service, endpoint in listed:
        if endpoint.name == endpoint_name:
            ports = {e.port for _, e in listed if e.protocol == protocol} | {endpoint.port}
            return _Ingest(service, endpoint.port, frozenset(ports))
    return None


def takes(draft: Draft, part: Path_) -> bool:
    """Whether the backend takes what a part sends, in the stack."""
    return _ingest_of(draft, part) is not None


def hosts_of(draft: Draft) -> tuple[tuple[str, int], ...]:
    """Host names and ports in a draft that mean the backend's services, in order.

    Whatever the protocol: any address with a port that the backend listens on.
    """
    found: dict[tuple[str, int], None] = {}
    ports = {e.port for _, e in draft.blueprint.endpoints} if draft.blueprint else set()
    for part in senders(draft):
        for value in draft.at(part).values():
            address = parse_address(draft.seen(value)) if isinstance(value, str) else None
            port = address.known_port if address else None
            if address and port in ports and not address.is_local and not address.ip:
                found[address.host, port or 0] = None
    return tuple(found)


class _Caller(NamedTuple):
    """How exporters, or transports, name what they call.

    `keys` hold addresses. `rule` is the one for an address that means "here", which `here` says
    what it is, `refused` where no rule mends it, and `hint` what to do.
    """

    keys: tuple[str, ...]
    rule: str
    here: str
    refused: str
    hint: str


_EXPORTER = _Caller(
    keys=("endpoint", "traces_endpoint", "metrics_endpoint", "logs_endpoint"),
    rule="endpoint-is-the-collector",
    here="inside the Collector '{}' is the Collector itself",
    refused="'{}' is the Collector itself, inside the Collector",
    hint="give the backend's host name, or a blueprint whose `ingest` says which service takes "
    "this protocol",
)
_TRANSPORT = _Caller(
    keys=("url",),
    rule="endpoint-is-the-container",
    here="inside a container '{}' is that container, or the Collector's",
    refused="'{}' is the container itself, inside a pipeline's container",
    hint="give a name or an address that containers reach, too (of a backend on this machine: "
    "the machine's own), or a blueprint",
)


def reach_backend(draft: Draft, part: Path_) -> Draft:
    """Make a part that speaks a protocol of the backend reach it in the stack.

    Rules reference-to-the-stack, endpoint-without-scheme, endpoint-is-the-collector,
    endpoint-is-the-container, address-by-number, port-not-listened-on, plain-in-stack.

    Raises:
        InputError: an address means the container that calls it, a variable in it is empty, or
            what has to be rewritten holds a credential.
    """
    caller = _TRANSPORT if draft.is_lineage else _EXPORTER
    ingest = _ingest_of(draft, part)
    for key in caller.keys:
        address = _address(draft, part, key)
        if address is None:
            continue
        if ingest is not None:
            draft = _rewritten(draft, part, key, list(_steps(draft, part, address, ingest, key)))
        elif draft.type_at(part) in PROTOCOLS and _is_here(draft, address):
            what = caller.refused.format(address.host)
            raise draft.error_at((*part, key), what, caller.hint)
    return draft if ingest is None else _without_tls(draft, part)


def _is_here(draft: Draft, address: Address) -> bool:
    """Whether an address, used inside the container that uses it, means that container."""
    return address.is_local or address.name in draft.around.collector


def _address(draft: Draft, part: Path_, key: str) -> Address | None:
    """An address as its component sees it; None: there is none, or it is not known.

    Raises:
        InputError: its variable is set, and empty.
    """
    text = draft.at(part).get(key)
    if not isinstance(text, str):
        return None
    value = draft.seen(text)
    if text and not value:
        empty = ", ".join(n for n in references(text) if n in draft.around.values)
        what = f"is empty, as the variable {empty} is" if empty else "is empty"
        hint = f"export {empty}=…, or unset it" if empty else "give the reference a default"
        raise draft.error_at((*part, key), what, hint)
    return parse_address(value)


class _Step(NamedTuple):
    """What a rule makes of an address, and why."""

    rule: str
    after: Address
    why: str
    level: Level = "info"


def _steps(
    draft: Draft, part: Path_, address: Address, ingest: _Ingest, key: str
) -> Iterator[_Step]:
    """What has to change in an address, one rule after the other."""
    named = address.port
    if draft.is_lineage and references(draft.at(part)[key]):
        why = "the stack answers to the host that the reference stands for now"
        yield _Step("reference-to-the-stack", address, why)
    if draft.type_at(part) == "otlp_http" and not address.scheme:
        address = address.at(scheme="http")
        yield _Step("endpoint-without-scheme", address, "otlp_http wants a URL")
    if _is_here(draft, address):
        caller = _TRANSPORT if draft.is_lineage else _EXPORTER
        why = caller.here.format(address.host)
        address = address.at(host=ingest.service)
        yield _Step(caller.rule, address, why)
    if address.ip is not None:
        host = address.host
        why = f"no service of the stack has the IP address {host}: they are called by name"
        address = address.at(host=ingest.service)
        yield _Step("address-by-number", address, why)
    if address.known_port not in ingest.ports:
        address = address.at(port=ingest.port)
        # A plugin and a blueprint that name two ports: one of them is wrong.
        level: Level = "info" if named is None else "warning"
        yield _Step(PORT_DIFFERS, address, _port_differs(named, ingest), level)
    if address.scheme.lower() in {"https", "grpcs"}:
        address = address.at(scheme="http", port=address.port or ingest.port)
        yield _Step("plain-in-stack", address, "the service in the stack speaks plain text")


def _port_differs(named: int | None, ingest: _Ingest) -> str:
    """Why a port that a plugin names, or leaves out, is not the one that is used."""
    listens = f"its blueprint says that {ingest.service} listens for this on {ingest.port}"
    if named is None:
        return f"the plugin names no port; {listens}"
    return f"the plugin names port {named}, {listens}: if the plugin is right, mend blueprint.yaml"


def _rewritten(draft: Draft, part: Path_, key: str, steps: list[_Step]) -> Draft:
    place = (*part, key)
    before = draft.at(part)[key]
    if steps:
        refuse_secret(draft, place, before, str(steps[-1].after))
    for step in steps:
        after = str(step.after)
        draft = draft.record(step.rule, place, before, after, step.why, level=step.level)
        before = after
    return draft.with_value((*part, key), before)


def refuse_secret(draft: Draft, place: Path_, before: str, after: str) -> None:
    """Refuse to write the value of a variable into a config where it holds a credential.

    Raises:
        InputError: names the place and the variable, not the value.
    """
    names = [name for name in references(before) if draft.around.values.get(name)]
    if names and any(credentials_in(dict.fromkeys((*names, "url"), after))):
        what = f"must be changed here, and {', '.join(names)} holds a credential"
        hint = "give the credential by a reference of its own, in a header"
        raise draft.error_at(place, what, hint)


def _without_tls(draft: Draft, part: Path_) -> Draft:
    """Rule plain-in-stack: gRPC without ``insecure`` means TLS, which nothing there speaks."""
    plain = {"insecure": True}
    before = draft.at(part).get("tls")
    endpoint = parse_address(draft.seen(draft.at(part).get("endpoint")))
    if draft.type_at(part) != "otlp_grpc" or before == plain or endpoint is None:
        return draft
    if endpoint.scheme.lower() == "http" and before is None:
        return draft
    why = "the service in the stack speaks plain text"
    draft = draft.record("plain-in-stack", (*part, "tls"), before, plain, why)
    return draft.with_value((*part, "tls"), plain)
