"""What `--help` imports: nothing that is slow."""

from __future__ import annotations

import subprocess
import sys

HEAVY = {"pydantic", "yaml", "requests", "docker", "jmespath", "opentelemetry"}


def test_the_tree_of_commands_imports_no_heavy_library() -> None:
    listing = "import sys, floe_local.cli.app; print(*{m.split('.')[0] for m in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", listing], capture_output=True, text=True, check=True
    )
    assert "typer" in done.stdout.split()
    assert not HEAVY & set(done.stdout.split())
