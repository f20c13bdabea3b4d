from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floe_local.run.build_steps import (
    EXPECTED_BYTES_PER_S,
    Compilation,
    Workload,
    describe_duration,
    processors,
)

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGES = {f"example.com/p{number}": 1_000_000 for number in range(100)}


def clock_of(times: list[float]) -> Callable[[], float]:
    return lambda: times[0]


def test_each_package_is_counted_once_and_other_lines_stay() -> None:
    compilation = Compilation(Workload({"a": 10, "b": 30}))

    lines = [compilation.describe(line) for line in ("a", "# a", "a", "go: warning", "b")]

    assert [line.split(",")[0] for line in lines] == [
        "1 of 2 packages",
        "# a",
        "a",
        "go: warning",
        "2 of 2 packages",
    ]


@pytest.mark.parametrize("bytes_per_s", [50_000, 200_000, 1_000_000])
def test_after_a_minute_the_estimate_is_within_thirty_percent(bytes_per_s: int) -> None:
    times = [0.0]
    compilation = Compilation(Workload(PACKAGES), clock=clock_of(times))
    per_package = 1_000_000 / bytes_per_s
    for number, package in enumerate(PACKAGES):
        times[0] = (number + 1) * per_package
        compilation.describe(package)
        left = (100 - number - 1 + 6) * per_package
        if times[0] >= 60 and left > 60:
            assert compilation.left_s() == pytest.approx(left, rel=0.3)


@given(
    st.dictionaries(st.text(min_size=1), st.integers(0, 10**7), max_size=20),
    st.floats(0, 10**5),
)
def test_what_is_left_is_never_negative_and_ends_with_linking(
    packages: dict[str, int], seconds: float
) -> None:
    times = [0.0]
    compilation = Compilation(Workload(packages), clock=clock_of(times))
    times[0] = seconds

    before = compilation.left_s()
    for package in packages:
        compilation.describe(package)

    assert 0 <= compilation.left_s() <= before + 1e-6


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "about 10 s"), (44, "about 40 s"), (89, "about 90 s"), (90, "about 2 min"), (600, "about 10 min")],
)  # fmt: skip
def test_a_duration_is_as_coarse_as_what_is_known(seconds: float, text: str) -> None:
    assert describe_duration(seconds) == text


def test_what_follows_takes_as_much_longer_as_what_was_seen() -> None:
    times = [0.0]
    compilation = Compilation(Workload(PACKAGES), following_s=100, clock=clock_of(times))
    slow = processors() * EXPECTED_BYTES_PER_S / 4
    for number, package in enumerate(list(PACKAGES)[:90]):
        times[0] = (number + 1) * 1_000_000 / slow
        text = compilation.describe(package)

    assert compilation.all_left_s() - compilation.left_s() == pytest.approx(400, rel=0.1)
    assert text.endswith("for all images")
