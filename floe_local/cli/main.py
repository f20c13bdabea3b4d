"""The entry point of ``floe-local``."""

from __future__ import annotations

import signal
import sys
from io import TextIOWrapper


def main() -> None:
    """Run the command line, then end the process with its exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a character that it cannot write is no bug
            stream.reconfigure(errors="backslashreplace")
    try:
        # Loaded here, where ^C is told in a line while that lasts, too.
        from floe_local.cli.command_line import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted [interrupted]\n")
        code = 130
    sys.exit(code)
