"""What is wrong in a blueprint's `chart` that its model cannot say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from floe_local.plan.nested import scalars
from floe_local.plan.yaml_source import suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from floe_local.plan.blueprint.model import Blueprint
    from floe_local.plan.yaml_source import Path_

PLACEHOLDERS = frozenset({"{host}", "{otlp_collector_config}", "{environment}"})
"""What a text in `chart.values` may be, besides ``{image:SERVICE}``."""
_PLACEHOLDER = re.compile(r"^\{[a-z_]+(:[^}]*)?\}$")


def chart_mistakes(blueprint: Blueprint) -> Iterator[tuple[Path_, str]]:
    """Yield each mistake: the path to it in blueprint.yaml, and what it is."""
    chart = blueprint.chart
    if chart is None:
        return
    known = PLACEHOLDERS | {f"{{image:{name}}}" for name in blueprint.services}
    for path, text in scalars(chart.values, ("chart", "values")):
        if not isinstance(text, str):
            continue
        if _PLACEHOLDER.match(text) and text not in known:
            yield path, f"unknown placeholder {text}: {suggestion(text, known)}"
        if text == "{environment}" and chart.secret is None:
            yield path, "from which Secret? name it in `chart.secret`"
    for index, lacking in enumerate(chart.lacks):
        if lacking.path in chart.takes:
            where = chart.takes[lacking.path]
            yield ("chart", "lacks", index, "path"), f"`takes` has it, too: at {where}"
