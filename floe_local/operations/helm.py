"""`render helm`: the values of the charts that bring the manifest's backends to a cluster."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from floe_local.operations.planning import manifest_blueprints, manifest_of
from floe_local.operations.show import write_rendered
from floe_local.plan.helm.gaps import Gap
from floe_local.plan.helm.values import ChartUsed
from floe_local.plan.values import Frozen

if TYPE_CHECKING:
    from pathlib import Path

    from floe_local.operations.request import Where

VALUES_FILE = "values.yaml"


class RenderedHelm(Frozen):
    """Helm values for a cluster: a key for each chart, and what they do not cover.

    `files` is the same as a YAML document; `folder` is where it was written, if at all.
    """

    environment: str
    values: dict[str, Any]
    charts: tuple[ChartUsed, ...] = ()
    not_covered: tuple[Gap, ...] = ()
    files: dict[str, str] = {}
    folder: str | None = None
    warnings: tuple[str, ...] = ()


def render_helm(where: Where, output: Path | None = None) -> RenderedHelm:
    """The merged Helm values of the Collector and of the backends.

    Backends that run elsewhere are called for real, and nothing is played or moved.

    Args:
        where: which manifest, and which environment.
        output: a folder to write values.yaml to; None: it is only returned.

    Raises:
        InputError: the manifest, a plugin, what it returned, or a blueprint is wrong.
        MachineError: `output` cannot be written (``output``).
    """
    from floe_local.plan.helm.cluster import cluster_values  # noqa: PLC0415 - no plugins there
    from floe_local.plan.helm.text import as_yaml  # noqa: PLC0415
    from floe_local.plan.plugins.host import call_plugins  # noqa: PLC0415

    manifest = manifest_of(where)
    blueprints = manifest_blueprints(manifest, live=True)
    outputs = call_plugins(manifest.backends, limit_s=manifest.local.plugin_deadline)
    result = cluster_values(manifest, outputs, blueprints, os.environ)
    files = {VALUES_FILE: as_yaml(result, manifest.environment)}
    return RenderedHelm(
        environment=manifest.environment,
        values=result.values,
        charts=result.charts,
        not_covered=result.not_covered,
        files=files,
        folder=None if output is None else write_rendered(files, output),
        warnings=manifest.warnings,
    )
