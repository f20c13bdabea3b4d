"""What `plugins test --live` says of a stack that is gone."""

from __future__ import annotations

import pytest

from floe_local.operations.plugin_checks import without_commands


@pytest.mark.parametrize(
    ("hint", "left"),
    [
        ("`floe-local up --retain` keeps it as it is; then `floe-local logs a`", ""),
        (
            "the Collector could not pass it on: see `floe-local logs otel-collector` (TLS)",
            "the Collector could not pass it on",
        ),
        (
            "is the stack up? see `floe-local status`; it is sent to http://127.0.0.1:1/a: b",
            "it is sent to http://127.0.0.1:1/a: b",
        ),
        ("give it the memory that it needs", "give it the memory that it needs"),
        ("", ""),
    ],
)
def test_a_hint_holds_without_the_stack(hint: str, left: str) -> None:
    assert without_commands(hint) == left
