"""Is the credential there, has it the right form, is it the sandbox's dummy?"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from typing import TYPE_CHECKING

from sandbox_recorder.refusals import Refused
from sandbox_recorder.sigv4 import access_key_of, check_signature

if TYPE_CHECKING:
    from datetime import datetime

    from sandbox_recorder.config import Credential
    from sandbox_recorder.incoming import Incoming

_SHOWN = 4
_SHORTEST_SHOWN = 12  # of a shorter one, four characters would be too much of it
_SCHEMES = {"bearer": "Bearer", "basic": "Basic"}


def check_credential(wanted: Credential, request: Incoming, now: datetime) -> None:
    """Check a request as the backend would.

    Args:
        wanted: What the backend wants.
        request: The request, as it came over the wire.
        now: The time, with a zone; signatures expire.

    Raises:
        Refused: With the status for a missing credential, or for a wrong one. The reason
            never holds the credential.
    """
    given = request.headers.get(wanted.header.lower(), "").strip()
    if not given:
        raise Refused(wanted.missing, f"no header {wanted.header}")
    if wanted.kind == "sigv4":
        problem = check_signature(wanted.value, request, given, now)
    else:
        problem = _problem(wanted, given)
    if problem:
        raise Refused(wanted.wrong, problem)


def _problem(wanted: Credential, given: str) -> str | None:
    shown = _without_scheme(wanted, given)
    if shown is None:
        return f"the header {wanted.header} is not of the form '{_SCHEMES[wanted.kind]} …'"
    if wanted.form is not None and not re.fullmatch(wanted.form, shown):
        return f"the credential in {wanted.header} is malformed"
    if not hmac.compare_digest(shown.encode(), _dummy(wanted).encode()):
        return f"the credential in {wanted.header} is not the sandbox's dummy"
    return None


def _dummy(wanted: Credential) -> str:
    if wanted.kind == "basic":
        return f"{wanted.value['username']}:{wanted.value['password']}"
    return str(wanted.value)


def _without_scheme(wanted: Credential, given: str) -> str | None:
    """The credential itself, without its scheme; None if it has not the scheme's form."""
    if wanted.kind == "header":
        return given
    scheme, _, rest = given.partition(" ")
    if scheme.lower() != wanted.kind or not rest.strip():
        return None
    if wanted.kind == "bearer":
        return rest.strip()
    try:
        return base64.b64decode(rest.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def masked(wanted: Credential | None, request: Incoming) -> str | None:
    """What may be shown of a request's credential; None if it has none.

    It is looked for where the backend wants it, and in `Authorization`.
    """
    names = [wanted.header.lower()] if wanted else []
    for name in (*names, "authorization"):
        given = request.headers.get(name, "").strip()
        if given:
            return _mask(given)
    return None


def _mask(given: str) -> str:
    access_key = access_key_of(given)
    if access_key is not None:
        return f"SigV4 {access_key[:_SHOWN]}…"  # no secret, unlike the key that signs
    scheme, _, rest = given.rpartition(" ")
    if scheme.lower() == "basic":
        try:
            rest = base64.b64decode(rest, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            rest = ""
        return f"{rest[:_SHOWN]}…"
    return _start(rest)


def _start(secret: str) -> str:
    return f"{secret[:_SHOWN] if len(secret) >= _SHORTEST_SHOWN else ''}…"
