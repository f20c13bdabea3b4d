"""The entry point of ``floe-local``."""

from __future__ import annotations

import signal
import sys

from floe_local.cli.app import app
from floe_local.cli.boundary import Boundary


def main() -> None:
    """Run the command line, then end the process with its exit code (design.md, 'Exit codes')."""
    arguments = sys.argv[1:]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    named = next((word for word in arguments if not word.startswith("-")), "")
    boundary = Boundary(named, as_json="--json" in arguments)
    with boundary:
        boundary.exit_code = app(arguments, standalone_mode=False) or 0
    sys.exit(boundary.exit_code)
