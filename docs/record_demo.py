"""Record docs/demo.svg from a real run: ``python -m docs.record_demo``.

Runs the commands in a pseudo-terminal in an empty folder; what is on the screen at their end is
the picture.
"""

from __future__ import annotations

import os
import pty
import re
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

COMMANDS = ("floe-local up", "floe-local smoke-test")
COLUMNS = 132
FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def recorded(command: str) -> str:
    """What a command prints to a terminal, with its prompt line."""
    chunks: list[bytes] = []

    def read(descriptor: int) -> bytes:
        chunk = os.read(descriptor, 65536)
        chunks.append(chunk)
        return chunk

    # What moves goes to stderr, and is erased once all went well: stdout is what stays.
    at_a_terminal = f"stty cols {COLUMNS}; TERM=xterm-256color {command} 2>/dev/null"
    status = pty.spawn(["sh", "-c", at_a_terminal], read)
    if status:
        sys.exit(f"{command} failed")
    return f"$ {command}\n" + b"".join(chunks).decode().replace("\r\n", "\n")


def main() -> None:
    """Run the commands, write the picture, take the stack down again."""
    picture = Path(__file__).parent / "demo.svg"
    with tempfile.TemporaryDirectory(prefix="my-pipelines-") as folder:
        os.chdir(folder)
        text = "\n".join(recorded(command) for command in COMMANDS)
        recorded("floe-local down --volumes")
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True)
        console.print(Text.from_ansi(text))
        picture.write_text(FONT_FACE.sub("", console.export_svg(title="floe-local")), "utf-8")


if __name__ == "__main__":
    main()
