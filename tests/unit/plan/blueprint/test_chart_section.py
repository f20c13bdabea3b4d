"""Mistakes in a blueprint's `chart` are told with their place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from floe_local.errors import InputError
from floe_local.plan.blueprint.reader import read_blueprint

if TYPE_CHECKING:
    from pathlib import Path

OWN = """
blueprint: 1
name: own
title: A company's own
services:
  own: {image: {upstream: "own:1"}}
chart:
  name: own
  version: "1"
  source: own/charts
  values: {name: "{host}", image: "{image:own}", text: "{{ .Release.Name }}"}
  takes: {own.size: size}
  lacks:
    - {path: own.mode, why: no such key}
"""

MISTAKES = {
    "unknown placeholder": ('"{host}"', '"{hots}"', ":11: chart.values.name: unknown placeholder"),
    "image of no service": ("{image:own}", "{image:won}", "did you mean '{image:own}'?"),
    "no Secret": ('"{host}"', '["{environment}"]', ":11: chart.values.name[0]: from which Secret?"),
    "in both": ("path: own.mode", "path: own.size", ":14: chart.lacks[0].path: `takes` has it"),
    "no reason": (", why: no such key", "", ":14: chart.lacks[0].why: Field required"),
    "no path": ("own.size: size", "own.size: size.", ":12: chart.takes.own.size: "),
    "unknown key": ("version:", "verison:", ":9: chart.verison: unknown key"),
}


def written(folder: Path, text: str) -> Path:
    (folder / "blueprint.yaml").write_text(text, encoding="utf-8")
    return folder


def test_a_chart_is_read(tmp_path: Path) -> None:
    chart = read_blueprint(written(tmp_path, OWN), "a test").blueprint.chart
    assert chart is not None
    assert chart.takes == {"own.size": "size"}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_its_place(mistake: str, tmp_path: Path) -> None:
    right, wrong, told = MISTAKES[mistake]
    assert right in OWN
    with pytest.raises(InputError) as caught:
        read_blueprint(written(tmp_path, OWN.replace(right, wrong, 1)), "a test")
    assert told in caught.value.reason
