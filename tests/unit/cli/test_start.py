"""What `--help` imports: nothing that is slow."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = {"pydantic", "yaml", "requests", "docker", "jmespath", "opentelemetry"}


def test_the_tree_of_commands_imports_no_heavy_library() -> None:
    listing = "import sys, floe_local.cli.app; print(*{m.split('.')[0] for m in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", listing], capture_output=True, text=True, check=True
    )
    assert "typer" in done.stdout.split()
    assert not HEAVY & set(done.stdout.split())


def test_a_run_without_a_stack_imports_no_heavy_library(tmp_path: Path) -> None:
    line = "sys.argv[1:] = 'run --no-stack --allow-empty -- true'.split()"
    program = (
        f"import sys; {line}\nfrom floe_local.cli.main import run_command_line\n"
        "run_command_line()\nprint(*{m.split('.')[0] for m in sys.modules})"
    )
    plain = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True, text=True, check=True, cwd=tmp_path, env=plain,
    )  # fmt: skip
    assert "nothing came: no findings" in done.stderr
    assert not (HEAVY - {"pydantic"}) & set(done.stdout.split())  # typer takes pydantic
