"""Times as the API takes and prints them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_EVENT_TIME = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)T(?P<minute>\d\d:\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d{0,9}))?)?"
    r"(?P<offset>Z|[+-]\d\d(?::?\d\d)?)?",
    re.IGNORECASE,
)


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


def parse_event_time(text: str) -> EventTime:
    """Read the time of an event; without an offset it is UTC.

    Args:
        text: ISO 8601, e.g. `2026-01-01T00:00:00.000Z`.

    Returns:
        The moment in its three forms.

    Raises:
        ValueError: If the text is no such time.
    """
    found = _EVENT_TIME.fullmatch(text)
    if found is None:
        raise ValueError(text)
    digits = (found["fraction"] or "").ljust(9, "0")
    local = datetime.fromisoformat(f"{found['date']}T{found['minute']}:{found['second'] or '00'}")
    whole = (local - _offset(found["offset"] or "Z")).replace(tzinfo=UTC)
    fraction = digits.rstrip("0")
    iso = f"{whole:%Y-%m-%dT%H:%M:%S}{'.' + fraction if fraction else ''}Z"
    seconds = f"{whole:%S}{_in_threes(digits)}"
    short = f"{whole:%Y-%m-%dT%H:%M}{'' if seconds == '00' else ':' + seconds}Z[UTC]"
    return EventTime(whole + timedelta(microseconds=int(digits[:6])), iso, short)


def _offset(text: str) -> timedelta:
    if text.upper() == "Z":
        return timedelta()
    digits = text[1:].replace(":", "").ljust(4, "0")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -size if text[0] == "-" else size


def _in_threes(digits: str) -> str:
    """A fraction of a second with as many groups of three digits as it needs."""
    groups = -(-len(digits.rstrip("0")) // 3)
    return f".{digits[: groups * 3]}" if groups else ""


def instant_text(moment: datetime) -> str:
    """A moment as answers print it: UTC, the fraction in groups of three digits."""
    moment = moment.astimezone(UTC)
    fraction = _in_threes(f"{moment.microsecond:06d}000")
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def milliseconds_between(start: datetime | None, end: datetime | None) -> int | None:
    """Whole milliseconds from start to end (negative if the end is earlier), or None."""
    if start is None or end is None:
        return None
    return int((end - start) / timedelta(milliseconds=1))
