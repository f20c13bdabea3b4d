"""The Blueprint: all that floe-local knows of a backend, as data.

A blueprint is a folder with a ``blueprint.yaml``. `floe_local.plan.blueprint.lookup`
finds and loads it. docs/blueprints.md tells authors what each key means.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator

from floe_local.plan.nested import fill
from floe_local.plan.values import Frozen, Kind, Placement, Signal
from floe_local.signals.shared.model import module_of

COLLECTOR_CONFIG = "{otlp_collector_config}"
"""The source of a config file that is the compiled Collector config."""

COLLECTOR = "collector"
"""The blueprint of the part that every telemetry backend shares."""
SANDBOX = "sandbox"
"""The recorder's; also the name of its endpoint that plays the backend."""

NAME_PATTERN = r"^[a-z0-9][a-z0-9_.-]*$"
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Port = Annotated[int, Field(ge=1, le=65535)]


class Endpoint(Frozen):
    """A port that a service listens on.

    `host_port` is the default port on the host; None: published on a free port only
    where something on the host needs it. `protocol` says who can talk to it.
    """

    name: Name
    port: Port
    protocol: Literal["http", "otlp-grpc", "otlp-http", "tcp"] = "http"
    path: str = "/"
    host_port: Port | None = None
    ui: bool = False


class Ready(Frozen):
    """When a service is ready: an HTTP answer, judged from the host.

    `query` is a JMESPath expression over the JSON body that must equal `equals`.
    """

    endpoint: Name
    path: str
    status: int = 200
    query: str | None = None
    equals: Any = None


class ImageSource(Frozen):
    """Where a service's image comes from: present, else pulled, else built.

    `upstream` is the name that is looked for and pulled. `recipe` is a folder
    beside blueprint.yaml with a recipe.yaml (see `floe_local.plan.blueprint.recipe`).
    """

    upstream: str | None = None
    recipe: str | None = None


class ConfigFile(Frozen):
    """A file beside blueprint.yaml that is mounted read-only at `target`.

    A `source` of ``{otlp_collector_config}`` or ``{openlineage_config}`` is that compiled
    config instead, as YAML; ``{sandbox}`` is what the recorder is told of its backend.
    """

    source: str
    target: str


class Service(Frozen):
    """One compose service.

    `environment` values may hold ``{secret:NAME}`` (a password generated once for each
    stack and kept in its .env), and otherwise reach the container literally. `volumes`
    maps a volume's name to its path in the container. `data_version` names the variable in
    the image's own environment that tells which format the volumes are written in: a volume
    of another format is refused. `misdirected` finds, in the service's log, requests to a path
    that it does not serve: a regular expression with groups ``method``, ``path``, ``status``.
    """

    image: ImageSource
    command: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    environment: dict[str, str] = {}
    volumes: dict[str, str] = {}
    data_version: str | None = None
    tmpfs: tuple[str, ...] = ()
    files: tuple[ConfigFile, ...] = ()
    user: str | None = None
    read_only: bool = True
    cap_drop: tuple[str, ...] = ("ALL",)
    cap_add: tuple[str, ...] = ()
    shm_size: str | None = None
    stop_grace_period: str | None = None
    depends_on: tuple[str, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    ready: Ready | None = None
    healthcheck: dict[str, Any] | None = None
    optional: bool = False
    hint: str = ""
    misdirected: str | None = None

    @field_validator("misdirected")
    @classmethod
    def _groups(cls, pattern: str | None) -> str | None:
        groups = set() if pattern is None else set(_compiled(pattern).groupindex)
        if pattern is not None and not {"method", "path", "status"} <= groups:
            message = "needs the groups (?P<method>…), (?P<path>…) and (?P<status>…)"
            raise ValueError(message)
        return pattern

    @property
    def reads_collector_config(self) -> bool:
        """Whether it runs the compiled Collector config."""
        return any(file.source == COLLECTOR_CONFIG for file in self.files)


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        message = f"is not a regular expression: {error}"
        raise ValueError(message) from error


class Request(Frozen):
    """An HTTP request to a named endpoint. `path` and `query` hold placeholders.

    A placeholder ``{name}`` is URL-quoted where it is put into a path.
    """

    endpoint: Name
    path: str
    method: Literal["GET", "POST", "DELETE"] = "GET"
    query: dict[str, str] = {}
    headers: dict[str, str] = {}


class Expectation(Frozen):
    """`query` (JMESPath over the answer) must equal `equals`.

    A string ``equals`` that is exactly one placeholder stands for the canary's value,
    whatever its type. `field` is what a failed check is called by.
    """

    field: str
    query: str
    equals: Any


class Absent(Frozen):
    """How the backend answers for something that it does not hold."""

    status: int = 404
    query: str | None = None
    equals: Any = None


class Condition(Frozen):
    """Limits a probe to the canaries that the backend stores: others it accepts and drops.

    `query` (JMESPath over the canary's values, as placeholders name them) must be true;
    for the others `reason` says why the backend is not asked.
    """

    query: str
    reason: str


SPAN_FIELDS = {
    "traceState": "trace_state",
    "flags": "flags",
    "name": "name",
    "kind": "kind",
    "parentSpanId": "parent_id",
    "startTimeUnixNano": "start",
    "endTimeUnixNano": "end",
    "status": "status",
    "attributes": "attributes",
    "droppedAttributesCount": "dropped_attributes",
    "events": "events",
    "events.timeUnixNano": "event_times",
    "events.droppedAttributesCount": "event_dropped_attributes",
    "droppedEventsCount": "dropped_events",
    "links": "links",
    "links.traceState": "link_trace_states",
    "links.flags": "link_flags",
    "links.droppedAttributesCount": "link_dropped_attributes",
    "droppedLinksCount": "dropped_links",
    "resource.attributes": "resource",
    "resource.droppedAttributesCount": "resource_dropped_attributes",
    "resource.schemaUrl": "resource_schema_url",
    "scope.name": "scope",
    "scope.version": "scope_version",
    "scope.attributes": "scope_attributes",
    "scope.droppedAttributesCount": "scope_dropped_attributes",
    "scope.schemaUrl": "scope_schema_url",
}
"""What is compared of a span: its name in OTLP JSON, and in what `wait_for_span` returns."""


class Losses(Frozen):
    """What a backend is known not to keep, by the names of SPAN_FIELDS: it is not compared.

    `storage` says with which of the backend's storages that is so.
    """

    fields: tuple[str, ...] = ()
    storage: str = ""


def placeholders() -> dict[str, frozenset[str]]:
    """What requests and expectations may refer to, by what they are made for (`each`)."""
    return {
        each: names for signal in Signal for each, names in module_of(signal).PLACEHOLDERS.items()
    }


if TYPE_CHECKING:
    Each = str
else:  # by the signals that there are: the JSON Schema of blueprints lists them
    Each = Literal[tuple(placeholders())]


class Probe(Frozen):
    """How one kind of canary is read back from the backend.

    `each` names the canary that the request is made for. With `decode`, the part of the
    answer that `select` (JMESPath) finds is decoded and compared whole with what was sent;
    otherwise every expectation of `expect` must hold. A probe with `absent` is also made
    for an id that was never sent, and must then answer so. With `when`, it is made for some
    canaries only; a check of which nothing is asked is skipped, with the reason. `pause_s`
    seconds pass between two looks, for a backend that limits how often it is asked; what
    ``--count`` sends is then not read back. `loses` names what of a span is not compared,
    because the backend does not keep it; everything else is.
    """

    name: str
    each: Each
    when: Condition | None = None
    request: Request
    decode: Literal["otlp-json"] | None = None
    select: str | None = None
    expect: tuple[Expectation, ...] = ()
    absent: Absent | None = None
    loses: Losses = Losses()
    pause_s: float = Field(default=0.0, ge=0)


class Cleanup(Frozen):
    """How one kind of canary is removed from the backend after the proof.

    `request` removes it (2xx, or 404 when it is not there); `verify` then asks for it
    and must be answered as `gone` says.
    """

    each: Literal["run", "job", "dataset"]
    request: Request
    verify: Request
    gone: Absent = Absent()


class BackendCheck(Frozen):
    """What this backend makes something else of than a sender means; `run` and `check` look for it.

    `find` (JMESPath) is true of an item that is to be named. An event is as it was sent; a run
    has `run_id`, `job` and `parent_job` (`namespace`, `name`), `types` (of its events), `state`,
    `facets`, `inputs` and `outputs`; a dataset `namespace`, `name`, `facets`.
    """

    code: Name
    severity: Literal["error", "warning", "note"] = "warning"
    title: str
    why: str
    each: Literal["event", "run", "dataset"]
    find: str


class Naming(Frozen):
    """How the backend renames what it stores.

    `child_job` is the stored name of a job with a parent ({job}, {parent_job});
    `run_states` maps the last event's type to the state that the backend shows.
    """

    child_job: str = "{job}"
    run_states: dict[str, str] = {}

    def stored_job(self, job: str, parent_job: str) -> str:
        """The stored name of a job that has a parent."""
        return fill(self.child_job, {"job": job, "parent_job": parent_job})


class HelmRule(Frozen):
    """A Helm value that floe-local honours.

    The value at `path` (dotted, in the plugin's Helm values) sets environment variable
    `environment` of `service`; or must be one of `one_of`, when that is all that runs locally.
    """

    path: str
    service: Name | None = None
    environment: str | None = None
    one_of: tuple[Any, ...] = ()


class MovedPath(Frozen):
    """A path under which the backend took lineage once, and where it does now."""

    path: str
    to: str
    why: str


Status = Annotated[int, Field(ge=200, le=599)]


class Credential(Frozen):
    """The credential that the backend wants, and how it refuses another.

    `value` is the dummy that the sandbox puts in place of the real one: text, or for
    ``basic`` {username, password}, for ``sigv4`` {access_key, secret_key, service}. `form` is
    a regular expression that a credential must match whole. `missing` and `wrong` are the
    statuses of a request without one, and with another.
    """

    kind: Literal["header", "bearer", "basic", "sigv4"]
    header: str = "Authorization"
    value: str | dict[str, str]
    form: str | None = None
    missing: Status = 401
    wrong: Status = 403


class Wording(Frozen):
    """An answer: status (of a route's answer), content type, body and headers."""

    status: Status = 200
    content_type: str = "application/json"
    body: Any = None
    headers: dict[str, str] = {}


class Rule(Frozen):
    """What must hold of a decoded item (JMESPath) for the backend to keep it.

    `status`: how a request is refused that holds another; None: it is answered like any,
    and ignored, with the reason on record.
    """

    query: str
    reason: str
    status: Status | None = None


class Route(Frozen):
    """One thing that the backend can be asked.

    `path` may hold ``{segments}``; `limit` is in bytes, uncompressed. `decode` names the
    decoder of the body; without one a request is answered and counted, not kept.
    """

    name: str
    method: Literal["GET", "POST", "PUT"] = "POST"
    path: str
    content_types: tuple[str, ...] = ()
    encodings: tuple[str, ...] = ("identity", "gzip")
    limit: int | None = Field(default=None, gt=0)
    decode: str | None = None
    signal: Signal | None = None
    credential: bool = True
    schema_: Literal["openlineage"] | None = Field(default=None, alias="schema")
    rules: tuple[Rule, ...] = ()
    answer: Wording = Wording()


class Recording(Frozen):
    """How the recorder plays a backend: its credential, its routes, its words of refusal."""

    credential: Credential | None = None
    routes: tuple[Route, ...] = ()
    answers: dict[Status, Wording] = {}


class Sandbox(Recording):
    """How a backend that runs elsewhere is played on this machine, by a recorder.

    `exporters`, `extensions` (by component type) and `transport` say which keys (dotted) of
    what the plugin returns are replaced: ``{sandbox}`` is the recorder's base URL, ``{path}``
    the path of the URL that stood there. A value with ``{path}`` applies only to a key that
    the plugin gave. `environment` is set where the backend's clients run. `readback` asks
    the recorder's endpoint ``control``.
    """

    exporters: dict[str, dict[str, Any]] = {}
    extensions: dict[str, dict[str, Any]] = {}
    transport: dict[str, Any] = {}
    environment: dict[str, str] = {}
    naming: Naming = Naming()
    readback: dict[Signal, tuple[Probe, ...]] = {}


class Live(Frozen):
    """What the real backend needs, where it is used (``--live``).

    `environment` names variables that clients read for themselves; `endpoints` are the base
    URLs of the blueprint's own `readback`, and may hold ``${env:NAME}``.
    """

    environment: dict[str, Literal["required", "optional"]] = {}
    endpoints: dict[Name, str] = {}


Dotted = Annotated[str, StringConstraints(pattern=r"^[^.\s]+(\.[^.\s]+)*$")]
SecretName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]


class Lacking(Frozen):
    """A Helm value of the plugin that the chart has no key for.

    It is `path` (dotted; with all below it). One of `already` says what the chart does
    anyway; of another, `why` says what to do about it.
    """

    path: Dotted
    already: tuple[Any, ...] = ()
    why: str


class NamedSecret(Frozen):
    """A Secret that must be in the cluster, called as the chart's value `at` says.

    `keys` are those that it must hold. `when` are values of the chart (dotted key → value,
    or a list of possible ones) with which it is used.
    """

    at: Dotted
    keys: tuple[str, ...]
    when: dict[Dotted, Any] = {}


class Note(Frozen):
    """What the chart's values leave to their reader; `when` is as in `NamedSecret`."""

    text: str
    when: dict[Dotted, Any] = {}


class Chart(Frozen):
    """A public Helm chart, and how a plugin's Helm values read in its layout.

    `name` is the chart's, and so the key of its values in an umbrella chart. `version` is
    the one that was read for this, `source` the repository that it is in. `values` are set
    whatever the plugin returns, below what it returns; a text there may be one placeholder:
    ``{host}`` (the host name in the plugin's endpoint), ``{image:SERVICE}`` (a mapping with
    repository and tag), ``{otlp_collector_config}``, ``{environment}`` (what that config
    refers to, each from the Secret `secret`). `takes` maps paths in the plugin's values to
    the chart's; everything below a path goes with it, and the longest path decides.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    version: str
    source: str
    values: dict[str, Any] = {}
    takes: dict[Dotted, Dotted] = {}
    lacks: tuple[Lacking, ...] = ()
    secret: SecretName | None = None
    secrets: tuple[NamedSecret, ...] = ()
    notes: tuple[Note, ...] = ()


class Blueprint(Frozen):
    """A backend, or a part that backends share, as data."""

    blueprint: Literal[1]
    name: Name
    title: str
    kind: Kind | None = None
    accepts: tuple[Signal, ...] = ()
    requires: tuple[Name, ...] = ()
    services: dict[Name, Service] = {}
    ingest: dict[str, Name] = {}
    """Which endpoint takes what: protocol (otlp-grpc, otlp-http, openlineage) → endpoint."""
    naming: Naming = Naming()
    readback: dict[Signal, tuple[Probe, ...]] = {}
    cleanup: tuple[Cleanup, ...] = ()
    checks: tuple[BackendCheck, ...] = ()
    helm: tuple[HelmRule, ...] = ()
    chart: Chart | None = None
    """The public Helm chart that deploys it in a cluster."""
    queued_exporters: tuple[str, ...] = ()
    """Exporter types of the backend, besides OTLP's, that take `sending_queue` and
    `retry_on_failure` (the Collector refuses those keys where a type does not)."""
    config: dict[str, Any] = {}
    """Default plugin config for local use; the manifest's `config` is laid over it."""
    sandbox: Sandbox | None = None
    """How it is played where it runs elsewhere."""
    live: Live = Live()
    moved: tuple[MovedPath, ...] = ()
    transports: dict[str, Name] = {}
    """For a plugin that returns a composite transport: which blueprint each part is of."""

    @property
    def endpoints(self) -> tuple[tuple[str, Endpoint], ...]:
        """The endpoints of all services, each with its service's name."""
        return tuple((name, e) for name, s in self.services.items() for e in s.endpoints)


def placement_of(blueprint: Blueprint, *, live: bool) -> Placement:
    """Where the backend of a blueprint runs, as `placement.resolve_placement` says."""
    if blueprint.sandbox and not live:
        return Placement.SANDBOXED
    return Placement.IN_STACK if blueprint.services else Placement.ELSEWHERE


class LocatedBlueprint(Frozen):
    """A blueprint with the folder it came from, who brought it, and where its backend runs.

    A sandboxed one, which `floe_local.plan.blueprint.placement` makes, has the recorder as its
    service.
    """

    blueprint: Blueprint
    folder: Path
    source: str
    placement: Placement = Field(
        default_factory=lambda data: placement_of(data["blueprint"], live=True)
    )

    @property
    def sandbox(self) -> Sandbox | None:
        """How the backend is played; None: it is not."""
        return self.blueprint.sandbox if self.placement is Placement.SANDBOXED else None


def compose_folder() -> Path:
    """The folder of shipped blueprints and of the default manifest."""
    package = Path(__file__).resolve().parents[2]
    shipped = package / "_compose"
    return shipped if shipped.is_dir() else package.parent / "compose"


def default_manifest() -> Path:
    """The manifest that stands in for none: the reference pair, as data."""
    return compose_folder() / "default-manifest.yaml"
