"""`init`, `plugins new`: files to start from."""

from __future__ import annotations

import re
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from floe_local.errors import InputError, writing
from floe_local.plan.blueprint.lookup import is_part
from floe_local.plan.blueprint.model import Name, compose_folder, default_manifest
from floe_local.plan.manifest.reader import load_manifest
from floe_local.plan.values import Frozen, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from floe_local.operations.stacks import Where
    from floe_local.plan.manifest.model import Manifest


MANIFEST_TEMPLATE = "manifest-template.yaml"
TEMPLATES = Path(__file__).parent / "plugin_template"
SUFFIX = ".tmpl"
LONGEST_NAME = 40
LINE_LENGTH = 100
"""What ruff is told in the template; with the longest name, its lines are no longer."""

NOT_A_HOST = ("localhost", "otel-collector")
"""Names that mean something else in a stack, besides its parts'."""


class NewPlugin(Frozen):
    """What was written: the folder, and the files in it."""

    kind: Kind
    name: str
    folder: str
    files: tuple[str, ...]


class _Filled(Template):
    """``%%{name}`` is filled in: what is generated is full of ``${env:NAME}``."""

    delimiter = "%%"


def new_plugin(
    name: str, kind: Kind, folder: Path | None = None, *, sandbox: bool = False
) -> NewPlugin:
    """Write a distribution with a plugin, its blueprint and its tests.

    Args:
        name: what a manifest will call the backend.
        kind: telemetry or lineage.
        folder: the distribution's folder is made in it; None: the current one.
        sandbox: the backend runs elsewhere (a SaaS): the blueprint says how it is played.

    Raises:
        InputError: ``plugin-name``: that is not a name; ``plugin-exists``: the folder is there.
        MachineError: ``output``: it cannot be written.
    """
    words = words_of(name, kind)
    root = (folder or Path()) / words["distribution"]
    files = dict(_files(f"{kind}-sandbox" if sandbox else str(kind), words))
    with writing(root):
        try:
            root.mkdir(parents=True)
        except FileExistsError as error:
            hint = "choose another name, or another --folder; nothing was written"
            raise InputError("plugin-exists", f"{error.filename} is there already", hint) from None
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
    return NewPlugin(kind=kind, name=name, folder=str(root), files=tuple(sorted(files)))


def words_of(name: str, kind: Kind) -> dict[str, str]:
    """What the templates are filled with.

    Raises:
        InputError: that is not a plugin's name.
    """
    _refuse_other_names(name)
    parts = re.split(r"[-_.]+", name.strip("-_."))
    host = "-".join(parts)
    # A number may be taken for an address.
    if host[0].isdigit() or host in NOT_A_HOST or is_part(host):
        host = f"backend-{host}"
    package = f"floe_{kind}_{'_'.join(parts)}"
    class_name = "".join(part.capitalize() for part in host.split("-")) + "Plugin"
    return {
        "name": name,
        "kind": str(kind),
        "distribution": f"floe-{kind}-{'-'.join(parts)}",
        "package": package,
        "class_name": class_name,
        "class_line": _class(class_name, f"Configured[Config], {kind.capitalize()}BackendPlugin"),
        "import_from_module": _import(f"{package}.plugin", class_name),
        "import_from_package": _import(package, class_name),
        "title": " ".join(part.capitalize() for part in parts),
        "host": host,
        "variable": host.replace("-", "_").upper(),
    }


def _import(module: str, name: str) -> str:
    """An import as ruff formats it."""
    line = f"from {module} import {name}"
    return line if len(line) <= LINE_LENGTH else f"from {module} import (\n    {name},\n)"


def _class(name: str, bases: str) -> str:
    """The first line of a class as ruff formats it."""
    line = f"class {name}({bases}):"
    return line if len(line) <= LINE_LENGTH else f"class {name}(\n    {bases}\n):"


def _refuse_other_names(name: str) -> None:
    hint = "write it in lower case, like my-backend: letters, digits, - _ and ."
    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError:
        raise InputError("plugin-name", f"'{name}' is not a valid plugin name", hint) from None
    if len(name) > LONGEST_NAME:
        reason = f"'{name}' is longer than {LONGEST_NAME} characters"
        raise InputError("plugin-name", reason, "choose a shorter one")
    if is_part(name):
        reason = f"'{name}' is a part that floe-local ships"
        raise InputError("plugin-name", reason, "call the plugin as its backend is called")


def _files(template: str, words: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The path below the distribution's folder, and the text, of each file."""
    for folder in (TEMPLATES / "common", TEMPLATES / template):
        for file in sorted(folder.rglob(f"*{SUFFIX}")):
            path = str(file.relative_to(folder)).removesuffix(SUFFIX)
            text = _Filled(file.read_text(encoding="utf-8")).substitute(words)
            yield path.replace("__package__", words["package"]).replace("__tests__", "tests"), text


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
    text = (compose_folder() / MANIFEST_TEMPLATE).read_text("utf-8")
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
