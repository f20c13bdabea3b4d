"""Which rules there are, by profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_local.errors import InputError
from floe_local.observe.rules import openlineage, otel
from floe_local.observe.rules.model import findings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from floe_local.observe.rules.model import RuleFinding, SoundnessRule, View

PROFILES: Mapping[str, tuple[SoundnessRule, ...]] = {
    "openlineage": openlineage.RULES,
    "otel": otel.RULES,
}
"""Those that floe-local has itself."""

DEFAULT = ("openlineage", "otel")


def judged(view: View, profiles: Iterable[str]) -> list[RuleFinding]:
    """Let all rules of some profiles look at a session.

    Raises:
        InputError: there is no such profile.
    """
    return [finding for name in profiles for finding in findings(name, _rules(name), view)]


def _rules(name: str) -> tuple[SoundnessRule, ...]:
    if name not in PROFILES:
        known = ", ".join(PROFILES)
        raise InputError("no-profile", f"there is no profile '{name}'", f"there are {known}")
    return PROFILES[name]
