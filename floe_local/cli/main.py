"""The entry point of ``floe-local``."""

from __future__ import annotations

import gc
import os
import signal
import sys
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import NoReturn

COLLECT_EVERY = 50_000
"""Objects between two garbage collections. Modules and models make many, hardly any of them
garbage: at Python's own 700, collections took a sixth of a short command."""


def main() -> NoReturn:
    """Run the command line, then end the process with its exit code, at once.

    Taking hundreds of modules apart first takes a tenth of the time of a short command.
    """
    code = run_command_line()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # what could not be written, the command has said
            stream.flush()
    os._exit(code)


def run_command_line() -> int:
    """Run the command line; its exit code."""
    gc.set_threshold(COLLECT_EVERY)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # the caller closed it: what is printed is for nobody
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - until the end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a character that it cannot write is no bug
            stream.reconfigure(errors="backslashreplace")
    try:
        # Loaded here, where ^C is told in a line while that lasts, too.
        from floe_local.cli.app import run

        return run(sys.argv[1:])
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted [interrupted]\n")
        return 130
