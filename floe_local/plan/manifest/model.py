"""The manifest: which backends are wanted, and how they run locally.

`floe_local.plan.manifest.reader` reads ``manifest.yaml`` into a frozen `Manifest`.
docs/manifest.md is generated from these models.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, FiniteFloat, StringConstraints, field_validator

from floe_local.plan.plugins.output import BackendRef
from floe_local.plan.values import Frozen, OtlpProtocol

BACKEND_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
NonEmpty = Annotated[str, StringConstraints(min_length=1)]
# No references: these name things in places where nobody resolves them.
PlainName = Annotated[str, StringConstraints(pattern=r"^[^\s${}]([^${}\n\r]*[^\s${}])?$")]
ServiceName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]*$")]
ImageName = Annotated[str, StringConstraints(pattern=r"^[\w][\w.:/@-]*$")]
RegistryPrefix = Annotated[str, StringConstraints(pattern=r"^\w[\w.:/-]*\w$")]
EndpointName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][\w.-]*$")]
HostPort = Annotated[int, Field(ge=1, le=65535)]


class _Strict(Frozen):
    """A part of the manifest: a number is not text, and text is not a number."""

    model_config = ConfigDict(strict=True, use_attribute_docstrings=True)


class TailSampling(_Strict):
    """Sampling once a trace is whole: the Collector's tail_sampling processor."""

    policies: list[dict[str, Any]] = Field(min_length=1)
    """As the tail_sampling processor documents them."""

    decision_wait: NonEmpty = "1s"
    """How long a trace is waited for after its first span."""


class Sampling(_Strict):
    """Which traces are kept. Canaries always are (``sampling.priority``)."""

    ratio: float = Field(default=1.0, ge=0, le=1)
    """The share of traces that is kept."""

    tail: TailSampling | None = None
    """Policies that judge whole traces."""

    @property
    def described(self) -> str:
        """The effective sampling in words; ``off`` where everything is kept."""
        parts = [f"{self.ratio * 100:g}% of traces"] if self.ratio < 1 else []
        parts += [f"tail ({len(self.tail.policies)} policies)"] if self.tail else []
        return ", ".join(parts) or "off"


class CheckSettings(_Strict):
    """How `run`, `listen` and `check` judge: what the command line does not say itself."""

    profiles: list[NonEmpty] = []
    """Rules besides the default ones: ``floe``, ``backend:NAME``."""

    fail_on: Literal["error", "warning"] = "error"
    """Which findings, and worse ones, make the verdict red."""

    ignore: list[NonEmpty] = []
    """Codes of rules to leave out."""

    baseline: NonEmpty | None = None
    """A file that names what is known, relative to the manifest."""


class LocalSettings(_Strict):
    """The manifest's `local` section: how floe-local runs the backends on this machine."""

    sampling: Sampling = Sampling()
    """A share of the traces from 0 to 1, ``off``, or a mapping with `ratio` or `tail`."""

    environment: PlainName | None = None
    """The environment's name; else ``--env``, FLOE_ENVIRONMENT, ``local``."""

    project: PlainName | None = None
    """The project's name on all telemetry; else the folder's."""

    namespace: PlainName | None = None
    """The OpenLineage namespace, instead of the one that the plugin's strategy gives."""

    images: dict[ServiceName, ImageName] = {}
    """Service → the image that it runs, instead of the blueprint's."""

    registry: RegistryPrefix | None = None
    """A mirror: put before the names of upstream images."""

    ports: dict[EndpointName, HostPort] = {}
    """``service.endpoint``, or an endpoint's name alone → a port on the host."""

    blueprints: list[NonEmpty] = []
    """Folders with a blueprint.yaml, relative to the manifest."""

    deadline: float = Field(default=120.0, gt=0, le=3600)
    """How many seconds `up` waits until every service is ready."""

    plugin_deadline: float = Field(default=30.0, gt=0, le=3600)
    """How many seconds plugins may take to return their configs, or to connect."""

    optional: list[ServiceName] = []
    """Optional services to run, such as a web UI."""

    memory_limit_mib: int = Field(default=256, ge=64, le=65536)
    """Where the Collector's memory_limiter refuses more."""

    resource_attributes: dict[NonEmpty, str | bool | int | FiniteFloat] = {}
    """Added to telemetry that lacks them."""

    otlp_protocol: OtlpProtocol = "grpc"
    """What pipelines speak to the Collector, as `env` says it: ``grpc`` or ``http/protobuf``."""

    checks: CheckSettings = CheckSettings()
    """How `run`, `listen` and `check` judge what a pipeline sends."""

    @field_validator("sampling", mode="before")
    @classmethod
    def _short_sampling(cls, value: Any) -> Any:
        # YAML reads a bare `off` as false.
        if value is False or value == "off":
            return Sampling()
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return {"ratio": float(value)}
        return value


class EnvReference(Frozen):
    """A ``${env:NAME}`` in the manifest, with the place it stands at, and the whole text there."""

    name: str
    where: str
    text: str


class Manifest(Frozen):
    """What a manifest says, with every default filled in.

    `file` is None for the reference pair (no manifest). `root` is the project's folder,
    where .floe-local/ goes; `folder` is the manifest's own, which relative paths start from.
    """

    file: Path | None = None
    root: Path = Path()
    folder: Path = Path()
    backends: tuple[BackendRef, ...] = ()
    local: LocalSettings = LocalSettings()
    environment: str = "local"
    project: str = ""
    warnings: tuple[str, ...] = ()
    env_references: tuple[EnvReference, ...] = ()
    places: dict[str, str] = {}
    """Each setting of `local`, such as ``local.ports.query`` → ``manifest.yaml:7``."""

    def place(self, field: str) -> str:
        """Where a setting of `local` stands."""
        return self.places.get(field, str(self.file or "the manifest"))

    @property
    def blueprint_folders(self) -> tuple[Path, ...]:
        """The folders of `local.blueprints`, made absolute."""
        return tuple((self.folder / name).resolve() for name in self.local.blueprints)


class PluginSelection(_Strict):
    """A backend as the manifest names it: ``jaeger``, or a mapping with these keys."""

    type: Annotated[str, StringConstraints(pattern=BACKEND_NAME)]
    """The plugin's name: its entry point."""

    version: str | float | int | None = None
    """Read by the rest of floe; floe-local runs the plugin that is installed."""

    config: dict[str, Any] | None = None
    """Goes to the plugin, over the blueprint's defaults for local use."""

    connection_secret_ref: str | None = None
    """Read by the rest of floe."""
