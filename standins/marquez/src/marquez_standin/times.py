"""Times as the API takes and prints them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from marquez_standin.body import BLANK

_EVENT_TIME = re.compile(
    r"(?P<year>\d{4}|\+\d{5,9}|-\d{4,9})-(?P<month>\d\d)-(?P<day>\d\d)"
    r"T(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d{0,9}))?)?"
    r"(?P<offset>Z|[+-]\d\d(?::\d\d(?::\d\d)?)?)?",
    re.IGNORECASE | re.ASCII,
)
_LONGEST_MONTH = 31
_LARGEST_OFFSET = timedelta(hours=18)
# What a database of the real server holds; Python itself goes from the year 1 to 9999.
_LATEST_YEAR = 294276
_LATEST = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
_EARLIEST = datetime(1, 1, 1, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_SECOND = 9_224_318_015_999


@dataclass(frozen=True, slots=True)
class EventTime:
    """A moment, whatever offset its sender wrote.

    Attributes:
        instant: The moment, in UTC.
        iso: The moment as events print it, e.g. `2026-01-01T00:00:00.25Z`.
        short: The moment as run arguments hold it, e.g. `2026-01-01T00:00Z[UTC]`.
    """

    instant: datetime
    iso: str
    short: str


def parse_event_time(value: str | float) -> EventTime:
    """Read the time of an event; without an offset it is UTC.

    Args:
        value: ISO 8601, e.g. `2026-01-01T00:00:00.000Z`, or seconds since 1970.

    Returns:
        The moment in its three forms; a year that Python does not know becomes the nearest.

    Raises:
        ValueError: If the value is no such time, or later than a database can hold.
    """
    if isinstance(value, str):
        return _parse_text(value)
    if not -_LATEST_SECOND <= value <= _LATEST_SECOND:
        raise ValueError(value)
    seconds = int(value)
    # Jackson adds the fraction to the seconds even where both count backwards.
    fraction = abs(value - seconds) if seconds < 0 else value - seconds
    nanoseconds = round(fraction % 1 * 10**9)
    whole = timedelta(seconds=seconds + fraction // 1)
    return _event_time(_shifted(_EPOCH, whole), f"{nanoseconds:09d}")


def _parse_text(text: str) -> EventTime:
    found = _EVENT_TIME.fullmatch(text.strip(BLANK))
    if found is None or int(found["year"]) > _LATEST_YEAR:
        raise ValueError(text)
    hour, minute, second = (int(found[part] or 0) for part in ("hour", "minute", "second"))
    digits = (found["fraction"] or "").ljust(9, "0")
    ends_the_day = (hour, minute, second, int(digits)) == (24, 0, 0, 0)
    day = _day(int(found["year"]), int(found["month"]), int(found["day"]))
    moment = day.replace(hour=0 if ends_the_day else hour, minute=minute, second=second)
    shift = timedelta(days=int(ends_the_day)) - _offset(found["offset"] or "Z")
    return _event_time(_shifted(moment, shift), digits)


def _day(year: int, month: int, day: int) -> datetime:
    """A day; one that its month does not have is the month's last."""
    known = min(max(year, _EARLIEST.year), _LATEST.year)
    if not 1 <= day <= _LONGEST_MONTH:
        raise ValueError(day)
    first = datetime(known, month, 1, tzinfo=UTC)
    in_month = min(day, _days_of(first))
    return (
        first.replace(day=in_month) if known == year else (_LATEST if year > known else _EARLIEST)
    )


def _days_of(first: datetime) -> int:
    if first.month == _LATEST.month:
        return _LONGEST_MONTH
    return (first.replace(month=first.month + 1) - first).days


def _shifted(moment: datetime, shift: timedelta) -> datetime:
    try:
        return moment + shift
    except OverflowError:
        return _LATEST if shift > timedelta() else _EARLIEST


def _event_time(whole: datetime, digits: str) -> EventTime:
    """A moment of whole seconds, and the nine digits of its fraction."""
    fraction = digits.rstrip("0")
    date = whole.replace(tzinfo=None, microsecond=0).isoformat()
    iso = f"{date}{'.' + fraction if fraction else ''}Z"
    seconds = f"{whole:%S}{_in_threes(digits)}"
    short = f"{date[:-3]}{'' if seconds == '00' else ':' + seconds}Z[UTC]"
    return EventTime(whole.replace(microsecond=int(digits[:6])), iso, short)


def _offset(text: str) -> timedelta:
    if text.upper() == "Z":
        return timedelta()
    hours, minutes, seconds = (int(part) for part in f"{text[1:]}:0:0".split(":")[:3])
    size = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if minutes > 59 or seconds > 59 or size > _LARGEST_OFFSET:  # noqa: PLR2004 - of a clock
        raise ValueError(text)
    return -size if text[0] == "-" else size


def _in_threes(digits: str) -> str:
    """A fraction of a second with as many groups of three digits as it needs."""
    groups = -(-len(digits.rstrip("0")) // 3)
    return f".{digits[: groups * 3]}" if groups else ""


def instant_text(moment: datetime) -> str:
    """A moment as answers print it: UTC, the fraction in groups of three digits."""
    moment = moment.astimezone(UTC).replace(tzinfo=None)
    fraction = _in_threes(f"{moment.microsecond:06d}000")
    return f"{moment.replace(microsecond=0).isoformat()}{fraction}Z"


def milliseconds_between(start: datetime | None, end: datetime | None) -> int | None:
    """From the millisecond of the start to that of the end (negative if it is earlier), or None."""
    if start is None or end is None:
        return None
    millisecond = timedelta(milliseconds=1)
    return (end - _EPOCH) // millisecond - (start - _EPOCH) // millisecond
