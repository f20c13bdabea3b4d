"""Commands in processes of their own, as a shell starts them; none needs Docker."""

from __future__ import annotations

from tests.unit.cli.conftest import floe, project  # noqa: F401 - fixtures
