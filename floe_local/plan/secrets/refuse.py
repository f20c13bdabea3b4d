"""Refuses what a plugin returned where it holds a secret: written out, or a variable's value.

It is checked at the call, before anything of it is shown, planned or written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_local.errors import InputError
from floe_local.plan.nested import scalars
from floe_local.plan.secrets.mask import forms_of
from floe_local.plan.secrets.recognise import credential_variables, credentials_in
from floe_local.plan.yaml_source import dotted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from floe_local.plan.yaml_source import Path_


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
