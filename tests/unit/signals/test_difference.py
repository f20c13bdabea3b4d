"""Differences are named by field, and types count."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floe_local.signals.shared.difference import ABSENT, differences, same, without

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("one", "other"), [(1, True), (0, False), (1, 1.0), ("1", 1), (None, ""), ([], None), ({}, [])]
)
def test_types_count(one: Any, other: Any) -> None:
    assert not same(one, other)
    assert differences("f", one, other)[0].field == "f"


@given(JSON)
def test_nothing_differs_from_itself(value: Any) -> None:
    assert same(value, value)
    assert differences("f", value, value) == []


@given(JSON, JSON)
def test_no_difference_means_the_same_or_more(one: Any, other: Any) -> None:
    if isinstance(one, (dict, list)) or isinstance(other, (dict, list)):
        return
    assert (differences("f", one, other) == []) == same(one, other)


def test_a_missing_key_and_a_wrong_one_are_named() -> None:
    found = differences("span", {"a": {"b": 1}, "c": 2}, {"a": {}, "c": 3, "more": 4})
    assert [(d.field, d.expected, d.found) for d in found] == [
        ("span.a.b", 1, ABSENT),
        ("span.c", 2, 3),
    ]


def test_what_a_list_lacks_is_named() -> None:
    found = differences("inputs", ["a", "b", "b"], ["b", "a"])
    assert [(d.field, d.expected, d.found) for d in found] == [("inputs", "b", ABSENT)]


def test_items_that_hold_more_are_others() -> None:
    assert not same({"a": 1}, {"a": 1, "b": 2})
    assert not same({"a": 1, "b": 2}, {"a": 1})
    found = differences("facets", [{"a": 1}], [{"a": 1, "b": 2}, {"a": 1, "c": 3}])
    assert [d.expected for d in found] == [{"a": 1}, ABSENT, ABSENT]


def test_a_difference_inside_an_item_is_named_by_its_place() -> None:
    [found] = differences("rows", [{"n": 1, "in": ["x", "y"]}], [{"n": 1, "in": ["x"]}])
    assert (found.field, found.expected) == ("rows[0].in", "y")


@given(st.lists(st.integers(0, 3)), st.lists(st.integers(0, 3)))
def test_without_is_multiset_difference(items: list[int], others: list[int]) -> None:
    rest = without(items, others)
    assert all(rest.count(n) == max(0, items.count(n) - others.count(n)) for n in range(4))
