"""What the code is made of, to compare two commits: ``python -m bench.house [--up]``.

modules, lines:
    the files ``*.py`` of floe_local, and their lines.
one importer:
    modules that exactly one other module of floe_local imports, as its text says: imports of
    types and those inside functions count; packages' ``__init__`` do not.
seconds to --help:
    median of 15 processes.
With ``--up``, from one `floe-local up` of the reference pair, traced (it is taken down after):

values:
    classes of floe_local that hold data (pydantic models, NamedTuples, dataclasses) of which an
    object was given to a function of another module, or returned by one, as the argument itself
    or within a tuple, list or dict.
bring-up functions, modules:
    what of floe_local's functions was called within `bring_up`, in its thread, each once; of
    these, those that another module called (the doors between modules).
request functions:
    those of them of which an argument was the request itself.
"""

from __future__ import annotations

import argparse
import ast
import os
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import is_dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FrameType

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "floe_local"
TIMES = 15
STACK = "bench-house"
BRING_UP, REQUEST = "bring_up", "StackRequest"
CONTAINERS = (tuple, list, dict, set, frozenset)


def module_of(file: str) -> str:
    """A file of floe_local as a module's name."""
    path = Path(file)
    parts = path.relative_to(ROOT).with_suffix("").parts if path.is_relative_to(ROOT) else ()
    return ".".join(part for part in parts if part != "__init__")


def imports_of(file: Path, modules: frozenset[str]) -> set[str]:
    """The modules of floe_local that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found & modules - {module_of(str(file))}


def shape() -> dict[str, object]:
    """Modules, lines, and modules that have one importer."""
    files = sorted(PACKAGE.rglob("*.py"))
    modules = frozenset(module_of(str(file)) for file in files)
    importers = Counter(name for file in files for name in imports_of(file, modules))
    packages = {module_of(str(file)) for file in files if file.name == "__init__.py"}
    return {
        "modules": len(files),
        "lines": sum(len(file.read_text("utf-8").splitlines()) for file in files),
        "one importer": sum(n == 1 for name, n in importers.items() if name not in packages),
    }


def help_seconds() -> float:
    """How long `floe-local --help` takes."""
    command = [sys.executable, "-c", "from floe_local.cli.main import main; main()", "--help"]
    times = []
    for _ in range(TIMES):
        began = perf_counter()
        subprocess.run(
            command,
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        times.append(perf_counter() - began)
    return median(times)


def holds_data(kind: type) -> bool:
    """Whether a class of floe_local is a model, a NamedTuple or a dataclass."""
    ours = kind.__module__.startswith("floe_local")
    return ours and (
        hasattr(kind, "model_fields") or hasattr(kind, "_fields") or is_dataclass(kind)
    )


class Trace:
    """Notes calls of floe_local's functions, and the values that go between its modules."""

    def __init__(self) -> None:
        self.values: set[type] = set()
        self.called: set[CodeType] = set()
        self.entered: set[CodeType] = set()
        self.given: set[CodeType] = set()
        self.depth = 0

    def __call__(self, frame: FrameType, event: str, returned: Any) -> None:
        """Take one event of the interpreter's."""
        code = frame.f_code
        if event not in {"call", "return"} or str(PACKAGE) not in code.co_filename:
            return
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and code.co_name == BRING_UP:
            self.depth += 1 if event == "call" else -1
        arguments = code.co_argcount + code.co_kwonlyargcount
        values = [frame.f_locals.get(name) for name in code.co_varnames[:arguments]]
        crosses = frame.f_back is not None and frame.f_back.f_code.co_filename != code.co_filename
        if event == "call" and is_main and self.depth:
            self.called.add(code)
            if crosses:
                self.entered.add(code)
            if any(type(value).__name__ == REQUEST for value in values):
                self.given.add(code)
        if crosses:
            self.note(values if event == "call" else [returned])

    def note(self, values: list[Any], depth: int = 3) -> None:
        """Note the classes of values, and of what they hold where they are containers."""
        for value in values:
            kind = type(value)
            if holds_data(kind):
                self.values.add(kind)
            elif kind in CONTAINERS and depth:
                self.note([*(value.values() if kind is dict else value)][:50], depth - 1)


@contextmanager
def traced(trace: Trace) -> Iterator[None]:
    """Let a trace see all threads."""
    threading.setprofile(trace)
    sys.setprofile(trace)
    try:
        yield
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def floe(*words: str) -> None:
    """Run a floe-local command in this process."""
    from floe_local.cli.app import run  # noqa: PLC0415 - of the tree that is measured

    code = run(["-s", STACK, "-q", *words])
    if code:
        sys.exit(f"floe-local {' '.join(words)} ended with {code}")


def up() -> dict[str, object]:
    """What goes through `up`."""
    os.chdir(tempfile.mkdtemp())
    trace = Trace()
    try:
        with traced(trace):
            floe("up", "--free-ports")
    finally:
        floe("down", "--volumes")
    return {
        "values": len(trace.values),
        "bring-up functions": len(trace.called),
        "of these, called by another module": len(trace.entered),
        "bring-up modules": len({code.co_filename for code in trace.called}),
        "request functions": len(trace.given),
        "names of the values": ", ".join(sorted(kind.__name__ for kind in trace.values)),
    }


def main() -> None:
    """Print the measures as a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.house", description=__doc__)
    parser.add_argument("--up", action="store_true", help="also bring the reference pair up")
    wants_up = parser.parse_args().up
    rows = {**shape(), "seconds to --help": f"{help_seconds():.3f}", **(up() if wants_up else {})}
    lines = ["| measure | |", "|---|---|", *(f"| {name} | {n} |" for name, n in rows.items())]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
