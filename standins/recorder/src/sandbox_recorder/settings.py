"""What the environment says; the defaults are those of the image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are, and how much is kept (rows)."""

    config: Path
    database: Path
    messages: Path
    most_items: int
    most_requests: int
    threads: int


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the settings.

    Raises:
        ValueError: If a number is none.
    """
    beside = Path(__file__).with_name("messages.binpb")
    return Settings(
        config=Path(environment.get("RECORDER_CONFIG", "/etc/floe/sandbox.yaml")),
        database=Path(environment.get("RECORDER_DATABASE", "/var/lib/recorder/received.sqlite")),
        messages=Path(environment.get("RECORDER_MESSAGES", str(beside))),
        most_items=int(environment.get("RECORDER_MOST_ITEMS", "500000")),
        most_requests=int(environment.get("RECORDER_MOST_REQUESTS", "50000")),
        threads=int(environment.get("RECORDER_THREADS", "4")),
    )
