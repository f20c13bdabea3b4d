"""Services as `up`, `status` and `urls` show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_local.plan.stack.vantage import endpoint_url
from floe_local.plan.values import Frozen, Origin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from floe_local.plan.stack.model import StackPlan, StackService


class ServiceRow(Frozen):
    """A service. `urls` are the host's, by endpoint; `ui` is the one to open in a browser.

    `state` is ``ready``, ``not ready``, ``down``, or the engine's word for the container.
    `seconds` is how long it took to become ready.
    """

    service: str
    backend: str
    image: str
    origin: Origin | None = None
    how: str = ""
    state: str = "down"
    detail: str = ""
    seconds: float | None = None
    urls: dict[str, str] = {}
    ui: str | None = None


def service_rows(
    plan: StackPlan,
    states: Mapping[str, str],
    *,
    details: Mapping[str, str] | None = None,
    seconds: Mapping[str, float] | None = None,
) -> tuple[ServiceRow, ...]:
    """A row for each service of a plan, with what is known by service."""
    return tuple(
        ServiceRow(
            service=service.name,
            backend=service.backend,
            image=service.image.reference,
            origin=service.image.origin,
            how=service.image.how,
            state=states.get(service.name, "down"),
            detail=(details or {}).get(service.name, ""),
            seconds=(seconds or {}).get(service.name),
            urls=service_urls(plan, service),
            ui=next((_url(plan, service, e.name) for e in service.endpoints if e.ui), None),
        )
        for service in plan.services
    )


def service_urls(plan: StackPlan, service: StackService) -> dict[str, str]:
    """Where the host reaches the endpoints of a service, by endpoint, with their paths."""
    return {e.name: _url(plan, service, e.name) + e.path.rstrip("/") for e in service.endpoints}


def _url(plan: StackPlan, service: StackService, endpoint: str) -> str:
    return endpoint_url(plan, service.name, endpoint, "host") or ""
