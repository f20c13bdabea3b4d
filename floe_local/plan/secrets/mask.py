"""Hides credentials in texts: the values of variables that are called like one.

Light on purpose: the plugins' child process imports it.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MASK = "***"
SHORTEST_SECRET = 6
"""A shorter value stands in many a text for reasons of its own."""
_CREDENTIAL_VARIABLE = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|AUTH(?!OR)", re.IGNORECASE)
"""Generous: what is masked without need costs nothing. `recognise` judges fields, strictly."""
_URL_SAFE = str.maketrans("+/", "-_")
_URL_PASSWORD = re.compile(r"(://[^/\s:@]*:)[^/\s@]+@")


def names_a_credential(variable: str) -> bool:
    """Whether a variable of the environment is called as those that hold credentials are."""
    return bool(_CREDENTIAL_VARIABLE.search(variable))


def forms_of(secret: str) -> tuple[str, ...]:
    """A secret as it is, and as it shows in Base64, wherever in the encoded text it begins.

    Of the Base64 only the characters that the secret alone decides.
    """
    raw = secret.encode(errors="surrogateescape")
    encoded = []
    for before in range(3):
        whole = base64.b64encode(bytes(before) + raw).decode()
        ours = whole[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6]
        encoded += [ours, ours.translate(_URL_SAFE)]
    return (secret, *dict.fromkeys(encoded))


def hide(text: str, secrets: Iterable[str]) -> str:
    """A text without the secrets, the longest first: one may be a part of another."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def mask(text: str, environ: Mapping[str, str]) -> str:
    """Replace the values of variables that are called like credentials, and URL passwords.

    What holds one in Base64 goes as a whole.
    """
    secrets = (value for name, value in environ.items() if names_a_credential(name))
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            plain, *encoded = forms_of(secret)
            text = text.replace(plain, MASK)
            for form in encoded:
                if form in text:
                    text = re.sub(rf"[\w+/-]*{re.escape(form)}[\w+/-]*=*", MASK, text)
    return _URL_PASSWORD.sub(rf"\1{MASK}@", text)
