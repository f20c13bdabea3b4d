"""docs/clients.md: which clients what `floe-local env` prints serves, as a run of them has shown.

tests/clients makes the run. A row is on the page once its client has come to that verdict, at that
version.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.clients.harness import Client

PAGE = Path(__file__).with_name("clients.md")
HEAD = """# Clients

<!-- Generated from a test run: tests/clients, with FLOE_UPDATE_GOLDEN=1; `just nightly` for all. -->

Each client is a real program in an environment of its own. It was given what the command of the
column `floe-local …` prints, beside PATH, HOME and LANG, and no other variable. `received` means that its
span, or its completed run (with its START, where the program says the id of its run), was read back from
the backend itself. Given only those of the column `variables that it reads`, it arrives as well: `just
nightly` proves that, too.

| client | version | how | signal | protocol | `floe-local …` | variables that it reads | verdict |
|---|---|---|---|---|---|---|---|
"""
LIMITS = """
## What no variable does

| client | |
|---|---|
"""
OVERRIDDEN = (
    "Variables of your own that win over what `env` prints are named by `env` and `smoke-test`: "
    "unset them."
)
ONE_PROTOCOL = (
    "It does not read OTEL_EXPORTER_OTLP_PROTOCOL: print the endpoint that it needs with "
    "`env --protocol`."
)
SPARK = (
    "openlineage-spark",
    "Not run: its jar could not be had where these ran. `env --for spark` prints its settings.",
)


def row(client: Client, name: str) -> str:
    """The page's line for one way of a client."""
    way = client.ways[name]
    cells = [
        client.package,
        client.version,
        name,
        way.signal.value,
        way.protocol,
        f"`{way.env.command}`",
        ", ".join(way.reads),
        f"lost: {way.lost}" if way.lost else "received",
    ]
    return f"| {' | '.join(cells)} |"


def page(clients: Sequence[Client], shown: Iterable[str]) -> str:
    """The page.

    Args:
        clients: all of them.
        shown: rows that a run has shown; what is no client's row any more is left out.
    """
    known = set(shown)
    rows = [line for c in clients for name in c.ways if (line := row(c, name)) in known]
    notes = [("any", OVERRIDDEN), ("one that speaks one protocol only", ONE_PROTOCOL)]
    notes += [(c.package, note) for c in clients for note in c.notes]
    notes.append(SPARK)
    limits = [f"| {who} | {note.strip()} |" for who, note in notes]
    return HEAD + "\n".join(rows) + "\n" + LIMITS + "\n".join(limits) + "\n"


def committed() -> set[str]:
    """The lines of the page as it is committed."""
    return set(PAGE.read_text(encoding="utf-8").splitlines()) if PAGE.exists() else set()
