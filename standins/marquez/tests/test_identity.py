"""Ids and versions are those that the real server gave to the same names."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marquez_standin import identity

RUN = UUID("0190f3c2-0000-7000-8000-000000000001")


@pytest.mark.parametrize(
    ("job", "inputs", "outputs", "version"),
    [
        ("orders", ["raw.orders"], ["mart.orders"], "723a5d7e-eb70-357b-a859-5d062365f5d4"),
        ("orders", ["raw.orders"], [], "41e5c23a-b2f0-391d-b44b-34b4ec4711c0"),
        ("orders", [], [], "a29517e8-91b3-3e34-af05-a63b97a3a706"),
    ],
)
def test_a_jobs_version_is_the_recorded_one(
    job: str, inputs: list[str], outputs: list[str], version: str
) -> None:
    read, written = ([("floe-contract", name) for name in names] for names in (inputs, outputs))
    assert str(identity.job_version(("floe-contract", job), read, written, None)) == version


@pytest.mark.parametrize(
    ("name", "fields", "version"),
    [
        ("raw.orders", [], "b7340bce-cf35-33a4-ac73-833d53b79a4a"),
        ("mart.orders", [], "f5f9f1cd-f0e3-3826-aa8d-07db245fdbd4"),
        (
            "mart.orders",
            [{"name": "total", "type": "DECIMAL"}],
            "8a703c69-c04d-3396-bb76-b664dd57c977",
        ),
    ],
)
def test_a_datasets_version_is_the_recorded_one(
    name: str, fields: list[dict[str, str | None]], version: str
) -> None:
    made = identity.dataset_version(
        ("floe-contract", name), source="default", fields=fields, lifecycle_state="", run=RUN
    )
    assert str(made) == version


def test_a_schemas_version_is_the_recorded_one() -> None:
    made = identity.schema_version(("floe-contract", "mart.orders"), [("total", "DECIMAL")])
    assert str(made) == "8aaa8059-e02d-3e0c-a62b-c3f34c8ff1aa"


def test_a_run_id_that_is_no_uuid_gets_the_recorded_one() -> None:
    assert str(identity.run_uuid("run-1")) == "5b746968-0d99-3015-9c65-3ddb9ff22ae7"


def test_a_parents_run_is_told_apart_by_its_job_without_the_task() -> None:
    made = identity.parent_run_uuid("n", "dag.task", "manual")
    assert made == identity.conflict_free_uuid("n", "dag", "manual")
    assert made != identity.parent_run_uuid("n", "other.task", "manual")


@given(st.uuids())
def test_a_uuid_stays_itself(value: UUID) -> None:
    assert identity.run_uuid(str(value)) == identity.run_uuid(str(value).upper()) == value


def test_short_groups_of_a_uuid_are_filled_up() -> None:
    assert identity.as_uuid("1-2-3-4-5") == UUID("00000001-0002-0003-0004-000000000005")


@given(st.lists(st.tuples(st.text("ab", min_size=1), st.sampled_from(["INT", None]))))
def test_the_order_of_fields_makes_no_other_schema(fields: list[tuple[str, str | None]]) -> None:
    name = ("n", "d")
    assert identity.schema_version(name, fields) == identity.schema_version(name, fields[::-1])


@pytest.mark.parametrize(("name", "rest"), [("a.b.c", "a.b"), ("a", "a")])
def test_the_last_part_of_a_name_is_left_out(name: str, rest: str) -> None:
    assert identity.without_last_part(name) == rest
