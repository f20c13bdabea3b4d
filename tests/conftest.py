"""Fixtures that unit, integration and end-to-end tests share."""

from __future__ import annotations

import gc
import shutil
import signal
import sys
import tomllib
from contextlib import ExitStack
from pathlib import Path
from textwrap import dedent, indent
from typing import TYPE_CHECKING, Any

import pytest

from tests.servers import answering

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.servers import AnsweringServer

COLLECT_EVERY = 100_000
"""Objects made between two garbage collections; Python's own 700 costs a fifth of the run."""


def pytest_configure() -> None:
    """Collect garbage seldom while the tests' modules are imported."""
    gc.set_threshold(COLLECT_EVERY)


def pytest_collection_finish() -> None:
    """Leave what lives for the whole run, some million objects, out of every collection."""
    gc.freeze()


ADR_PLUGINS = Path(__file__).parent / "adr" / "plugins"


@pytest.fixture(scope="session", autouse=True)
def _interrupts_arrive() -> None:
    """A shell's background job ignores SIGINT, as do its children: tests that send it need it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


TELEMETRY_PLUGIN = """
from floe_core.plugins import TelemetryBackendPlugin

class Plugin(TelemetryBackendPlugin):
    name = "odd"
    version = "9.9.9"
    floe_api_version = "2.0.0"

    def get_otlp_exporter_config(self):
        return {"exporters": {"otlp_grpc/odd": {"endpoint": "odd:4317"}}}

    def get_helm_values(self):
        return {}

    def validate_connection(self):
        return True
"""


@pytest.fixture
def telemetry_source() -> Callable[..., str]:
    """Give the source of a telemetry plugin, with members replaced or added."""

    def source(members: str = "", *, top: str = "") -> str:
        return f"{dedent(top)}\n{TELEMETRY_PLUGIN}\n{indent(dedent(members), '    ')}"

    return source


class PluginSite:
    """A folder on sys.path to which a test adds installed plugin distributions."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(
        self,
        source: str,
        *,
        module: str,
        points: Mapping[str, Mapping[str, str]],
        distribution: str = "",
        version: str = "1.2.3",
    ) -> None:
        """Install a distribution of one module. `points` maps group → name → class."""
        (self.folder / f"{module}.py").write_text(dedent(source), encoding="utf-8")
        targets = {g: {n: f"{module}:{c}" for n, c in names.items()} for g, names in points.items()}
        self.metadata(distribution or module.replace("_", "-"), version, targets)

    def add_project(self, folder: Path) -> None:
        """Install a project with a src/ layout, as its wheel would."""
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        shutil.copytree(folder / "src", self.folder, dirs_exist_ok=True)
        self.metadata(project["name"], project["version"], project["entry-points"])

    def metadata(self, name: str, version: str, points: Mapping[str, Mapping[str, str]]) -> None:
        """Write the metadata of an installed distribution."""
        info = self.folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        (info / "METADATA").write_text(head, encoding="utf-8")
        lines = []
        for group, names in points.items():
            lines += [f"[{group}]", *(f"{n} = {target}" for n, target in names.items())]
        (info / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")


@pytest.fixture
def plugin_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PluginSite]:
    """Give an empty site, first on sys.path; its modules are forgotten afterwards."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    for name in [n for n in sys.modules if n.startswith(("floe_telemetry_", "floe_lineage_"))]:
        monkeypatch.delitem(sys.modules, name)  # a distribution here may take its place
    before = set(sys.modules)
    yield PluginSite(folder)
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(folder)):
            del sys.modules[name]


@pytest.fixture
def adr_site(plugin_site: PluginSite) -> PluginSite:
    """Give a site with the four reference classes of ADR-0035, to the letter."""
    for folder in sorted(ADR_PLUGINS.glob("*/pyproject.toml")):
        plugin_site.add_project(folder.parent)
    return plugin_site


@pytest.fixture
def serve() -> Iterator[Callable[..., AnsweringServer]]:
    """Give a function that starts a server, as `answering`; all are stopped afterwards."""
    with ExitStack() as stack:

        def start(*arguments: Any, **options: Any) -> AnsweringServer:
            return stack.enter_context(answering(*arguments, **options))

        yield start
