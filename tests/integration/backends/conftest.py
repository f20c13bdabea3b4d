"""One stack with every backend of the ADR."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from floe_local.testing import FloeLocal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TELEMETRY = ("jaeger", "datadog", "grafana-cloud", "xray")
LINEAGE = ("marquez", "atlan", "openmetadata", "aws")
SHELL = {"DD_API_KEY": "the-key-of-a-real-account", "AWS_ACCESS_KEY_ID": "AKIAREALACCOUNT"}
"""Credentials of real accounts, as an engineer's shell has them: nobody may see them."""


def manifest(folder: Path, telemetry: tuple[str, ...], lineage: tuple[str, ...]) -> Path:
    chosen = os.environ.get("FLOE_TEST_MARQUEZ")
    lines = [
        "plugins:",
        f"  telemetry_backend: [{', '.join(telemetry)}]",
        f"  lineage_backend: [{', '.join(lineage)}]",
        *(["local:", f"  images: {{marquez: '{chosen}'}}"] if chosen else []),
    ]
    file = folder / "manifest.yaml"
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


@pytest.fixture(scope="package")
def every_backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FloeLocal]:
    file = manifest(tmp_path_factory.mktemp("adr"), TELEMETRY, LINEAGE)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SHELL.items():
            patch.setenv(name, value)
        with FloeLocal(file) as stack:
            yield stack
