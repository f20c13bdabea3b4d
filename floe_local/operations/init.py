"""`init`: a manifest to start from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from floe_local.errors import InputError, writing
from floe_local.plan.blueprint.shipped import compose_folder, default_manifest
from floe_local.plan.manifest.reader import load_manifest
from floe_local.plan.values import Frozen, Kind

if TYPE_CHECKING:
    from floe_local.operations.request import Where
    from floe_local.plan.manifest.model import Manifest

TEMPLATE = "manifest-template.yaml"


class InitResult(Frozen):
    """The manifest that was written, with the backends that it names."""

    file: str
    telemetry: str
    lineage: str


def init(where: Where, telemetry: str | None = None, lineage: str | None = None) -> InitResult:
    """Write a manifest, never over one that is there.

    Args:
        where: the file, or the environment whose file it is; None: ./manifest.yaml.
        telemetry: the telemetry backend; None: the reference one.
        lineage: the lineage backend; None: the reference one.

    Raises:
        InputError: there is a manifest already (``manifest-exists``).
        MachineError: it cannot be written (``output``).
    """
    file = where.manifest or (where.folder or Path()) / (where.environment or "") / "manifest.yaml"
    pair = load_manifest(default_manifest())
    names = {
        "telemetry": telemetry or _first(pair, Kind.TELEMETRY),
        "lineage": lineage or _first(pair, Kind.LINEAGE),
    }
    text = (compose_folder() / TEMPLATE).read_text("utf-8")
    for key, name in names.items():
        text = text.replace(f"{{{key}}}", name)
    _write_new(file, text)
    return InitResult(file=str(file), **names)


def _first(manifest: Manifest, kind: Kind) -> str:
    return next(b.name for b in manifest.backends if b.kind is kind)


def _write_new(file: Path, text: str) -> None:
    with writing(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            new = file.open("x", encoding="utf-8")
        except FileExistsError:
            hint = "edit it, or name another file with --manifest"
            raise InputError("manifest-exists", f"{file} is there already", hint) from None
        with new:
            new.write(text)
