"""Finds credentials where none may be: in what a plugin returns, prints, or says in errors."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import TYPE_CHECKING, Any

from floe_local.plan.credentials import credentials_in
from floe_local.plan.yaml_source import dotted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")


def told_markers(value: Any, markers: Mapping[str, str]) -> tuple[str, ...]:
    """The variables whose made-up values are in a value, as they are or in Base64, sorted.

    Args:
        value: anything that JSON can hold.
        markers: variable → value.
    """
    text = value if isinstance(value, str) else json.dumps(value)
    heard = [text, *_decoded(text)]
    return tuple(
        sorted(name for name, marker in markers.items() if any(marker in t for t in heard))
    )


def literal_credentials(answers: Mapping[str, Any]) -> tuple[str, ...]:
    """The fields of a plugin's answers that hold a credential written out."""
    return tuple(dotted(path) for path in credentials_in(dict(answers)))


def _decoded(text: str) -> Iterator[str]:
    """What stands in Base64 in a text, as HTTP's basic authentication does."""
    for match in _BASE64.finditer(text):
        padded = match[0].rstrip("=") + "=" * (-len(match[0].rstrip("=")) % 4)
        try:
            yield base64.b64decode(padded, altchars=b"-_").decode("latin-1")
        except (binascii.Error, ValueError):
            continue
