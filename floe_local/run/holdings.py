"""What the engine holds of stacks, as values."""

from __future__ import annotations

from floe_local.plan.values import Frozen


class Container(Frozen):
    """A container of a stack. `health` is empty where it has no health check.

    `ports` maps container ports to host ports.
    """

    id: str
    name: str
    service: str
    image: str
    image_id: str = ""
    state: str
    status: str
    labels: dict[str, str]
    ports: dict[int, int] = {}

    @property
    def health(self) -> str:
        """``starting``, ``healthy`` or ``unhealthy``, as the engine's own status line says."""
        for word, shown in (
            ("unhealthy", "(unhealthy)"),
            ("healthy", "(healthy)"),
            ("starting", "(health: starting)"),
        ):
            if shown in self.status:
                return word
        return ""


class Network(Frozen):
    """A network of a stack."""

    id: str
    name: str
    project: str


class Volume(Frozen):
    """A volume of a stack."""

    name: str
    project: str
    labels: dict[str, str] = {}


class Holdings(Frozen):
    """All that carries a stack's label."""

    containers: tuple[Container, ...] = ()
    networks: tuple[Network, ...] = ()
    volumes: tuple[Volume, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.containers or self.networks or self.volumes)

    def without(self, other: Holdings) -> Holdings:
        """What is here and not in `other`."""
        containers = {c.id for c in other.containers}
        networks = {n.id for n in other.networks}
        volumes = {v.name for v in other.volumes}
        return Holdings(
            containers=tuple(c for c in self.containers if c.id not in containers),
            networks=tuple(n for n in self.networks if n.id not in networks),
            volumes=tuple(v for v in self.volumes if v.name not in volumes),
        )

    @property
    def named(self) -> tuple[str, ...]:
        """What it is, for people."""
        return (
            *(f"container {c.name}" for c in self.containers),
            *(f"network {n.name}" for n in self.networks),
            *(f"volume {v.name}" for v in self.volumes),
        )


class LogLine(Frozen):
    """A line that a service wrote."""

    service: str
    text: str


class Image(Frozen):
    """An image of the engine's. `size` is in bytes; `names` are its references, if it has any."""

    id: str
    size: int
    labels: dict[str, str] = {}
    names: tuple[str, ...] = ()
