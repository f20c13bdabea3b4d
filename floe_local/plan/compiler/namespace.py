"""The OpenLineage namespace, from a plugin's strategy (ADR-0035)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from floe_local.plan.artifacts import Change
from floe_local.plan.compiler.draft import output_error
from floe_local.plan.env_refs import resolve
from floe_local.plan.values import ENVIRONMENT_VARIABLE
from floe_local.plan.yaml_source import suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from floe_local.plan.compiler.draft import Surroundings
    from floe_local.plan.plugins.output import PluginOutput

DEFAULT_TEMPLATE = "floe-{environment}"
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def namespace_of(output: PluginOutput, around: Surroundings) -> tuple[str, tuple[Change, ...]]:
    """The namespace of a lineage plugin's events, with a warning where it was made up.

    References in it are resolved here: events carry it as it is.

    Raises:
        InputError: the strategy is unknown, or lacks what it needs, such as a variable.
    """
    place = f"{output.who}: namespace_strategy"
    strategy = resolve(output.namespace_strategy, around.environ, place)
    if not isinstance(strategy, dict) or not strategy:
        namespace = default_namespace(around)
        return namespace, (_made_up(output, namespace),)
    name = strategy.get("strategy")
    make = _STRATEGIES.get(name) if isinstance(name, str) else None
    if make is None:
        known = suggestion(str(name), _STRATEGIES)
        raise output_error(
            output, "namespace_strategy.strategy", f"unknown strategy {name!r}", known
        )
    return make(output, strategy, around), ()


def default_namespace(around: Surroundings) -> str:
    """The ADR's default: ``floe-<environment>``."""
    return DEFAULT_TEMPLATE.format(environment=around.environment)


def _made_up(output: PluginOutput, namespace: str) -> Change:
    return Change(
        rule="default-namespace",
        where=f"{output.who}: namespace_strategy",
        before=None,
        after=namespace,
        why=f"the plugin returned no mapping ({type(output.namespace_strategy).__name__})",
        level="warning",
    )


def _environment_based(output: PluginOutput, strategy: dict[str, Any], around: Surroundings) -> str:
    variable = strategy.get("environment_var") or ENVIRONMENT_VARIABLE
    if not isinstance(variable, str):
        raise output_error(
            output, "namespace_strategy.environment_var", "expected a variable's name"
        )
    environment = around.environment
    if variable != ENVIRONMENT_VARIABLE:
        environment = around.environ.get(variable) or environment
    values = {"environment": environment, "project": around.project}
    template = _text(output, strategy, "template", DEFAULT_TEMPLATE)
    for name in _PLACEHOLDER.findall(template):
        if name not in values:
            what = f"unknown placeholder {{{name}}}"
            raise output_error(
                output, "namespace_strategy.template", what, suggestion(name, values)
            )
    return _PLACEHOLDER.sub(lambda match: values[match[1]], template)


def _custom(output: PluginOutput, strategy: dict[str, Any], _around: Surroundings) -> str:
    return _text(output, strategy, "namespace")


def _backend_managed(output: PluginOutput, strategy: dict[str, Any], around: Surroundings) -> str:
    """The backend decides; events still need one, so the default unless the plugin names one."""
    return _text(output, strategy, "namespace", default_namespace(around))


def _centralized(output: PluginOutput, strategy: dict[str, Any], around: Surroundings) -> str:
    """``<environment>.<platform>``, as the published plugins mean it."""
    environment = _text(output, strategy, "environment", around.environment)
    return f"{environment}.{_text(output, strategy, 'platform', 'floe')}"


def _text(
    output: PluginOutput, strategy: dict[str, Any], key: str, default: str | None = None
) -> str:
    value = strategy.get(key)
    value = default if value is None else value
    if not isinstance(value, str) or not value.strip():
        raise output_error(output, f"namespace_strategy.{key}", "expected text that is not empty")
    return value


_STRATEGIES: Mapping[str, Callable[[PluginOutput, dict[str, Any], Surroundings], str]] = {
    "environment_based": _environment_based,
    "custom": _custom,
    "backend_managed": _backend_managed,
    "centralized": _centralized,
}
