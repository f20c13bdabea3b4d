"""Rules for OpenLineage transports: what plugins return, made into what clients read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from floe_local.plan.compiler.draft import (
    inner_transports,
    senders,
)
from floe_local.plan.compiler.endpoints import parse_address, refuse_secret
from floe_local.plan.compiler.openlineage import (
    auth_advice,
    target_of,
    transport_advice,
    typed_key,
    typed_keys,
)
from floe_local.plan.env_refs import references
from floe_local.plan.nested import at, with_value_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from floe_local.plan.artifacts import Level
    from floe_local.plan.compiler.draft import Draft
    from floe_local.plan.yaml_source import Path_

Transport = dict[str, Any]
_HTTP = frozenset({"http", "async_http"})
_WRAPPING = {"composite": "transports", "transform": "transport"}
"""Types that hand events on to others, and the key under which those stand."""


def http_senders(draft: Draft) -> Iterator[Path_]:
    """The transports that post over HTTP."""
    return (part for part in senders(draft) if draft.type_at(part) in _HTTP)


def known_types(draft: Draft, part: Path_ = ()) -> Draft:
    """Rule typed-key, for a transport of a type that the client knows, and all within it.

    Raises:
        InputError: a type is missing or unknown, a value cannot be meant, or a transport hands
            events on to nothing.
    """
    kind = draft.seen(draft.at(part).get("type"))
    place = (*part, "type")
    if not isinstance(kind, str) or not kind:
        raise draft.error_at(place, "is missing", "return {'type': 'http', 'url': …} (ADR-0035)")
    if advice := transport_advice(kind):
        raise draft.error_at(place, f"'{kind}' is not a transport of openlineage-python", advice)
    draft = _typed(draft.with_value((*part, "type"), kind), part)
    inner = [(*part, *path) for path in inner_transports(draft.at(part))]
    if kind in _WRAPPING and not (inner and all(isinstance(draft.at(p), dict) for p in inner)):
        key = _WRAPPING[kind]
        what = "a transport" if key == "transport" else "a list or mapping of transports"
        raise draft.error_at((*part, key), f"expected {what}")
    for path in inner:
        draft = known_types(draft, path)
    return draft


def _changed(
    draft: Draft,
    rule: str,
    place: Path_,
    after: Transport,
    why: str,
    *,
    level: Level = "info",
) -> Draft:
    """The draft with another transport, and the change of its key at `place` on record."""
    *part, key = place
    before = draft.at(tuple(part)).get(str(key))
    draft = draft.record(rule, place, before, after.get(str(key)), why, level=level)
    return draft.with_value(tuple(part), after)


def _typed(draft: Draft, part: Path_) -> Draft:
    """Rule typed-key: numbers and switches that were given as text."""
    kind, given = draft.type_at(part), draft.at(part)
    headers = given.get("headers")
    if kind in _HTTP and headers is not None and "custom_headers" not in given:
        after = {**given, "custom_headers": headers}
        why = "openlineage-python reads no `headers`"
        draft = _changed(draft, "typed-key", (*part, "custom_headers"), after, why)
    for key in typed_keys(kind):
        before = draft.at(part).get(key)
        value = before if key == "custom_headers" else draft.seen(before)
        if before is None or (key != "custom_headers" and references(value)):
            continue
        try:
            typed = typed_key(kind, key, value)
        except ValueError as error:
            what = str(error)
            if value != before:  # what a variable holds is not told
                what = f"{what.partition(', got')[0]}, and {', '.join(references(before))} is not"
            raise draft.error_at((*part, key), what) from None
        if typed != before or type(typed) is not type(before):
            why = "clients take what stands here as it is, without a look at its type"
            after = {**draft.at(part), key: typed}
            draft = _changed(draft, "typed-key", (*part, key), after, why)
    return draft


def without_nulls(draft: Draft, part: Path_) -> Draft:
    """Rule null-keys: a key without a value says nothing, and some clients trip over it."""
    for key in [k for k, v in draft.at(part).items() if v is None]:
        after = {k: v for k, v in draft.at(part).items() if k != key}
        draft = _changed(
            draft, "null-keys", (*part, key), after, "a key without a value says nothing"
        )
    return draft


def named_token(draft: Draft, part: Path_) -> Draft:
    """Rules bearer-auth and api-key-auth: tokens in the one form that clients know."""
    transport = draft.at(part)
    if isinstance(transport.get("api_key"), str) and "auth" not in transport:
        rest = {k: v for k, v in transport.items() if k != "api_key"}
        after = {**rest, "auth": {"type": "api_key", "apiKey": transport["api_key"]}}
        why = "clients read the key under `auth`"
        return _changed(draft, "api-key-auth", (*part, "auth"), after, why)
    auth = transport.get("auth")
    if auth is None:
        return draft
    if not isinstance(auth, dict):
        what = f"expected a mapping, got {type(auth).__name__}"
        raise draft.error_at((*part, "auth"), what)
    kind = draft.seen(auth.get("type") or "api_key")
    if advice := auth_advice(str(kind)):
        what = f"'{kind}' is not an authentication that openlineage-python knows"
        raise draft.error_at((*part, "auth.type"), what, advice)
    key = next((auth[k] for k in ("apiKey", "apikey", "api_key", "token") if auth.get(k)), None)
    if kind == "bearer":
        if key is None:
            hint = "return ${env:NAME} as the token"
            raise draft.error_at((*part, "auth.token"), "is missing", hint)
        why = "openlineage-python has no `bearer`; its api_key sends `Authorization: Bearer`"
        after = {**transport, "auth": {"type": "api_key", "apiKey": key}}
        return _changed(draft, "bearer-auth", (*part, "auth"), after, why, level="warning")
    if kind == "api_key" and key is not None and "apiKey" not in auth:
        why = "`apiKey` is the name that all OpenLineage clients read"
        after = {**transport, "auth": {"type": "api_key", "apiKey": key}}
        return _changed(draft, "api-key-auth", (*part, "auth"), after, why)
    return draft


def joined_url(draft: Draft, part: Path_) -> Draft:
    """Rule url-and-endpoint: an origin and a path, which every client joins alike."""
    transport = draft.at(part)
    url, endpoint = draft.seen(transport.get("url")), draft.seen(transport.get("endpoint"))
    if not isinstance(url, str) or not url.strip():
        hint = "return the URL that lineage is posted to"
        raise draft.error_at((*part, "url"), "is missing", hint)
    if endpoint is not None and not isinstance(endpoint, str):
        what = f"expected text, got {type(endpoint).__name__}"
        raise draft.error_at((*part, "endpoint"), what)
    target = target_of(url, endpoint)
    if target is None:
        if references(url):
            return draft
        raise draft.error_at((*part, "url"), "is not a URL", "write http://host:port/path")
    after = {**transport, "endpoint": target.endpoint}
    if target.url != url.strip():
        refuse_secret(draft, (*part, "url"), transport["url"], target.url)
        after["url"] = target.url
    if after == transport:
        return draft
    why = f"clients join url and endpoint in their own ways; meant is {target.address}"
    return _changed(draft, "url-and-endpoint", (*part, "url"), after, why)


def moved_path(draft: Draft, part: Path_) -> Draft:
    """Rule retired-path: a path that the backend does not know any more, as its blueprint says."""
    transport = draft.at(part)
    path = transport.get("endpoint") or ""
    for moved in draft.blueprint.moved if draft.blueprint else ():
        if path.strip("/") == moved.path.strip("/"):
            after = {**transport, "endpoint": moved.to.lstrip("/")}
            return _changed(
                draft, "retired-path", (*part, "endpoint"), after, moved.why, level="warning"
            )
    return draft


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
        to = known.get((address.name, address.known_port or 0))
        return text if to is None else str(address.at(host=to[0], port=to[1]))

    return each_transport(transport, lambda one: {key: moved(value) for key, value in one.items()})


def single_transports(transport: Transport) -> list[Transport]:
    """The transport itself, or those that it hands events on to, however deep, in order."""
    inner = [at(transport, path) for path in inner_transports(transport)]
    return [one for child in inner for one in single_transports(child)] or [transport]


def each_transport(transport: Transport, change: Callable[[Transport], Transport]) -> Transport:
    """A transport with `change` applied to each of its `single_transports`."""
    inner = tuple(inner_transports(transport))
    for path in inner:
        done = each_transport(at(transport, path), change)
        transport = with_value_at(transport, path, done)
    return transport if inner else change(transport)
