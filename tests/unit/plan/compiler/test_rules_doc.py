from __future__ import annotations

import re
from pathlib import Path

import floe_local.plan.compiler
from floe_local.plan.artifacts import PORT_DIFFERS

DOC = Path(__file__).parents[4] / "docs" / "rules.md"
_IN_CODE = re.compile(r"(?:record\(|changed\(\s*draft,|_Step\(|rule=)\s*\"([a-z]+(?:-[a-z]+)*)\"")


def test_every_rule_is_documented_and_every_documented_rule_exists() -> None:
    folder = Path(str(floe_local.plan.compiler.__file__)).parent
    code = "\n".join(file.read_text(encoding="utf-8") for file in folder.glob("*.py"))
    shapes = {f"exporter-config-shape-{shape}" for shape in "bcde"}

    documented = set(re.findall(r"^\| `([a-z-]+)`", DOC.read_text(encoding="utf-8"), re.MULTILINE))

    assert documented | {"plugin-warning"} == {*_IN_CODE.findall(code), *shapes, PORT_DIFFERS}
