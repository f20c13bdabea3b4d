"""`Compiler`, as ADR-0035's tests use it: plugins in, artifacts out, in this process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from floe_local.plan.blueprint.lookup import find_blueprints
from floe_local.plan.blueprint.model import COLLECTOR
from floe_local.plan.blueprint.placement import resolve_placement
from floe_local.plan.compiler.compile import compile_outputs
from floe_local.plan.manifest.files import ManifestFile
from floe_local.plan.manifest.model import Manifest
from floe_local.plan.manifest.reader import parse_manifest
from floe_local.plan.plugins.calls import call_plugin
from floe_local.plan.values import Egress, Kind
from floe_local.plan.yaml_source import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from floe_local.plan.artifacts import Compiled
    from floe_local.plan.blueprint.model import LocatedBlueprint
    from floe_local.plan.plugins.output import PluginOutput


class Compiler:
    """Compiles what plugins return; each config method is called exactly once.

    Args:
        telemetry_plugin: anything with the methods of TelemetryBackendPlugin.
        lineage_plugin: anything with those of LineageBackendPlugin.
        environ: where FLOE_ENVIRONMENT and a strategy's variable are read; the process's
            if None.

    Example:
        >>> artifacts = Compiler(lineage_plugin=plugin).compile(None)  # doctest: +SKIP
        >>> "openlineage_config" in artifacts  # doctest: +SKIP
        True
    """

    def __init__(
        self,
        telemetry_plugin: Any = None,
        lineage_plugin: Any = None,
        *,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._plugins = ((Kind.TELEMETRY, telemetry_plugin), (Kind.LINEAGE, lineage_plugin))
        self._environ = os.environ if environ is None else environ

    def compile(self, spec: Any = None) -> Compiled:
        """Compile the plugins' outputs.

        Args:
            spec: a `Manifest`, or a mapping like manifest.yaml's; anything else (a mock,
                None) stands for the defaults.

        Raises:
            InputError: a plugin raised, or what it returned is not a config.
        """
        outputs = tuple(call_plugin(p, kind) for kind, p in self._plugins if p is not None)
        manifest = _manifest(spec, self._environ)
        blueprints = _blueprints(outputs, manifest)
        return compile_outputs(manifest, outputs, blueprints, self._environ, egress=Egress.ANYWHERE)


def _manifest(spec: Any, environ: Mapping[str, str]) -> Manifest:
    if isinstance(spec, Manifest):
        return spec
    local = spec.get("local") if isinstance(spec, dict) else None
    source = Source("spec", {"local": local} if isinstance(local, dict) else {})
    file = ManifestFile(Path("spec"), "spec", Path.cwd(), is_default=True)
    return parse_manifest(source, file, None, environ, needs_backends=False)


def _blueprints(
    outputs: tuple[PluginOutput, ...], manifest: Manifest
) -> dict[str, LocatedBlueprint]:
    names = [COLLECTOR, *(output.name for output in outputs)]
    return resolve_placement(find_blueprints(names, manifest.blueprint_folders), live=True)
