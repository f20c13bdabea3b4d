"""What a command's process loads, and how it ends where it cannot load or write."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

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


def test_an_interrupt_while_modules_load_is_a_line() -> None:
    script = (
        "import sys; from floe_local.cli.main import main\n"
        "class Impatient:\n"
        "    def find_spec(self, name, *rest):\n"
        "        if name.startswith('typer'): raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Impatient()); main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (130, "error: interrupted [interrupted]\n")


@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"]])
def test_a_stdout_that_takes_nothing(arguments: list[str]) -> None:
    script = "from floe_local.cli.main import main; main()"
    command = [sys.executable, "-c", script, "plugins", *arguments]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr.startswith("error: standard output: No space left on device [system]\n")
    assert "Traceback" not in done.stderr
