"""The JSON Schemas of what is read and printed: blueprints, and the documents of ``--json``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import create_model

from floe_local.cli.output import SCHEMA
from floe_local.conformance.report import ConformanceReport
from floe_local.observe.rules.model import Severity
from floe_local.observe.verdict import Job, ServiceCounts, Stored
from floe_local.operations.down import DownResult
from floe_local.operations.images import ImageList
from floe_local.operations.plugins import PluginDetails, PluginList, ValidationResult
from floe_local.operations.sandbox import Failing, Recordings
from floe_local.operations.scaffold import InitResult, NewPlugin
from floe_local.operations.show import Environment, Explanation, Rendered, RenderedHelm, UrlList
from floe_local.operations.status import StackList, StackStatus
from floe_local.operations.up import UpResult
from floe_local.plan.blueprint.model import Blueprint
from floe_local.plan.values import Frozen
from floe_local.prove.report import Report
from floe_local.run.holdings import LogLine
from floe_local.run.image_archive import ImageArchive

if TYPE_CHECKING:
    from pydantic import BaseModel


class Fault(Frozen):
    """What went wrong: a stable code, what happened and where, what to do next."""

    code: str
    reason: str
    hint: str


class Failed(Frozen):
    """What any command prints that did not come to a result."""

    error: Fault


class FoundPlace(Frozen):
    """Where a rule found something, and what."""

    place: str
    text: str


class FoundByRule(Frozen):
    """What one rule found; `known` is how many places a baseline names, `count` how many not."""

    profile: str
    code: str
    severity: Severity
    title: str
    why: str
    places: tuple[FoundPlace, ...]
    known: int
    count: int


class Judged(Frozen):
    """A verdict on what was taken: what came, what backends hold of it, what is wrong with it.

    `datasets` maps names to how many fields their schemas have.
    """

    reason: str
    services: dict[str, ServiceCounts]
    jobs: dict[str, Job]
    datasets: dict[str, int]
    stored: tuple[Stored, ...]
    findings: tuple[FoundByRule, ...]
    profiles: tuple[str, ...]
    failing: tuple[Severity, ...]


class Taken(Judged):
    """A verdict on what a command sent. `exit` is floe-local's own code, `session` a file."""

    command_line: tuple[str, ...]
    command_exit: int
    exit: int
    seconds: float
    session: str | None
    warnings: tuple[str, ...]


DOCUMENTS: dict[str, type[BaseModel]] = {
    "init": InitResult,
    "up": UpResult,
    "smoke-test": Report,
    "run": Taken,
    "listen": Taken,
    "check": Judged,
    "down": DownResult,
    "status": StackStatus,
    "logs": create_model("Logs", __base__=Frozen, lines=(tuple[LogLine, ...], ...)),
    "urls": UrlList,
    "open": create_model("Opened", __base__=Frozen, url=(str, ...), opened=(bool, ...)),
    "env": Environment,
    "render": Rendered,
    "render helm": RenderedHelm,
    "explain": Explanation,
    "list": StackList,
    "plugins list": PluginList,
    "plugins show": create_model(
        "PluginsShown", __base__=Frozen, plugins=(tuple[PluginDetails, ...], ...)
    ),
    "plugins validate": ValidationResult,
    "plugins test": ConformanceReport,
    "plugins new": NewPlugin,
    "sandbox show": Recordings,
    "sandbox fail": Failing,
    "images list": ImageList,
    "images get": ImageList,
    "images pull": ImageList,
    "images build": ImageList,
    "images save": ImageArchive,
    "images load": ImageArchive,
}
"""Command → what stands in its document behind ``schema``, ``command`` and ``ok``."""


def schemas() -> dict[str, dict[str, Any]]:
    """Every schema: the file's name → what stands in it."""
    documents = {name.replace(" ", "-"): document(name) for name in DOCUMENTS}
    blueprint = Blueprint.model_json_schema(mode="validation")
    return {
        "blueprint": blueprint,
        "error": _whole(Failed, {"type": "string"}, ok=False),
    } | documents


def document(command: str) -> dict[str, Any]:
    """The schema of the whole document that a command prints."""
    told = "render" if command == "render helm" else command
    return _whole(DOCUMENTS[command], {"const": told, "type": "string"})


def _whole(
    model: type[BaseModel], command: dict[str, Any], *, ok: bool | None = None
) -> dict[str, Any]:
    """The schema of a model's fields behind those that every document begins with."""
    head: dict[str, Any] = {
        "schema": {"const": SCHEMA, "type": "string"},
        "command": command,
        "ok": {"type": "boolean"} if ok is None else {"const": ok, "type": "boolean"},
    }
    fields = model.model_json_schema(mode="serialization")
    required = dict.fromkeys([*head, *fields.get("required", [])])
    return fields | {"properties": fields["properties"] | head, "required": list(required)}


def as_text(schema: dict[str, Any]) -> str:
    """A schema as it is written out."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
