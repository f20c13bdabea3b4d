"""Refuses what a plugin returned where it holds a secret: written out, or a variable's value.

It is checked at the call, before anything of it is shown, planned or written.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from floe_local.errors import InputError
from floe_local.plan.credentials import credentials_in
from floe_local.plan.nested import scalars
from floe_local.plan.plugins.foreign_code import CREDENTIAL_NAME, SHORTEST_SECRET, forms_of
from floe_local.plan.yaml_source import dotted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from floe_local.plan.plugins.output import PluginOutput
    from floe_local.plan.yaml_source import Path_

_FIELDS = ("exporter_config", "pipeline_config", "transport", "namespace_strategy", "helm_values")
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


def refuse_secrets(output: PluginOutput, environ: Mapping[str, str]) -> None:
    """Refuse a secret in anything that a plugin returned; its value is not told.

    Args:
        output: what the plugin returned.
        environ: the variables that it saw.

    Raises:
        InputError: names plugin, distribution and field, and the variable (``plugin-output``).
    """
    secrets = [(name, form) for name in telling(environ) for form in forms_of(environ[name])]
    for field in _FIELDS:
        place = () if field == "exporter_config" else (field,)
        for path, name in _values_told(getattr(output, field), place, secrets):
            what = f"holds the value of the variable {name}"
            hint = f"return the reference ${{env:{name}}}; it is resolved where it is needed"
            raise InputError("plugin-output", f"{output.who}: {dotted(path)}: {what}", hint)
        refuse_written_out(output.who, getattr(output, field), place)


def refuse_written_out(who: str, value: Any, place: Path_ = ()) -> None:
    """Refuse a credential written out in what `who` returned.

    Raises:
        InputError: names `who` and the field (``plugin-output``).
    """
    for path in credentials_in(value, place):
        reason = f"{who}: {dotted(path)}: holds a credential written out"
        hint = "return a reference, ${env:NAME}; in Helm values, the name of a Secret"
        raise InputError("plugin-output", reason, hint)


def _values_told(
    value: Any, place: Path_, secrets: Sequence[tuple[str, str]]
) -> Iterator[tuple[Path_, str]]:
    """Where a variable's value stands in one of its forms, and the variable's name."""
    for path, scalar in scalars(value, place):
        yield from ((path, name) for name, form in secrets if form in str(scalar))


def telling(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The variables that hold credentials which cannot be in a config for another reason."""
    named = {n for n in environ if CREDENTIAL_NAME.search(n) and not _ABOUT_A_CREDENTIAL.search(n)}
    elsewhere = {value for name, value in environ.items() if name not in named}
    return tuple(
        name
        for name in sorted(named)
        if len(environ[name]) >= SHORTEST_SECRET
        and environ[name] not in elsewhere
        and not _TELLS_NOTHING.fullmatch(environ[name])
    )
