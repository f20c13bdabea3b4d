"""Paths whose parts hold slashes: `/namespaces/s3%3A%2F%2Fbucket` names one namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

# Stands for a slash inside a part until the part is read; no name can hold it.
_SLASH = "\x1f"


def keep_slashes_apart(app: WSGIApplication) -> WSGIApplication:
    """Wrap an application so that an encoded slash does not end a part of the path.

    WSGI hands on the path decoded, where the two kinds of slash are the same.
    """

    def wrapped(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        raw = environ["REQUEST_URI"].partition("?")[0]
        parts = (unquote_to_bytes(part).decode("latin-1") for part in raw.split("/"))
        environ["PATH_INFO"] = "/".join(part.replace("/", _SLASH) for part in parts)
        return app(environ, start_response)

    return wrapped


def part(text: str) -> str:
    """A part of the path as its sender meant it."""
    return text.replace(_SLASH, "/")
