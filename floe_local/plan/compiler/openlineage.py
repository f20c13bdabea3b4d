"""What OpenLineage's clients know: types of transports and of authentication, typed keys, URLs.

openlineage-python checks no types: a timeout that is text fails at the first event, a switch
that is the text ``false`` is on. It posts to ``urljoin(url, endpoint)``: a base path without a
trailing slash loses its last part, an endpoint with a leading slash drops the whole path. Other
clients join in other ways. All agree on a bare origin and a relative path: that is what is
compiled.
"""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urljoin

from floe_local.plan.compiler.endpoints import split_url
from floe_local.plan.env_refs import references
from floe_local.plan.yaml_source import suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DEFAULT_ENDPOINT = "api/v1/lineage"
_BUILT_IN = frozenset({"http", "async_http", "composite", "console", "file", "kafka", "noop"})
_AUTH = frozenset({"api_key", "bearer", "jwt", "oauth2"})
_CLASS = "or a class of your own, as package.module.Class"


class Target(NamedTuple):
    """An ``url`` and an ``endpoint`` that every client joins into the same address."""

    url: str
    endpoint: str

    @property
    def address(self) -> str:
        """The address that is posted to."""
        return urljoin(self.url, self.endpoint)


def target_of(url: str, endpoint: str | None) -> Target | None:
    """What a plugin's ``url`` and ``endpoint`` mean.

    A path that ends in the endpoint holds it already (ADR-0035 gives both). A path alone is
    the whole address, as in the ADR, unless it ends with a slash: then it is a base.

    Returns:
        None where the url is not an http URL, or is only known when it runs (``${env:URL}``).
    """
    parts = split_url(url.strip())
    if not parts.is_whole:
        return None
    if endpoint is not None and "://" in endpoint:
        return target_of(endpoint, "")
    path = _path(parts.path, endpoint)
    return _safe(parts.scheme + parts.authority, path.lstrip("/") + parts.tail)


def last_segment(address: str) -> str:
    """The part of an address behind its last slash, with the query.

    ``urljoin(address, last_segment(address))`` is the address. Empty for an address that
    ends in a slash or has no path, and for one that joining would change otherwise.
    """
    parts = split_url(address)
    if not parts.is_whole:
        return ""
    segment = parts.path.rpartition("/")[2] + parts.tail
    # A colon in it would be read as a scheme; `a:b` of a URL is `./a:b` relative to it.
    joined = (s for s in (segment, f"./{segment}") if urljoin(address, s) == address)
    return next(joined, "")


def _path(path: str, endpoint: str | None) -> str:
    if endpoint == "":
        return path
    if endpoint is None:
        is_whole = path.strip("/") and not path.endswith("/")
        if is_whole:
            return path
        endpoint = DEFAULT_ENDPOINT
    base, relative = path.rstrip("/"), endpoint.lstrip("/")
    holds_it = f"{base}/".endswith(f"/{relative.rstrip('/')}/")
    return path if holds_it and relative else f"{base}/{relative}"


def _safe(origin: str, path: str) -> Target:
    """Origin and path, or the whole address as `url` where joining would change it."""
    whole = f"{origin}/{path}"
    # openlineage-java escapes the `?` of an endpoint.
    if path and "?" not in path and urljoin(origin, path) == whole:
        return Target(origin, path)
    return Target(whole, "")


def transport_advice(kind: str) -> str | None:
    """What to write instead of a type of transport that the client does not know; None: it does."""
    if kind in _BUILT_IN or _is_class(kind):
        return None
    from openlineage.client.transport import get_default_factory  # noqa: PLC0415 - slow, and rare

    return _advice(kind, frozenset(get_default_factory().transports))


def auth_advice(kind: str) -> str | None:
    """The same for a type of authentication."""
    return None if _is_class(kind) else _advice(kind, _AUTH)


def _advice(kind: str, known: frozenset[str]) -> str | None:
    return None if kind in known else f"{suggestion(kind, known)} {_CLASS}"


def _is_class(kind: str) -> bool:
    """Whether it is imported by its name; a reference may become anything."""
    return "." in kind or bool(references(kind))


def typed_key(kind: str, key: str, value: Any) -> Any:
    """The value of a transport's key in the type that the client wants.

    Args:
        kind: the transport's type.
        key: one of its keys.
        value: what stands there, references resolved.

    Raises:
        ValueError: it cannot be meant; says what was expected.
    """
    convert = _typed_of(kind).get(key)
    return value if convert is None else convert(value)


def typed_keys(kind: str) -> tuple[str, ...]:
    """The keys of a type of transport that are not texts."""
    return tuple(_typed_of(kind))


def _typed_of(kind: str) -> Mapping[str, Callable[[Any], Any]]:
    """The typed keys of a type; the client's transports to vendors share the names of some."""
    return _TYPED.get(kind, {} if _is_class(kind) else _OF_VENDORS)


def _number(value: Any) -> float | int:
    if isinstance(value, str):
        with suppress(ValueError):
            value = int(value) if value.strip().isdigit() else float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        message = f"expected a number, got {_described(value)}"
        raise ValueError(message)
    return value


def _seconds(value: Any) -> float | int:
    seconds = _number(value)
    if seconds <= 0:
        message = f"expected seconds, more than 0, got {seconds}"
        raise ValueError(message)
    return seconds


def _integer(value: Any) -> int:
    number = _number(value)
    if number != int(number):
        message = f"expected a whole number, got {number}"
        raise ValueError(message)
    return int(number)


def _switch(value: Any) -> bool:
    named = {"true": True, "false": False}.get(str(value).strip().lower())
    if named is None:
        message = f"expected true or false, got {_described(value)}"
        raise ValueError(message)
    return named


def _verify(value: Any) -> bool | str:
    """A switch, or the path of a file with certificates."""
    if isinstance(value, str) and value.strip().lower() not in {"true", "false"}:
        return value
    return _switch(value)


def _headers(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or any(isinstance(v, dict | list) for v in value.values()):
        message = f"expected a mapping of texts, got {type(value).__name__}"
        raise ValueError(message)
    return {str(k): v if isinstance(v, str) else str(v) for k, v in value.items() if v is not None}


def _compression(value: Any) -> str:
    if str(value).strip().lower() != "gzip":
        message = f"expected gzip, got {_described(value)}"
        raise ValueError(message)
    return "gzip"


def _statuses(value: Any) -> list[int]:
    return [_integer(status) for status in (value if isinstance(value, list) else [value])]


def _retry(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        message = f"expected a mapping, got {type(value).__name__}"
        raise ValueError(message)  # noqa: TRY004 - one kind for what cannot be meant
    unknown = sorted(set(map(str, value)) - set(_RETRY))
    if unknown:
        message = f"'{unknown[0]}' is not one of its keys: {suggestion(unknown[0], _RETRY)}"
        raise ValueError(message)
    return {key: None if v is None else _within(key, v) for key, v in value.items()}


def _within(key: str, value: Any) -> Any:
    try:
        return _RETRY[key](value)
    except ValueError as error:
        message = f"{key}: {error}"
        raise ValueError(message) from None


def _any(value: Any) -> Any:
    return value


def _described(value: Any) -> str:
    return f"the text '{value}'" if isinstance(value, str) else str(value)


_RETRY: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("total", "connect", "read", "redirect", "status", "other"), _integer),
    **dict.fromkeys(("backoff_factor", "backoff_max", "backoff_jitter"), _number),
    "status_forcelist": _statuses,
    "allowed_methods": _any,
    "raise_on_redirect": _switch,
    "raise_on_status": _switch,
    "respect_retry_after_header": _switch,
    "remove_headers_on_redirect": _any,
}
"""The arguments of urllib3's Retry, which the client hands on."""

_OVER_HTTP: Mapping[str, Callable[[Any], Any]] = {
    "timeout": _seconds,
    "verify": _verify,
    "compression": _compression,
    "custom_headers": _headers,
    "retry": _retry,
}
_QUEUED = {"max_queue_size": _integer, "max_concurrent_requests": _integer}
_OF_VENDORS = {"timeout": _seconds, "retry": _retry, **_QUEUED}
_TYPED: Mapping[str, Mapping[str, Callable[[Any], Any]]] = {
    "http": _OVER_HTTP,
    "async_http": {**_OVER_HTTP, **_QUEUED},
    "kafka": {"flush": _switch},
    "msk-iam": {"flush": _switch, "aws_debug_creds": _switch},
    "file": {"append": _switch},
    "composite": dict.fromkeys(
        ("continue_on_failure", "continue_on_success", "sort_transports"), _switch
    ),
}
