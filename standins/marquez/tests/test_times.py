"""Times are read as senders write them and printed as the real server prints them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marquez_standin.times import instant_text, milliseconds_between, parse_event_time


@pytest.mark.parametrize(
    ("sent", "iso", "short"),
    [
        ("2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00Z", "2026-01-01T00:00Z[UTC]"),
        ("2019-12-31T23:00:00+01:00", "2019-12-31T22:00:00Z", "2019-12-31T22:00Z[UTC]"),
        ("2020-01-01T00:30:15.250Z", "2020-01-01T00:30:15.25Z", "2020-01-01T00:30:15.250Z[UTC]"),
        ("2020-01-01t00:30", "2020-01-01T00:30:00Z", "2020-01-01T00:30Z[UTC]"),
        (" 2020-01-01T24:00:00z\n", "2020-01-02T00:00:00Z", "2020-01-02T00:00Z[UTC]"),
        ("2025-02-30T10:00:00.Z", "2025-02-28T10:00:00Z", "2025-02-28T10:00Z[UTC]"),
        ("2020-01-01T00:00:00+02:00:30", "2019-12-31T21:59:30Z", "2019-12-31T21:59:30Z[UTC]"),
        (1577836800.5, "2020-01-01T00:00:00.5Z", "2020-01-01T00:00:00.500Z[UTC]"),
        (-1.5, "1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500Z[UTC]"),
        (-0.25, "1969-12-31T23:59:59.75Z", "1969-12-31T23:59:59.750Z[UTC]"),
        (-1, "1969-12-31T23:59:59Z", "1969-12-31T23:59:59Z[UTC]"),
        ("0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "0001-01-01T00:00Z[UTC]"),
    ],
)
def test_a_time_has_the_forms_of_the_real_server(sent: str | float, iso: str, short: str) -> None:
    read = parse_event_time(sent)
    assert (read.iso, read.short) == (iso, short)


@pytest.mark.parametrize("text", [
    "yesterday", "2026-01-01", "2026-13-01T00:00:00Z", "", "2026-02-32T00:00:00Z", "2026-01-00T00:00:00Z",
    "2026-01-01T24:00:01Z", "2026-01-01T23:59:60Z", "2026-01-01T00:00:00,5Z", "2026-01-01T00:00:00+0200",
    "2026-01-01T00:00:00+18:01", "2026-01-01T00:00:00+00:60", "10000-01-01T00:00:00Z", "+294277-01-01T00:00:00Z",
    "2026-01-01T00:00:00Z[UTC]", "\uff12026-01-01T00:00:00Z", 1e20,
])  # fmt: skip
def test_what_is_no_time_is_refused(text: str | float) -> None:
    with pytest.raises(ValueError, match=r"^"):
        parse_event_time(text)


@pytest.mark.parametrize(("micro", "end"), [(0, ":00Z"), (120_000, ".120Z"), (17_562, ".017562Z")])
def test_the_fraction_of_an_instant_comes_in_threes(micro: int, end: str) -> None:
    assert instant_text(datetime(2026, 1, 1, microsecond=micro, tzinfo=UTC)).endswith(end)


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis wants them without a zone
def test_what_is_printed_is_read_again(moment: datetime) -> None:
    assert parse_event_time(instant_text(moment)).instant == moment


def test_a_run_that_ends_before_it_starts_lasted_less_than_nothing() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    assert milliseconds_between(start, start - timedelta(seconds=2)) == -2000
    assert milliseconds_between(None, start) is None


def test_a_duration_counts_the_milliseconds_of_both_ends() -> None:
    start = datetime(2026, 1, 1, microsecond=999_600, tzinfo=UTC)
    assert milliseconds_between(start, start + timedelta(microseconds=500)) == 1
