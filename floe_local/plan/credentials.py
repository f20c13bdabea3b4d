"""Finds credentials that are written out. ADR-0035: by reference only, ``${env:NAME}``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from floe_local.plan.nested import scalars

if TYPE_CHECKING:
    from collections.abc import Iterator

    from floe_local.plan.yaml_source import Path_

_CREDENTIAL_KEY = re.compile(
    r"(^|_)(api_?key|app(lication)?_?key|access_?key(_id)?|secret_?key|private_?key|token|password"
    r"|passwd|passphrase|(?<!existing_)secret|authorization|credentials?|jwt|bearer)$"
)
"""`existingSecret`, in Helm values, is the name of a Secret that the cluster holds."""

_REFERENCE = re.compile(r"\$\{(env:)?[A-Za-z_]\w*")
_LOOKS_LIKE_A_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|\b(AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[opsur]_\w{20,}"
    r"|\bgithub_pat_\w{20,}|\bgl(c|sa)_\w{16,}|\bglpat-[\w-]{16,}|\bxox[abprs]-[\w-]{10,}"
    r"|\bsk-[\w-]{20,}|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|^(Bearer|Basic)\s+(?!\$\{)\S{8,}"
    r"|^([0-9a-fA-F]{32}|[0-9a-fA-F]{40})$|://[^/\s:@]+:(?!\$\{)[^/\s@]+@"
)


def credentials_in(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    """The paths of credentials written out in a nested value: by key, or by their looks."""
    for place, scalar in scalars(value, path):
        if scalar is None or isinstance(scalar, bool):
            continue
        if _is_literal_credential(place, scalar) or _LOOKS_LIKE_A_KEY.search(str(scalar)):
            yield place


def _is_literal_credential(path: Path_, value: Any) -> bool:
    key = next((step for step in reversed(path) if isinstance(step, str)), "")
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower().replace("-", "_")
    text = str(value).strip()
    return bool(text and _CREDENTIAL_KEY.search(snake) and not _REFERENCE.search(text))
