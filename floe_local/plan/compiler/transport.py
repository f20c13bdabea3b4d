"""Rules for OpenLineage transports: what plugins return, made into what clients read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from floe_local.plan.artifacts import Change
from floe_local.plan.compiler.address import Address, parse_address
from floe_local.plan.compiler.contained import kept_transport
from floe_local.plan.compiler.draft import fault, refuse_unserialisable
from floe_local.plan.compiler.in_stack import (
    ingest_of,
    level_of,
    listening_ports,
    means_here,
    no_number,
    port_differs,
    refuse_secret,
)
from floe_local.plan.compiler.openlineage import (
    auth_advice,
    target_of,
    transport_advice,
    typed_key,
    typed_keys,
)
from floe_local.plan.compiler.production import encrypted_transport
from floe_local.plan.compiler.sandbox import sandboxed_transport
from floe_local.plan.env_refs import references, seen
from floe_local.plan.plugins.secrets import refuse_written_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from floe_local.errors import InputError
    from floe_local.plan.blueprint.model import Blueprint
    from floe_local.plan.plugins.output import PluginOutput

Transport = dict[str, Any]
PROTOCOL = "openlineage"
_REACHABLE = (
    "give a name or an address that containers reach, too (of a backend on this machine: the "
    "machine's own), or a blueprint"
)
_HTTP = frozenset({"http", "async_http"})
_WRAPPING = {"composite": "transports", "transform": "transport"}
"""Types that hand events on to others, and the key under which those stand."""


@dataclass(frozen=True)
class LineageDraft:
    """One transport on its way through the rules; `place` is where it stands in the output.

    `environment`, `self_hosts`, `stack` and `values` are those of its `Neighbours`.
    """

    output: PluginOutput
    blueprint: Blueprint | None
    transport: Transport
    place: str = "transport"
    environment: str = "local"
    self_hosts: frozenset[str] = frozenset()
    stack: frozenset[str] | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()

    def seen(self, value: Any) -> Any:
        """A part of the transport as its client sees it; what is not known stays a reference."""
        return seen(value, self.values)

    def changed(
        self,
        rule: str,
        key: str,
        after: Transport,
        why: str,
        level: Literal["info", "warning"] = "info",
    ) -> LineageDraft:
        """This draft with a new transport, and the change of `key` on record."""
        told = self.noting(rule, key, self.transport.get(key), after.get(key), why, level=level)
        return replace(told, transport=after)

    def noting(
        self,
        rule: str,
        key: str,
        before: Any,
        after: Any,
        why: str,
        *,
        level: Literal["info", "warning"] = "info",
    ) -> LineageDraft:
        """This draft with one more change on record."""
        change = Change(
            rule=rule,
            where=f"{self.output.who}: {self.place}.{key}",
            before=before,
            after=after,
            why=why,
            level=level,
        )
        return replace(self, changes=(*self.changes, change))

    def fault(self, key: str, what: str, hint: str = "") -> InputError:
        """The error for a mistake at `key`."""
        return fault(self.output, f"{self.place}.{key}" if key else self.place, what, hint)


def compiled_transport(draft: LineageDraft) -> tuple[Transport, tuple[Change, ...]]:
    """A plugin's transport as containers of the stack use it, with what was changed.

    Raises:
        InputError: it has no type or no url, reaches nothing, is plain text to elsewhere, or
            would reach what it may not.
    """
    done = _through_rules(draft)
    return done.transport, done.changes


def refuse_unusable(output: PluginOutput) -> None:
    """Refuse what is no mapping, what JSON cannot hold, and a credential written out.

    Raises:
        InputError: names plugin, distribution and field.
    """
    refuse_unserialisable(output, "get_transport_config()", output.transport)
    refuse_written_out(output.who, output.transport, ("transport",))


def transport_hosts(
    transport: Transport, blueprint: Blueprint | None
) -> tuple[tuple[str, int], ...]:
    """Host names and ports of a compiled transport that mean services of the stack."""
    ports = listening_ports(blueprint)
    addresses = (
        parse_address(text)
        for one in single_transports(transport)
        for text in one.values()
        if "://" in str(text)
    )
    return tuple(
        dict.fromkeys(
            (a.host, a.port) for a in addresses if a and not a.ip and a.port and a.port in ports
        )
    )


def single_transports(transport: Transport) -> list[Transport]:
    """The transport itself, or those that it hands events on to, however deep, in order."""
    inner = [child for children in _inner(transport) for child in children.values()]
    return [one for child in inner for one in single_transports(child)] or [transport]


def for_host(transport: Transport, ports: Mapping[tuple[str, int], tuple[str, int]]) -> Transport:
    """The transport as processes on the host use it.

    Args:
        transport: a compiled one (or a whole composite).
        ports: (host name, container port) → (engine's host, published port).

    Returns:
        A copy; addresses that `ports` does not know stay as they are (a SaaS backend).
    """
    known = {(host.rstrip(".").lower(), port): to for (host, port), to in ports.items()}

    def moved(text: Any) -> Any:
        address = parse_address(text)
        if address is None or not address.scheme:
            return text
        to = known.get((address.host.rstrip(".").lower(), address.port or _default(address)))
        return text if to is None else str(address.at(host=to[0], port=to[1]))

    return each_transport(transport, lambda one: {key: moved(value) for key, value in one.items()})


def each_transport(transport: Transport, change: Callable[[Transport], Transport]) -> Transport:
    """A transport with `change` applied to each of its `single_transports`."""
    for children in _inner(transport):
        done = {key: each_transport(child, change) for key, child in children.items()}
        return _with_inner(transport, done)
    return change(transport)


def _inner(transport: Transport) -> Iterator[dict[Any, Any]]:
    """The transports to which one hands events on, by key or index; nothing: it sends itself."""
    match transport:
        case {"type": "composite", "transports": dict() as children} if children:
            yield children
        case {"type": "composite", "transports": list() as children} if children:
            yield dict(enumerate(children))
        case {"type": "transform", "transport": child} if child:
            yield {None: child}
        case _:
            pass


def _with_inner(transport: Transport, children: dict[Any, Transport]) -> Transport:
    """A transport with other ones to hand events on to."""
    if transport["type"] == "transform":
        return {**transport, "transport": children[None]}
    after = children if isinstance(transport["transports"], dict) else list(children.values())
    return {**transport, "transports": after}


def _default(address: Address) -> int:
    return 443 if address.scheme.lower() == "https" else 80


def _through_rules(draft: LineageDraft) -> LineageDraft:
    kind = draft.seen(draft.transport.get("type"))
    if not isinstance(kind, str) or not kind:
        raise draft.fault("type", "is missing", "return {'type': 'http', 'url': …} (ADR-0035)")
    if advice := transport_advice(kind):
        raise draft.fault("type", f"'{kind}' is no transport of openlineage-python", advice)
    draft = _typed(replace(draft, transport={**draft.transport, "type": kind}))
    if kind in _WRAPPING:
        return _wrapping(draft, _WRAPPING[kind])
    rules = _HTTP_RULES if kind in _HTTP else ()
    for rule in (*rules, sandboxed_transport):
        draft = rule(draft)
    taken = kind in _HTTP and ingest_of(draft.blueprint, PROTOCOL) is not None
    kept_transport(draft, transport_hosts(draft.transport, draft.blueprint), taken=taken)
    return draft


def _wrapping(draft: LineageDraft, field: str) -> LineageDraft:
    """A transport that hands events on: the rules are for what it hands them on to."""
    listed = next(_inner(draft.transport), {})
    if not listed or not all(isinstance(child, dict) for child in listed.values()):
        what = "a transport" if field == "transport" else "a list or mapping of transports"
        raise draft.fault(field, f"expected {what}")
    done: dict[Any, Transport] = {}
    for key, child in listed.items():
        place = f"{draft.place}.{field}" + ("" if key is None else f".{key}")
        inner = _through_rules(replace(draft, transport=child, place=place))
        done[key] = inner.transport
        draft = replace(draft, changes=inner.changes)
    return replace(draft, transport=_with_inner(draft.transport, done))


def _without_nulls(draft: LineageDraft) -> LineageDraft:
    """Rule null-keys: a key without a value says nothing, and some clients trip over it."""
    for key in [k for k, v in draft.transport.items() if v is None]:
        after = {k: v for k, v in draft.transport.items() if k != key}
        draft = draft.changed("null-keys", key, after, "a key without a value says nothing")
    return draft


def _typed(draft: LineageDraft) -> LineageDraft:
    """Rule typed-key: numbers and switches that were given as text."""
    kind = draft.transport["type"]
    headers = draft.transport.get("headers")
    if kind in _HTTP and headers is not None and "custom_headers" not in draft.transport:
        after = {**draft.transport, "custom_headers": headers}
        why = "openlineage-python reads no `headers`"
        draft = draft.changed("typed-key", "custom_headers", after, why)
    for key in typed_keys(kind):
        before = draft.transport.get(key)
        value = before if key == "custom_headers" else draft.seen(before)
        if before is None or (key != "custom_headers" and references(value)):
            continue
        try:
            typed = typed_key(kind, key, value)
        except ValueError as error:
            what = str(error)
            if value != before:  # what a variable holds is not told
                what = f"{what.partition(', got')[0]}, and {', '.join(references(before))} is none"
            raise draft.fault(key, what) from None
        if typed != before or type(typed) is not type(before):
            why = "clients take what stands here as it is, without a look at its type"
            draft = draft.changed("typed-key", key, {**draft.transport, key: typed}, why)
    return draft


def _named_token(draft: LineageDraft) -> LineageDraft:
    """Rules bearer-auth and api-key-auth: tokens in the one form that clients know."""
    transport = draft.transport
    if isinstance(transport.get("api_key"), str) and "auth" not in transport:
        rest = {k: v for k, v in transport.items() if k != "api_key"}
        after = {**rest, "auth": {"type": "api_key", "apiKey": transport["api_key"]}}
        return draft.changed("api-key-auth", "auth", after, "clients read the key under `auth`")
    auth = transport.get("auth")
    if auth is None:
        return draft
    if not isinstance(auth, dict):
        raise draft.fault("auth", f"expected a mapping, got {type(auth).__name__}")
    kind = draft.seen(auth.get("type") or "api_key")
    if advice := auth_advice(str(kind)):
        what = f"'{kind}' is no authentication that openlineage-python knows"
        raise draft.fault("auth.type", what, advice)
    key = next((auth[k] for k in ("apiKey", "apikey", "api_key", "token") if auth.get(k)), None)
    if kind == "bearer":
        if key is None:
            raise draft.fault("auth.token", "is missing", "return ${env:NAME} as the token")
        why = "openlineage-python has no `bearer`; its api_key sends `Authorization: Bearer`"
        after = {**transport, "auth": {"type": "api_key", "apiKey": key}}
        return draft.changed("bearer-auth", "auth", after, why, "warning")
    if kind == "api_key" and key is not None and "apiKey" not in auth:
        why = "`apiKey` is the name that all OpenLineage clients read"
        after = {**transport, "auth": {"type": "api_key", "apiKey": key}}
        return draft.changed("api-key-auth", "auth", after, why)
    return draft


def _joined_url(draft: LineageDraft) -> LineageDraft:
    """Rule url-and-endpoint: an origin and a path, which every client joins alike."""
    given = draft.transport.get("url")
    url, endpoint = draft.seen(given), draft.seen(draft.transport.get("endpoint"))
    if not isinstance(url, str) or not url.strip():
        raise draft.fault("url", "is missing", "return the URL that lineage is posted to")
    if endpoint is not None and not isinstance(endpoint, str):
        raise draft.fault("endpoint", f"expected text, got {type(endpoint).__name__}")
    target = target_of(url, endpoint)
    if target is None:
        if references(url):
            return draft
        raise draft.fault("url", "is no URL", "write http://host:port/path")
    after = {**draft.transport, "endpoint": target.endpoint}
    if target.url != url.strip():
        refuse_secret(draft.fault, "url", str(given), target.url, draft.values)
        after["url"] = target.url
    if after == draft.transport:
        return draft
    why = f"clients join url and endpoint in their own ways; meant is {target.address}"
    return draft.changed("url-and-endpoint", "url", after, why)


def _moved_path(draft: LineageDraft) -> LineageDraft:
    """Rule retired-path: a path that the backend does not know any more, as its blueprint says."""
    transport = draft.transport
    path = transport.get("endpoint") or ""
    for moved in draft.blueprint.moved if draft.blueprint else ():
        if path.strip("/") == moved.path.strip("/"):
            after = {**transport, "endpoint": moved.to.lstrip("/")}
            return draft.changed("retired-path", "endpoint", after, moved.why, "warning")
    return draft


def _reaching_backend(draft: LineageDraft) -> LineageDraft:
    """Rules endpoint-is-the-container, port-not-listened-on, plain-in-stack."""
    ingest = ingest_of(draft.blueprint, PROTOCOL)
    address = parse_address(draft.seen(draft.transport["url"]))
    if address is None:
        return draft
    if ingest is not None:
        draft = _known_address(draft, address)
    here = means_here(address, draft.self_hosts)
    if ingest is None:
        if here and not _is_played(draft):
            what = f"'{address.host}' is the container itself, inside a pipeline's container"
            raise draft.fault("url", what, _REACHABLE)
        return draft
    if here:
        why = f"inside a container '{address.host}' is that container, or the Collector's"
        address = address.at(host=ingest.service)
        draft = _at(draft, "endpoint-is-the-container", address, why)
    if address.ip is not None:
        address, why = address.at(host=ingest.service), no_number(address)
        draft = _at(draft, "address-by-number", address, why)
    named = address.port
    if (named or _default(address)) not in ingest.ports:
        address = address.at(port=ingest.port)
        draft = _at(draft, "port-not-listened-on", address, port_differs(named, ingest), named)
    if address.scheme.lower() == "https":
        why = "the service in the stack speaks plain text"
        draft = _at(draft, "plain-in-stack", address.at(scheme="http", port=ingest.port), why)
    return draft


def _is_played(draft: LineageDraft) -> bool:
    """Whether the sandbox takes the backend's place: it judges what it has put there."""
    return draft.blueprint is not None and draft.blueprint.sandbox is not None


def _known_address(draft: LineageDraft, address: Address) -> LineageDraft:
    """Rule reference-to-the-stack: the stack answers to the host that the reference names now."""
    if not references(draft.transport["url"]):
        return draft
    refuse_secret(draft.fault, "url", draft.transport["url"], str(address), draft.values)
    why = "the stack answers to the host that the reference stands for now"
    return _at(draft, "reference-to-the-stack", address, why)


def _at(
    draft: LineageDraft, rule: str, address: Address, why: str, named: int | None = None
) -> LineageDraft:
    after = {**draft.transport, "url": str(address)}
    return draft.changed(rule, "url", after, why, level_of(rule, named))


_HTTP_RULES = (
    _without_nulls,
    _named_token,
    _joined_url,
    _moved_path,
    encrypted_transport,
    _reaching_backend,
)
