"""What is asked of a plugin; what it returned, exactly as returned."""

from __future__ import annotations

from typing import Any

from floe_local.plan.values import Frozen, Kind

RETURNED = ("exporter_config", "pipeline_config", "transport", "namespace_strategy", "helm_values")


class BackendRef(Frozen):
    """A backend as the manifest names it. `config` goes to the plugin's constructor.

    `defaults` lie under it: its blueprint's, for local use; keys that the plugin does not
    know are left out, where an unknown key of `config` is an error.
    `where` is the place in the manifest that named it (``manifest.yaml:7``). `unified`: it was
    named under the deprecated ``plugins: {observability: NAME}``, which makes two references,
    one of each kind. `version` and `connection_secret_ref` are the rest of floe's.
    """

    kind: Kind
    name: str
    config: dict[str, Any] = {}
    defaults: dict[str, Any] = {}
    version: str | None = None
    connection_secret_ref: str | None = None
    where: str = ""
    unified: bool = False


class PluginOutput(Frozen):
    """All that a plugin returned, untouched, with who it is.

    `exporter_config` is get_otlp_exporter_config(); `pipeline_config` the optional
    get_pipeline_config() of an older floe contract; `transport`, `namespace_strategy`
    and `helm_values` the methods of those names (ADR-0035). What the plugin's kind has
    no method for is None. `ignored_keys` are the keys of its defaults that it does not know.
    """

    kind: Kind
    name: str
    distribution: str = ""
    distribution_version: str = ""
    plugin_version: str = ""
    floe_api_version: str = ""
    exporter_config: Any = None
    pipeline_config: Any = None
    transport: Any = None
    namespace_strategy: Any = None
    helm_values: Any = None
    warnings: tuple[str, ...] = ()
    ignored_keys: tuple[str, ...] = ()

    @property
    def who(self) -> str:
        """The plugin as an error names it: name, distribution, version."""
        origin = f" ({self.distribution} {self.distribution_version})" if self.distribution else ""
        return f"{self.kind} plugin '{self.name}'{origin}"

    @property
    def returned(self) -> dict[str, Any]:
        """What its methods returned, by field."""
        return {name: getattr(self, name) for name in RETURNED}
