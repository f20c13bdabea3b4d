"""Lineage plugins' transports → one OpenLineage config, and the backends that it reaches."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, NamedTuple

from floe_local.plan.artifacts import Change, CompiledBackend, helm_values_of
from floe_local.plan.compiler.draft import fault
from floe_local.plan.compiler.transport import (
    LineageDraft,
    Transport,
    compiled_transport,
    refuse_unusable,
    transport_hosts,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from floe_local.plan.blueprint.model import Blueprint
    from floe_local.plan.compiler.draft import Neighbours
    from floe_local.plan.plugins.output import PluginOutput

Lineage = tuple[dict[str, Any] | None, tuple[CompiledBackend, ...], tuple[Change, ...]]


class _Part(NamedTuple):
    """One backend that a plugin's transport reaches."""

    name: str
    blueprint: str
    transport: Transport
    place: str


def lineage_backends(
    outputs: Sequence[PluginOutput],
    blueprints: Mapping[str, Blueprint],
    around: Neighbours,
) -> Lineage:
    """Compile the transports of all lineage plugins.

    Args:
        outputs: of the lineage plugins, in the manifest's order.
        blueprints: by name.
        around: what is known besides.

    Returns:
        What openlineage-python reads, the backends that it reaches, what rules changed.

    Raises:
        InputError: a transport is none, and no rule mends it.
    """
    backends: list[CompiledBackend] = []
    changes: list[Change] = []
    for output in outputs:
        refuse_unusable(output)
        for part in _parts(output, blueprints.get(output.name)):
            backend, found = _compiled(output, part, blueprints, around)
            backends.append(backend)
            changes += found
    transports = {b.name: b.transport for b in backends if b.transport is not None}
    return _one_transport(transports), tuple(backends), tuple(changes)


def _parts(output: PluginOutput, blueprint: Blueprint | None) -> Iterator[_Part]:
    """The backends of one plugin: one, or each part of the composite that its blueprint names."""
    expected = blueprint.transports if blueprint else {}
    if not expected:
        yield _Part(output.name, output.name, output.transport, "transport")
        return
    children = output.transport.get("transports")
    if not isinstance(children, dict) or set(children) != set(expected):
        what = f"its blueprint expects a composite of {', '.join(sorted(expected))}"
        raise fault(output, "transport.transports", what, "return a transport for each of them")
    for key, name in expected.items():
        place = f"transport.transports.{key}"
        yield _Part(f"{output.name}.{key}", name, children[key], place)


def _compiled(
    output: PluginOutput,
    part: _Part,
    blueprints: Mapping[str, Blueprint],
    around: Neighbours,
) -> tuple[CompiledBackend, tuple[Change, ...]]:
    blueprint = blueprints.get(part.blueprint)
    draft = LineageDraft(
        output, blueprint, deepcopy(part.transport), part.place, **around._asdict()
    )
    transport, changes = compiled_transport(draft)
    backend = CompiledBackend(
        name=part.name,
        who=output.who,
        plugin=output.name,
        blueprint=part.blueprint,
        transport=transport,
        hosts=transport_hosts(transport, blueprint),
        helm_values=helm_values_of(output),
    )
    return backend, changes


def _one_transport(transports: Mapping[str, Transport]) -> dict[str, Any] | None:
    """What openlineage-python reads; several backends make a composite transport."""
    if not transports:
        return None
    if len(transports) == 1:
        return {"transport": next(iter(transports.values()))}
    composite = {
        "type": "composite",
        "continue_on_failure": True,
        "continue_on_success": True,
        "transports": dict(transports),
    }
    return {"transport": composite}
