"""Which rules there are, by profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_local.errors import InputError
from floe_local.observe.rules import floe, openlineage, otel
from floe_local.observe.rules.model import findings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from floe_local.observe.rules.model import RuleFinding, SoundnessRule, View

PROFILES: Mapping[str, tuple[SoundnessRule, ...]] = {
    "openlineage": openlineage.RULES,
    "otel": otel.RULES,
    "floe": floe.RULES,
}
"""Those that floe-local has itself."""

DEFAULT = ("openlineage", "otel")
BACKEND = "backend:"
"""How the profile of a backend begins; its rules are in its blueprint."""


def judged(
    view: View,
    profiles: Iterable[str],
    known: Mapping[str, tuple[SoundnessRule, ...]] | None = None,
) -> list[RuleFinding]:
    """Let all rules of some profiles look at a session.

    Args:
        view: the session.
        profiles: their names.
        known: rules of some that are known already, such as those of a stack's backends.

    Raises:
        InputError: there is no such profile, or the backend's blueprint is wrong.
    """
    rules = {name: (known or {}).get(name) or rules_of(name) for name in dict.fromkeys(profiles)}
    return [finding for name in rules for finding in findings(name, rules[name], view)]


def rules_of(profile: str) -> tuple[SoundnessRule, ...]:
    """The rules of a profile.

    Raises:
        InputError: there is no such profile, or the backend's blueprint is wrong.
    """
    if profile.startswith(BACKEND):
        return _of_backend(profile.removeprefix(BACKEND))
    if profile not in PROFILES:
        known = ", ".join([*PROFILES, f"{BACKEND}NAME"])
        raise InputError("no-profile", f"there is no profile '{profile}'", f"there are {known}")
    return PROFILES[profile]


def _of_backend(name: str) -> tuple[SoundnessRule, ...]:
    # Only where a backend is named: blueprints take pydantic and a parser of YAML.
    from floe_local.observe.rules.backend import backend_rules  # noqa: PLC0415
    from floe_local.plan.blueprint.lookup import find_blueprint, shipped_names  # noqa: PLC0415

    located = find_blueprint(name)
    if located is None:
        known = ", ".join(shipped_names())
        raise InputError("no-profile", f"there is no blueprint '{name}'", f"there are {known}")
    return backend_rules(located.blueprint.checks)
