"""Every plugin of this repository runs the conformance checks among its own tests."""

from __future__ import annotations

from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[3] / "plugins"


@pytest.mark.parametrize(
    "folder", [f.parent for f in sorted(PLUGINS.glob("*/pyproject.toml"))], ids=lambda f: f.name
)
def test_it_derives_a_class_from_the_checks(folder: Path) -> None:
    sources = [file.read_text(encoding="utf-8") for file in folder.glob("tests/test_*.py")]
    assert any("(PluginConformance):" in source for source in sources)
