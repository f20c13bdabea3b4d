"""How many examples hypothesis tries, in every test of the repository."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# How long an example takes depends on what else the machine does; pytest has a limit for each test.
settings.register_profile(
    "every-commit",
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "thorough", settings.get_profile("every-commit"), max_examples=1000
)  # `just nightly`
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "every-commit"))
