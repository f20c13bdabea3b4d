from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from floe_local.errors import MachineError
from floe_local.plan.stack.model import STACK_LABEL
from floe_local.plan.stack.plan import plan_stack
from floe_local.run.volumes import prepare_volumes
from tests.fake_engine import FakeEngine

if TYPE_CHECKING:
    from floe_local.plan.stack.model import StackPlan
    from tests.unit.conftest import Builder

PASSWORDS = {"FLOE_SECRET_DB": "first"}


def writing(version: str) -> FakeEngine:
    """An engine whose images write data of a version."""
    return FakeEngine(variables={"DB_MAJOR": version} if version else {})


@pytest.fixture
def plan(build: Builder) -> StackPlan:
    return plan_stack(build.inputs())


def prepare(plan: StackPlan, engine: FakeEngine, passwords: dict[str, str] = PASSWORDS) -> None:
    prepare_volumes(plan, engine, passwords)


def test_a_volume_is_stamped_when_it_is_made(plan: StackPlan) -> None:
    engine = writing("15")
    prepare(plan, engine)
    (volume,) = engine.held.volumes
    assert volume.name == plan.compose["volumes"]["database-data"]["name"]
    assert volume.labels[STACK_LABEL] == plan.project
    assert volume.labels["dev.floe.local.data-version"] == "15"
    assert volume.labels["dev.floe.local.written-by"] == "example/database:1"
    assert "first" not in str(volume.labels)


def test_a_volume_of_the_same_format_is_used_as_it_is(plan: StackPlan) -> None:
    engine = writing("15")
    prepare(plan, engine)
    before = engine.held.volumes
    prepare(plan, engine)
    assert engine.held.volumes == before


@pytest.mark.parametrize("now", ["14", "16"])
def test_a_volume_of_another_format_is_refused(plan: StackPlan, now: str) -> None:
    engine = writing("15")
    prepare(plan, engine)
    engine.variables = {"DB_MAJOR": now}
    with pytest.raises(MachineError) as caught:
        prepare(plan, engine)
    assert caught.value.code == "volume-version"
    assert "version 15, written by example/database:1" in caught.value.reason
    assert "down --volumes" in caught.value.hint


def test_a_volume_whose_password_is_lost_is_refused(plan: StackPlan) -> None:
    engine = writing("15")
    prepare(plan, engine)
    with pytest.raises(MachineError) as caught:
        prepare(plan, engine, {"FLOE_SECRET_DB": "second"})
    assert caught.value.code == "volume-password"
    assert "second" not in caught.value.reason + caught.value.hint


@pytest.mark.parametrize("labels", [{}, {STACK_LABEL: "p"}])
def test_a_volume_that_plain_compose_made_is_used(plan: StackPlan, labels: dict[str, str]) -> None:
    engine = writing("15")
    engine.create_volume(plan.volumes[0].name, labels)
    before = engine.held
    prepare(plan, engine)
    assert engine.held == before


def test_an_image_that_tells_no_version_is_not_compared(plan: StackPlan) -> None:
    engine = writing("15")
    prepare(plan, engine)
    before = engine.held
    engine.variables = {}
    prepare(plan, engine)
    assert engine.held == before
