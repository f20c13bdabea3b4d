"""What the environment says: the same variables as the upstream image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Settings:
    """Where to listen and which database to use; ports are TCP ports, times are seconds."""

    database_host: str
    database_port: int
    database_name: str
    database_user: str
    database_password: str
    api_port: int
    admin_port: int
    database_deadline: float
    threads: int


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the settings.

    Args:
        environment: The process environment, or a stand-in for it in tests.

    Returns:
        The settings, with the upstream image's defaults for what is unset.

    Raises:
        ValueError: If a port, a deadline or a number of threads is no number.
    """
    return Settings(
        database_host=environment.get("POSTGRES_HOST", "localhost"),
        database_port=int(environment.get("POSTGRES_PORT", "5432")),
        database_name=environment.get("POSTGRES_DB", "marquez"),
        database_user=environment.get("POSTGRES_USER", "marquez"),
        database_password=environment.get("POSTGRES_PASSWORD", "marquez"),
        api_port=int(environment.get("MARQUEZ_PORT", "5000")),
        admin_port=int(environment.get("MARQUEZ_ADMIN_PORT", "5001")),
        database_deadline=float(environment.get("STANDIN_DATABASE_DEADLINE", "60")),
        threads=int(environment.get("STANDIN_THREADS", "8")),
    )
