"""`sandbox fail` with options that would have no effect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.cli.conftest import Ended


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--off", "--status", "500"), "--off goes with no other option, and there is --status"),
        (("--off", "--times", "1"), "and there is --times"),
        (("--path", "v1/traces"), "--path v1/traces: a path begins with /"),
    ],
)
@pytest.mark.usefixtures("project")
def test_what_has_no_effect_is_refused(
    options: tuple[str, ...], told: str, floe: Callable[..., Ended]
) -> None:
    ended = floe("sandbox", "fail", "datadog", *options)
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err
