"""Results as text: tables, lines and JUnit XML. Nothing here prints."""

from __future__ import annotations

from typing import Self

_STYLES = {
    "green": ("ready", "passed", "received", "✓", "built", "pulled", "sent", "saved", "loaded"),
    "red": ("failed", "not ready", "exited", "dead", "restarting", "unhealthy", "✗"),
    "yellow": ("accepted", "undoing", "warning", "left-out"),
    "cyan": ("starting", "running", "created", "pulling", "building", "reading back", "sending"),
    "dim": ("skipped", "down", "-"),
}
"""Colours, by the words with which states, verdicts and phases begin."""


def styled(word: str) -> str:
    """The colour of a state, a verdict or a phase; empty: none of its own."""
    return next((style for style, words in _STYLES.items() if word.startswith(words)), "")


class Tinted(str):
    """Text with a style, for the cells of a table."""

    __slots__ = ("style",)

    style: str

    def __new__(cls, text: str, style: str | None = None) -> Self:
        """The text; without a style, with that of its first word."""
        made = super().__new__(cls, text)
        made.style = styled(text) if style is None else style
        return made
