"""The mutants of `just nightly` follow the code: each can be made, and names tests that are there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
MUTANTS = yaml.safe_load((ROOT / "tests/nightly/mutants.yaml").read_text("utf-8"))


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: str(mutant["id"]))
def test_a_mutant_can_be_made(mutant: dict[str, Any]) -> None:
    assert (ROOT / mutant["file"]).read_text("utf-8").count(mutant["old"]) == 1
    assert [name for name in mutant["tests"] if not (ROOT / name).exists()] == []
