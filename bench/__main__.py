"""``just bench``: each measure, beside what it is compared with, as a ratio."""

from __future__ import annotations

import argparse
import sys

from bench import measures


def main() -> None:
    """Run the named measures, or all, then print one table."""
    parser = argparse.ArgumentParser(prog="just bench", description=__doc__)
    parser.add_argument(
        "measures", nargs="*", help=f"of {', '.join(measures.ALL)}; all but `cold` if none"
    )
    parser.add_argument("--rounds", type=int, default=5, help="runs of each side (default 5)")
    parser.add_argument("--count", type=int, default=1000, help="canaries of `count`")
    asked = parser.parse_args()
    unknown = set(asked.measures) - set(measures.ALL)
    if unknown:
        parser.error(f"no measure called {', '.join(sorted(unknown))}")
    rows = [
        comparison.row()
        for name in asked.measures or [name for name in measures.ALL if name != "cold"]
        for comparison in measures.ALL[name](asked)
    ]
    heading = "| measure | floe-local: median (range) | other: median (range) | ratio |"
    sys.stdout.write("\n".join([heading, "|---|---|---|---|", *rows]) + "\n")


if __name__ == "__main__":
    main()
