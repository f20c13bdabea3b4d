"""Recognises credentials, in configs and in variables, and refuses a plugin's output that holds one.

ADR-0035: a config refers to them, ``${env:NAME}``, and never writes one out.

A value is one by the name it goes by, or by its looks. References are taken out of a text
before it is judged, their defaults stay: ``Bearer ${env:X}`` holds nothing, ``${env:X:-abc}``
holds ``abc``.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from floe_local.errors import InputError
from floe_local.plan.env_refs import without_references
from floe_local.plan.nested import scalars
from floe_local.plan.secrets.mask import SHORTEST_SECRET, forms_of, names_a_credential
from floe_local.plan.yaml_source import dotted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from floe_local.plan.yaml_source import Path_


_CREDENTIAL_NAME = re.compile(
    r"(^|_)((api|app|application|access|account|auth|encryption|ingest|ingestion|instrumentation"
    r"|license|private|secret|shared|signing|subscription)_?key|access_?key_id|key_pem|token"
    r"|password|(ht)?passwd|passphrase|pwd|secret|authorization|credentials?|jwt|bearer)(_?v?\d+)?$"
    r"|^((user|auth|db|proxy|admin|basic)_?)?pass$|^((api|auth|access|bearer)_?)?tokens$"
)
_NAMES_A_SECRET = re.compile(r"existing|(^|_)(pull|tls|cert|certificate)_secret$")
"""`existingSecret`, in Helm values, is the name of a Secret that the cluster holds."""

_STANDS_FOR_ITS_PARENT = {"value", "string", "inline"}
_GIVES_A_NAME = ("name", "key", "header")
"""``{name: api-key, value: …}``, as headers and environments are written."""

_SCHEME = r"(?:bearer|basic|digest|splunk|(?:api-?)?(?:key|token))"
_HARMLESS = re.compile(  # nothing but references, a switch, a mask, a path
    rf"(?:{_SCHEME}\s*)?\W*|true|false|yes|no|none|null"
    r"|\W*(redacted|masked|hidden|removed|xxx+)\W*|(?-i:[.~]?(/[a-z0-9._-]+)+/?)",
    re.IGNORECASE,
)
_PAIR = re.compile(
    r"(?:^|[?&;,\s])(?P<name>[\w.-]+)=[\"']?(?P<value>[\w+/=.~%@!-]{6,})(?=$|[&;,#\s\"'])"
)
_HEADER = re.compile(rf"^(?P<name>[\w-]+):\s+(?:{_SCHEME}\s+)?(?P<value>\S{{6,}})$", re.IGNORECASE)
_LOOKS_LIKE_A_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|LS0tLS1CRUdJTiB(?!DRVJU|QVUJM)"  # in Base64: no certificate
    r"|\b(AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[opsur]_\w{20,}"
    r"|\bgithub_pat_\w{20,}|\bgl(c|sa)_\w{16,}|\bglpat-[\w-]{16,}|\bxox[abprs]-[\w-]{10,}"
    r"|\bsk-[\w-]{20,}|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"
    r"|^(Bearer|Basic|Splunk|Api-?(Key|Token))\s+\S{8,}"
    r"|://[^/\s:@?#]*:[^/\s@]+@|https?://(?=[^/@]*\d)[^/\s:@?#]{12,}@"
)
_HEX = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{40}")
_HEX_OF_ITS_OWN = re.compile(
    r"(^|[_/])(id|tag|digest|commit|revision|version|checksum|hash|sha\d*)(?=$|[_/])"
)
"""A key of the large vendors has the looks of a hash, or of an id."""

_ABOUT_A_CREDENTIAL = re.compile(
    r"(^|_)(ur[il]|endpoint|host(name)?|domain|realm|file|path|dir|sock(et)?|type|method|mode"
    r"|provider|backend|scheme|header|name|user(name)?|region|(?<!key_)id)$",
    re.IGNORECASE,
)
"""`AUTH_URL` and `TOKEN_FILE` say where a credential is, and hold none."""

_TELLS_NOTHING = re.compile(
    r"[a-z]+([-_. ][a-z]+)*(?<!.{12})|\d{0,7}|[.~]?(/[\w.-]+)+/?|\w+://[^@]*|[\w.-]+:\d+",
    re.IGNORECASE,
)
"""Short words, numbers, paths, addresses: they stand in configs for reasons of their own."""


def credentials_in(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    """The paths of credentials written out in a nested value: by name, or by their looks."""
    name = next((step for step in reversed(path) if isinstance(step, str)), "")
    for place, called, scalar in _named(value, path, name):
        if scalar is not None and not isinstance(scalar, bool) and _holds_one(called, str(scalar)):
            yield place


def _named(value: Any, path: Path_, name: str) -> Iterator[tuple[Path_, str, Any]]:
    """Every scalar with the path to it, and the name that it goes by."""
    if isinstance(value, dict):
        given = next((value[k] for k in _GIVES_A_NAME if isinstance(value.get(k), str)), name)
        for key, item in value.items():
            yield from _named(item, (*path, key), _name_of(key, name, given))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _named(item, (*path, index), name)
    else:
        yield path, name, value


def _name_of(key: Any, parent: str, given: str) -> str:
    """The name that an item of a mapping goes by; `given` is the one that the mapping tells."""
    if key in _STANDS_FOR_ITS_PARENT:
        return given
    return "api_key" if (parent, key) == ("api", "key") else str(key)


def _holds_one(name: str, text: str) -> bool:
    bare = without_references(text).strip()
    if _LOOKS_LIKE_A_KEY.search(bare) or (_means_one(name) and not _HARMLESS.fullmatch(bare)):
        return True
    if _HEX.fullmatch(bare) and not _HEX_OF_ITS_OWN.search(_snake(name)):
        return True
    pairs = (*_PAIR.finditer(bare), *_HEADER.finditer(bare))
    return any(_means_one(m["name"]) and not _HARMLESS.fullmatch(m["value"]) for m in pairs)


def _means_one(name: str) -> bool:
    """Whether what goes by this name is a credential."""
    snake = _snake(name)
    return bool(_CREDENTIAL_NAME.search(snake)) and not _NAMES_A_SECRET.search(snake)


def _snake(name: str) -> str:
    """``apiKey``, ``API-KEY`` and ``api.key`` as ``api_key``."""
    return re.sub(r"[-. ]", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower())


def credential_variables(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The variables that hold credentials which cannot be in a config for another reason."""
    named = {n for n in environ if names_a_credential(n) and not _ABOUT_A_CREDENTIAL.search(n)}
    elsewhere = {value for name, value in environ.items() if name not in named}
    return tuple(
        name
        for name in sorted(named)
        if len(environ[name]) >= SHORTEST_SECRET
        and environ[name] not in elsewhere
        and not _TELLS_NOTHING.fullmatch(environ[name])
    )


def variables_in(value: Any, environ: Mapping[str, str]) -> tuple[str, ...]:
    """The variables whose values are in a value, as they are or in Base64, sorted.

    Args:
        value: anything that JSON can hold.
        environ: variable → value, none of them empty.
    """
    text = value if isinstance(value, str) else json.dumps(value)
    return tuple(
        sorted(name for name, secret in environ.items() if any(f in text for f in forms_of(secret)))
    )


def refuse_secrets(who: str, returned: Mapping[str, Any], environ: Mapping[str, str]) -> None:
    """Refuse a secret in anything that a plugin returned; its value is not told.

    Args:
        who: the plugin, as an error names it.
        returned: what it returned, by field of `PluginOutput`.
        environ: the variables that it saw.

    Raises:
        InputError: names plugin, distribution and field, and the variable (``plugin-output``).
    """
    secrets = [
        (name, form) for name in credential_variables(environ) for form in forms_of(environ[name])
    ]
    for field, answer in returned.items():
        place = () if field == "exporter_config" else (field,)
        for path, name in _values_in(answer, place, secrets):
            what = f"holds the value of the variable {name}"
            hint = f"return the reference ${{env:{name}}}; it is resolved where it is needed"
            raise InputError("plugin-output", f"{who}: {dotted(path)}: {what}", hint)
        refuse_written_out(who, answer, place)


def refuse_written_out(who: str, value: Any, place: Path_ = ()) -> None:
    """Refuse a credential written out in what `who` returned.

    Raises:
        InputError: names `who` and the field (``plugin-output``).
    """
    for path in credentials_in(value, place):
        reason = f"{who}: {dotted(path)}: holds a credential written out"
        hint = "return a reference, ${env:NAME}; in Helm values, the name of a Secret"
        raise InputError("plugin-output", reason, hint)


def _values_in(
    value: Any, place: Path_, secrets: Sequence[tuple[str, str]]
) -> Iterator[tuple[Path_, str]]:
    """Where a variable's value stands in one of its forms, and the variable's name."""
    for path, scalar in scalars(value, place):
        yield from ((path, name) for name, form in secrets if form in str(scalar))
