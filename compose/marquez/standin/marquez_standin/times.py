"""Times as the API takes and prints them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

_EVENT_TIME = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)T(?P<minute>\d\d:\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d{0,9}))?)?"
    r"(?P<offset>Z|[+-]\d\d(?::?\d\d)?)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class EventTime:
    """A moment with the offset that its sender wrote.

    Attributes:
        instant: The moment, in UTC.
        iso: The moment as an event prints it, e.g. `2026-01-01T00:00:00+01:00`.
        short: The moment without zero seconds, as run arguments hold it, e.g. `2026-01-01T00:00Z`.
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
    date, minute, second = found["date"], found["minute"], found["second"] or "00"
    digits = (found["fraction"] or "").ljust(9, "0")
    offset = _offset(found["offset"] or "Z")
    local = datetime.fromisoformat(f"{date}T{minute}:{second}").replace(tzinfo=timezone(offset))
    instant = local.astimezone(UTC) + timedelta(microseconds=int(digits[:6]))
    zone = _offset_text(offset)
    fraction = digits.rstrip("0")
    iso = f"{date}T{minute}:{second}{'.' + fraction if fraction else ''}{zone}"
    grouped = _in_threes(digits)
    seconds = f":{second}{grouped}" if second != "00" or grouped else ""
    return EventTime(instant, iso, f"{date}T{minute}{seconds}{zone}")


def _offset(text: str) -> timedelta:
    if text.upper() == "Z":
        return timedelta()
    digits = text[1:].replace(":", "").ljust(4, "0")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -size if text[0] == "-" else size


def _offset_text(offset: timedelta) -> str:
    if not offset:
        return "Z"
    minutes = int(abs(offset).total_seconds()) // 60
    sign = "-" if offset < timedelta() else "+"
    return f"{sign}{minutes // 60:02d}:{minutes % 60:02d}"


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
