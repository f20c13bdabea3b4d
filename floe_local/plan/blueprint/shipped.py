"""Where the shipped blueprints are: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

COLLECTOR = "collector"
"""The blueprint of the part that every telemetry backend shares."""
SANDBOX = "sandbox"
"""The recorder's; also the name of its endpoint that plays the backend."""


def compose_folder() -> Path:
    """The folder of shipped blueprints and of the default manifest."""
    package = Path(__file__).resolve().parents[2]
    shipped = package / "_compose"
    return shipped if shipped.is_dir() else package.parent / "compose"


def default_manifest() -> Path:
    """The manifest that stands in for none: the reference pair, as data."""
    return compose_folder() / "default-manifest.yaml"
