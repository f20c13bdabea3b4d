"""Helm values as a YAML document that says, in comments, what it does not cover."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from floe_local.plan.helm.values import HelmValues

WIDTH = 100


def as_yaml(result: HelmValues, environment: str) -> str:
    """One YAML document; comments at its top and at its end."""
    import yaml  # noqa: PLC0415 - `--help` does without

    body = yaml.safe_dump(result.values, sort_keys=False, allow_unicode=True, width=WIDTH)
    return "\n".join([*_head(result, environment), body, *_tail(result)]) + "\n"


def _head(result: HelmValues, environment: str) -> Iterator[str]:
    yield from _comment(
        f"Helm values for environment '{environment}': a key for each chart, as an umbrella chart's "
        "dependencies have it."
    )
    for chart in result.charts:
        yield from _comment(f"{chart.name}: chart {chart.version} of {chart.source}", "  ")


def _tail(result: HelmValues) -> Iterator[str]:
    if result.not_covered:
        yield from _comment("Not covered:")
    for gap in result.not_covered:
        yield from _comment(f"{gap.what}: {gap.why}", "- ")


def _comment(text: str, mark: str = "") -> list[str]:
    # What plugins wrote stands in it: a line break of theirs must not end the comment.
    lines = textwrap.wrap(
        " ".join(text.split()),
        WIDTH - 2 - len(mark),
        break_on_hyphens=False,
        break_long_words=False,
    )
    indents = [mark, *[" " * len(mark)] * (len(lines) - 1)]
    return [f"# {indent}{line}" for indent, line in zip(indents, lines, strict=True)]
