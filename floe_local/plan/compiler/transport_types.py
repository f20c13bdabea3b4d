"""What openlineage-python knows by name: types of transports, and of authentication."""

from __future__ import annotations

from floe_local.plan.yaml_source import suggestion

_BUILT_IN = frozenset({"http", "async_http", "composite", "console", "file", "kafka", "noop"})
_AUTH = frozenset({"api_key", "bearer", "jwt", "oauth2"})
_CLASS = "or a class of your own, as package.module.Class"


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
    return "." in kind or "${" in kind
