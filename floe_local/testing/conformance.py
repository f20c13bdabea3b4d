"""The conformance checks as tests: a class to derive from, which makes a test of each check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from floe_local.conformance.checks import check_names
from floe_local.conformance.report import Outcome
from floe_local.conformance.run import LIMIT_S, conformance
from floe_local.conformance.subjects import find_subjects
from floe_local.plan.values import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from floe_local.conformance.report import PluginReport


class PluginConformance:
    """Tests of one plugin: derive from it, and say which.

    The plugin runs in child processes, once for the whole class; nothing of it is imported
    here. A test is called after its check: ``test_conforms[credentials]``.

    Attributes:
        kind: ``"telemetry"`` or ``"lineage"``.
        plugin: the plugin's name; or the folder of its distribution, where it need not be
            installed.
        config: what a manifest would configure it with.
        environment: variables that it needs, credentials left out.
        limit_s: seconds for all its methods together.
        collector: False leaves out the real Collector, which is otherwise asked where one
            is at hand.

    Example:
        >>> class TestMyBackend(PluginConformance):  # doctest: +SKIP
        ...     kind = "telemetry"
        ...     plugin = Path(__file__).parents[1]
    """

    kind: ClassVar[str]
    plugin: ClassVar[str | Path]
    config: ClassVar[Mapping[str, Any]] = {}
    environment: ClassVar[Mapping[str, str]] = {}
    limit_s: ClassVar[float] = LIMIT_S
    collector: ClassVar[bool] = True

    @pytest.fixture(scope="class")
    @classmethod
    def conformance_report(cls) -> PluginReport:
        """What the checks of the class's plugin came to."""
        wanted = find_subjects(
            cls.plugin, Kind(cls.kind), config=cls.config, environment=cls.environment
        )
        with wanted as (subject,):
            return conformance(subject, limit_s=cls.limit_s, collector=cls.collector)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Make a test of each check that is for plugins of this kind."""
        if "check" in metafunc.fixturenames:
            metafunc.parametrize("check", _names(type(self)))

    def test_conforms(self, check: str, conformance_report: PluginReport) -> None:
        """The plugin passes the check, or the check says why it cannot be made."""
        result = conformance_report.result(check)
        if result.outcome is Outcome.FAILED:
            hint = f"\nhint: {result.hint}" if result.hint else ""
            pytest.fail(f"{result.reason}{hint}", pytrace=False)
        if result.outcome is Outcome.SKIPPED:
            pytest.skip(result.reason)


def _names(cls: type[PluginConformance]) -> tuple[str, ...]:
    names = check_names(Kind(cls.kind))
    return names if cls.collector else tuple(name for name in names if name != "collector")
