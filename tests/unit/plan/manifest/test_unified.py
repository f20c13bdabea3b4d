"""`observability: NAME` keeps working where only split plugins of that name are installed."""

from __future__ import annotations

import pytest

from floe_local.errors import InputError
from floe_local.plan.manifest.model import Manifest
from floe_local.plan.manifest.reader import resolve_deprecated
from floe_local.plan.plugins.loading import PluginEntry
from floe_local.plan.plugins.output import BackendRef
from floe_local.plan.plugins.registry import PluginRegistry
from floe_local.plan.values import Kind


def named(name: str = "tempo") -> Manifest:
    """What the reader makes of ``observability: NAME``."""
    where = "manifest.yaml:2"
    refs = [BackendRef(kind=kind, name=name, unified=True, where=where) for kind in Kind]
    return Manifest(backends=tuple(refs))


def installed(*kinds: str) -> PluginRegistry:
    return PluginRegistry(PluginEntry(kind, "tempo", "a:B") for kind in kinds)


def test_a_unified_plugin_serves_both_without_more_ado() -> None:
    assert resolve_deprecated(named(), installed("observability", "telemetry")) == named()


def test_both_split_plugins_serve_with_a_warning_that_says_what_to_write() -> None:
    found = resolve_deprecated(named(), installed("telemetry", "lineage"))
    assert found.backends == named().backends
    (warning,) = found.warnings
    assert warning.startswith("manifest.yaml:2: plugins.observability: no unified plugin 'tempo'")
    assert "telemetry_backend: tempo, lineage_backend: tempo" in warning


@pytest.mark.parametrize(("kind", "other"), [("telemetry", "lineage"), ("lineage", "telemetry")])
def test_one_split_plugin_serves_and_the_other_is_told_to_be_missing(kind: str, other: str) -> None:
    found = resolve_deprecated(named(), installed(kind))
    assert [ref.kind for ref in found.backends] == [kind]
    (warning,) = found.warnings
    assert f"the {kind} plugin of that name serves; {other} has no backend" in warning
    assert f"{other}_backend: …" in warning


def test_where_none_serves_the_look_up_explains() -> None:
    registry = PluginRegistry([PluginEntry("telemetry", "other", "a:B")])
    found = resolve_deprecated(named(), registry)
    assert found == named()
    with pytest.raises(InputError, match="no telemetry plugin for `observability: tempo`"):
        registry.find(Kind.TELEMETRY, "tempo", unified=found.backends[0].unified)


def test_other_backends_are_left_alone() -> None:
    manifest = Manifest(backends=(BackendRef(kind=Kind.TELEMETRY, name="nowhere"),))
    assert resolve_deprecated(manifest, installed()) == manifest
