"""What is sent and read back: each signal is a module of this room, called as the signal is.

`floe_local.signals.shared` is what they have in common; its `model` says what such a module has.
A new signal is one more file here.
"""

from __future__ import annotations

from pathlib import Path


def signal_words() -> list[str]:
    """Return the words for signals, the names of this room's modules; none is imported."""
    return sorted(file.stem for file in Path(__file__).parent.glob("[a-z]*.py"))
