from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest

from floe_local.errors import InputError
from floe_local.plan.compiler.compile import compile_outputs

if TYPE_CHECKING:
    from collections.abc import Callable

TRANSPORT = {"type": "http", "url": "http://marquez:5000"}


@pytest.fixture
def compiled_namespace(lineage: Callable[..., Any], manifest: Callable[..., Any]) -> Any:
    def run(strategy: Any, environ: dict[str, str] | None = None, **local: Any) -> Any:
        output = lineage(TRANSPORT, strategy)
        return compile_outputs(manifest("prod", **local), (output,), {}, environ)

    return run


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (
            {
                "strategy": "environment_based",
                "template": "floe-{environment}",
                "environment_var": "FLOE_ENVIRONMENT",
            },
            "floe-prod",
        ),
        ({"strategy": "environment_based", "template": "{project}/{environment}"}, "shop/prod"),
        ({"strategy": "environment_based"}, "floe-prod"),
        ({"strategy": "environment_based", "environment_var": "STAGE"}, "floe-blue"),
        ({"strategy": "environment_based", "environment_var": "UNSET"}, "floe-prod"),
        ({"strategy": "custom", "namespace": "my-company"}, "my-company"),
        ({"strategy": "backend_managed", "description": "the backend does"}, "floe-prod"),
        ({"strategy": "centralized", "environment": "prod", "platform": "floe"}, "prod.floe"),
    ],
)
def test_each_strategy_has_its_namespace(
    strategy: dict[str, str], expected: str, compiled_namespace: Any
) -> None:
    compiled = compiled_namespace(strategy, {"STAGE": "blue"})

    assert compiled["namespace"] == expected
    assert "default-namespace" not in {c.rule for c in compiled.provenance}


@pytest.mark.parametrize("strategy", [None, {}, "custom", Mock()])
def test_no_mapping_means_the_default_with_a_warning(
    strategy: Any, compiled_namespace: Any
) -> None:
    compiled = compiled_namespace(strategy)

    assert compiled.namespace == "floe-prod"
    change = next(c for c in compiled.provenance if c.rule == "default-namespace")
    assert change.level == "warning"


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ({"strategy": "costum"}, "did you mean 'custom'"),
        ({"strategy": ["custom"]}, "unknown strategy"),
        ({"namespace": "x"}, "unknown strategy None"),
        ({"strategy": "custom"}, "namespace_strategy.namespace: expected text"),
        ({"strategy": "custom", "namespace": " "}, "namespace_strategy.namespace: expected text"),
        ({"strategy": "environment_based", "template": "{env}"}, "unknown placeholder {env}"),
    ],
)
def test_a_strategy_that_makes_no_namespace(
    strategy: dict[str, Any], expected: str, compiled_namespace: Any
) -> None:
    with pytest.raises(InputError) as caught:
        compiled_namespace(strategy)

    assert expected in f"{caught.value.reason} {caught.value.hint}"


def test_the_manifests_namespace_goes_first(compiled_namespace: Any) -> None:
    assert compiled_namespace({"strategy": "nonsense"}, namespace="mine").namespace == "mine"


def test_several_lineage_backends_share_the_first_ones_namespace(
    lineage: Callable[..., Any], manifest: Callable[..., Any]
) -> None:
    first = lineage(TRANSPORT, {"strategy": "custom", "namespace": "one"})
    same = lineage(TRANSPORT, {"strategy": "custom", "namespace": "one"}, "same")
    other = lineage(TRANSPORT, {"strategy": "custom", "namespace": "two"}, "other")

    compiled = compile_outputs(manifest(), (first, same, other), {})

    assert compiled.namespace == "one"
    changes = [c for c in compiled.provenance if c.rule == "one-namespace"]
    assert [(c.before, c.after, c.level) for c in changes] == [("two", "one", "warning")]
