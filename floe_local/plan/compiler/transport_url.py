"""Where an OpenLineage HTTP transport posts to, and how to say so that clients do.

openlineage-python posts to ``urljoin(url, endpoint)``: a base path without a trailing slash
loses its last part, an endpoint with a leading slash drops the whole path. Other clients
join in other ways. All agree on a bare origin and a relative path: that is what is compiled.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import urljoin

DEFAULT_ENDPOINT = "api/v1/lineage"
_URL = re.compile(r"^(?P<origin>[A-Za-z][A-Za-z0-9+.-]*://[^/?#]+)(?P<path>[^?#]*)(?P<tail>.*)$")


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
        None where the url is no http URL, or is only known when it runs (``${env:URL}``).
    """
    match = _URL.match(url.strip())
    if match is None:
        return None
    if endpoint is not None and "://" in endpoint:
        return target_of(endpoint, "")
    path = _path(match["path"], endpoint)
    return _safe(match["origin"], path.lstrip("/") + match["tail"])


def last_segment(address: str) -> str:
    """The part of an address behind its last slash, with the query.

    ``urljoin(address, last_segment(address))`` is the address. Empty for an address that
    ends in a slash or has no path, and for one that joining would change otherwise.
    """
    match = _URL.match(address)
    if match is None:
        return ""
    segment = match["path"].rpartition("/")[2] + match["tail"]
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
