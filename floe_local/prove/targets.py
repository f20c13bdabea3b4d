"""Where to send canaries and to read them back (URLs only), and how a smoke test is made.

Built from a floe-local stack, or from the endpoint options of ``smoke-test``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import Field

from floe_local.plan.artifacts import Backend
from floe_local.plan.blueprint.model import Cleanup, Naming, Probe
from floe_local.plan.env_refs import references
from floe_local.plan.secrets.mask import SHORTEST_SECRET, names_a_credential
from floe_local.plan.values import Frozen, Kind, Origin, Signal


class BackendTarget(Frozen):
    """One backend as it is reached from the host.

    `endpoints` maps the blueprint's endpoint names to base URLs, such as
    ``http://127.0.0.1:16686``. `accepts` is what is sent to it; `unexported` what it would
    take, but its plugin has no pipeline for. `transport` is the OpenLineage transport for the
    host (secrets still as ``${env:NAME}``).
    `unset` are the variables that must be set for a signal to be read back: without them
    `readback` has no probes for it.
    """

    backend: Backend
    accepts: tuple[Signal, ...]
    unexported: tuple[Signal, ...] = ()
    endpoints: dict[str, str]
    readback: dict[Signal, tuple[Probe, ...]] = {}
    unset: dict[Signal, tuple[str, ...]] = {}
    cleanup: tuple[Cleanup, ...] = ()
    transport: dict[str, Any] | None = None
    origin: Origin = Origin.UPSTREAM
    image: str = ""

    @property
    def name(self) -> str:
        """The backend's name."""
        return self.backend.name

    @property
    def kind(self) -> Kind:
        """What it stores."""
        return self.backend.kind

    @property
    def naming(self) -> Naming:
        """How it renames what it stores."""
        return self.backend.blueprint.naming

    @property
    def exporters(self) -> dict[Signal, tuple[str, ...]]:
        """The Collector's exporter ids that carry to it, by signal."""
        return self.backend.exporters


class PipelineEnvironment(Frozen):
    """What `floe-local env` prints for pipelines on the host, as a smoke test gives it to clients.

    Values may hold ``${env:NAME}``. `unserved` are the clients that no variable can serve: name
    (`floe_local.prove.send.clients`) → why.
    """

    variables: dict[str, str] = {}
    unserved: dict[str, str] = {}


class Targets(Frozen):
    """All that a smoke test talks to.

    `namespace` is the OpenLineage namespace that canaries use. `otlp_grpc` is ``host:port`` as
    a URL (``http://127.0.0.1:4317``), `otlp_http` a base URL without path, `collector_metrics`
    the URL of the Collector's own metrics page. `environment` is set while canaries are sent (dummy credentials of sandboxed backends).
    `pipeline` is what clients are given that are configured by their environment; None: there
    are none.
    """

    stack: str
    namespace: str
    otlp_grpc: str | None = None
    otlp_http: str | None = None
    collector_metrics: str | None = None
    sampling: str = "off"
    environment: dict[str, str] = {}
    pipeline: PipelineEnvironment | None = None
    backends: tuple[BackendTarget, ...] = ()


def secrets_of(targets: Targets, environ: Mapping[str, str]) -> frozenset[str]:
    """The credentials that go along with a smoke test's requests, also as errors quote them."""
    return frozenset().union(*(secrets_in(target, environ) for target in targets.backends))


def secrets_in(target: BackendTarget, environ: Mapping[str, str]) -> frozenset[str]:
    """The credentials that go along with the requests to one backend.

    That is what stands in a header, or in a transport; in an address, what is called so.
    """
    probes = [probe.request for probes in target.readback.values() for probe in probes]
    removals = [request for rule in target.cleanup for request in (rule.request, rule.verify)]
    transport = dict(target.transport or {})
    addresses = references([target.endpoints, transport.pop("url", None)])
    sent = references([transport, *(request.headers for request in (*probes, *removals))])
    names = [*sent, *(name for name in addresses if names_a_credential(name))]
    values = (environ.get(name, "").strip() for name in names)
    long = [value for value in values if len(value) >= SHORTEST_SECRET]
    return frozenset(form for value in long for form in (value, repr(value)[1:-1]))


class SmokeOptions(Frozen):
    """How a smoke test is made.

    `deadline` is in seconds, from the last acknowledgement. `count`: how many more traces
    and runs are sent and accounted for, with so many `threads`. `keep` leaves the canaries
    in the lineage backend. `strict`: only what the backend itself showed is a pass.
    """

    deadline: float = Field(default=30.0, gt=0)
    count: int = Field(default=0, ge=0)
    threads: int = Field(default=8, ge=1, le=64)
    keep: bool = False
    strict: bool = False


Tell = Callable[[str, str, str], None]
"""Called with who does something, what that is, and its details."""


def tell_nobody(_subject: str, _phase: str, _detail: str) -> None:
    """Tell nobody."""
