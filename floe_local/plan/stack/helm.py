"""Which of a plugin's Helm values a local stack honours, and which it cannot."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from floe_local.errors import InputError
from floe_local.plan.artifacts import Change
from floe_local.plan.nested import MISSING, leaves, steps, value_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from floe_local.plan.artifacts import Backend
    from floe_local.plan.blueprint.model import HelmRule


def helm_environment(backend: Backend) -> dict[str, dict[str, str]]:
    """The environment variables that Helm values set: service → name → value."""
    environment: dict[str, dict[str, str]] = {}
    for rule in backend.blueprint.helm:
        value = value_at(backend.helm_values, steps(rule.path))
        if value is not MISSING and rule.service and rule.environment:
            environment.setdefault(rule.service, {})[rule.environment] = as_text(value)
    return environment


def helm_changes(backend: Backend) -> tuple[Change, ...]:
    """What becomes of each Helm value that floe-local does not just ignore.

    Raises:
        InputError: a value is not one of those that run locally (``helm-value``).
    """
    rules = backend.blueprint.helm
    for rule in rules:
        _refuse_other_values(backend, rule)
    honoured = tuple(_honoured(backend, rule) for rule in rules if rule.environment)
    known = {rule.path for rule in rules}
    ignored = tuple(
        Change(
            rule="helm-not-honoured",
            where=f"{backend.name}: {path}",
            before=value,
            after=None,
            why="this Helm value has no counterpart in the local stack",
        )
        for path, value in _paths(backend)
        if not any(path == p or path.startswith(f"{p}.") for p in known)
    )
    return tuple(change for change in honoured if change) + ignored


def _honoured(backend: Backend, rule: HelmRule) -> Change | None:
    value = value_at(backend.helm_values, steps(rule.path))
    if value is MISSING:
        return None
    return Change(
        rule="helm-environment",
        where=f"{backend.name}: {rule.path}",
        before=value,
        after=f"{rule.environment}={as_text(value)} in service {rule.service}",
        why="the blueprint honours this Helm value",
    )


def _refuse_other_values(backend: Backend, rule: HelmRule) -> None:
    value = value_at(backend.helm_values, steps(rule.path))
    if value is MISSING or not rule.one_of or value in rule.one_of:
        return
    possible = ", ".join(as_text(v) for v in rule.one_of)
    raise InputError(
        "helm-value",
        f"{backend.who or backend.name}: its Helm value {rule.path} is {as_text(value)}; "
        f"locally it can be: {possible}",
        f"configure the plugin so that {rule.path} is {possible} in the local environment",
    )


def as_text(value: Any) -> str:
    """A Helm value as an environment variable holds it: text as it is, the rest as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _paths(backend: Backend) -> Iterator[tuple[str, Any]]:
    return ((".".join(path), value) for path, value in leaves(backend.helm_values))
