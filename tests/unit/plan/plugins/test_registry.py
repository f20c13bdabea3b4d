from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floe_local.errors import InputError
from floe_local.plan.plugins.calls import call_plugin
from floe_local.plan.plugins.host import call_plugins
from floe_local.plan.plugins.loading import PluginEntry
from floe_local.plan.plugins.output import BackendRef
from floe_local.plan.plugins.registry import GROUPS, PluginRegistry
from floe_local.plan.values import Kind

if TYPE_CHECKING:
    from pathlib import Path

TELEMETRY = "floe.telemetry_backends"
LINEAGE = "floe.lineage_backends"
UNIFIED = "floe.observability"

UNIFIED_SOURCE = """
from floe_core.plugins import ObservabilityPlugin

class Both(ObservabilityPlugin):
    name = "both"
    floe_api_version = "1.0"

    def get_otlp_exporter_config(self):
        return {"exporters": {"debug": {}}}

    def get_lineage_config(self):
        return {"type": "console"}
"""


def entry(kind: str = "telemetry", name: str = "odd", **fields: str) -> PluginEntry:
    return PluginEntry(kind, name, fields.pop("target", "odd:Plugin"), **fields)


def refused(registry: PluginRegistry, kind: str, name: str) -> InputError:
    with pytest.raises(InputError) as caught:
        registry.get(kind, name)
    return caught.value


def test_lists_without_importing(plugin_site: Any) -> None:
    plugin_site.add(
        "raise RuntimeError('imported')",
        module="explosive",
        points={TELEMETRY: {"boom": "Plugin"}, "floe.blueprints": {"other": "x"}},
    )
    (found,) = [e for e in PluginRegistry().entries("telemetry") if e.name == "boom"]
    assert (found.distribution, found.version, found.target) == (
        "explosive",
        "1.2.3",
        "explosive:Plugin",
    )
    assert found.location == str(plugin_site.folder)
    assert "explosive" not in sys.modules


def test_knows_the_reference_plugins_of_this_repository() -> None:
    names = {(e.kind, e.name) for e in PluginRegistry().entries()}
    assert {("telemetry", "jaeger"), ("lineage", "marquez")} <= names


def test_imports_only_what_is_asked_for(plugin_site: Any, telemetry_source: Any) -> None:
    plugin_site.add(telemetry_source(), module="asked", points={TELEMETRY: {"asked": "Plugin"}})
    plugin_site.add(telemetry_source(), module="unasked", points={TELEMETRY: {"unasked": "Plugin"}})
    PluginRegistry().get("telemetry", "asked")
    assert "asked" in sys.modules
    assert "unasked" not in sys.modules


def test_gives_the_plugin_itself_with_its_extra_methods(
    plugin_site: Any, telemetry_source: Any
) -> None:
    source = telemetry_source("def rotate_keys(self):\n    return 'rotated'")
    plugin_site.add(source, module="extra", points={TELEMETRY: {"extra": "Plugin"}})
    assert PluginRegistry().get("telemetry", "extra").rotate_keys() == "rotated"


def test_a_broken_plugin_is_reported_and_hurts_no_other(
    plugin_site: Any, telemetry_source: Any
) -> None:
    plugin_site.add("import no_such_thing", module="broken", points={TELEMETRY: {"broken": "P"}})
    plugin_site.add(telemetry_source(), module="sound", points={TELEMETRY: {"sound": "Plugin"}})
    reports = {r.entry.name: r for r in PluginRegistry().load_all()}
    assert reports["sound"].error is None
    assert reports["sound"].plugin.version == "9.9.9"
    reason = str(reports["broken"].error)
    for part in ("broken 1.2.3", "ModuleNotFoundError", "no_such_thing", "broken.py:1"):
        assert part in reason


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import sys; sys.exit(3)", "called sys.exit(3)"),
        ("def (", "SyntaxError"),
        ("raise KeyError('gone')", "KeyError: 'gone'"),
        ("from floe_core.plugins import Nonsense", "cannot import name 'Nonsense'"),
        ("Other = 1", "broken has no 'Plugin'"),
        ("def __getattr__(name): raise OSError('lazy')", "OSError: lazy (/"),
        ("def Plugin(): raise OSError('factory')", "Plugin(…) raised OSError: factory (/"),
        ("Plugin = 7", "lacks get_otlp_exporter_config()"),
        ("class Plugin: pass", "lacks get_otlp_exporter_config(), get_helm_values()"),
    ],
)
def test_says_what_is_wrong_with_a_plugin(plugin_site: Any, source: str, said: str) -> None:
    plugin_site.add(source, module="broken", points={TELEMETRY: {"broken": "Plugin"}})
    error = refused(PluginRegistry(), "telemetry", "broken")
    assert said in error.reason
    assert "(broken 1.2.3)" in error.reason
    assert error.hint


MISSING = {
    "a dependency": ("import no_such_dep.core", "odd", "-m pip install no_such_dep`"),
    "a module of its own": ("", "odd.plugn", "Did its author mean 'plugin'?"),
    "floe_core's": ("import floe_core.other", "odd", "floe-local provides only floe_core.plugins"),
}


@pytest.mark.parametrize("case", MISSING)
def test_what_to_do_about_a_module_that_is_not_there(case: str, plugin_site: Any) -> None:
    source, module, advice = MISSING[case]
    package = plugin_site.folder / "odd"
    package.mkdir()
    (package / "__init__.py").write_text(source)
    (package / "plugin.py").write_text("")
    plugin_site.metadata("odd-floe", "1.0", {TELEMETRY: {"odd": f"{module}:Plugin"}})
    error = refused(PluginRegistry(), "telemetry", "odd")
    assert error.code == "plugin-import"
    assert "ModuleNotFoundError" in error.reason
    assert advice in error.hint


def test_an_entry_point_that_is_none_is_refused() -> None:
    registry = PluginRegistry([entry(target="no colon here")])
    assert "module:Class" in refused(registry, "telemetry", "odd").reason


def test_a_damaged_distribution_hurts_no_other(plugin_site: Any, telemetry_source: Any) -> None:
    plugin_site.add(telemetry_source(), module="sound", points={TELEMETRY: {"sound": "Plugin"}})
    damaged = plugin_site.folder / "damaged-1.dist-info"
    damaged.mkdir()
    (damaged / "entry_points.txt").write_text(f"[{TELEMETRY}]\nhurt = damaged:Plugin\n")
    names = {e.name: e.distribution for e in PluginRegistry().entries("telemetry")}
    assert names["sound"] == "sound"
    assert names["hurt"] == "unknown-distribution"


def test_two_plugins_of_one_name_are_refused_naming_both() -> None:
    registry = PluginRegistry(
        [
            entry(distribution="ours", version="1"),
            entry(distribution="theirs", version="2"),
            entry(kind="lineage", distribution="third"),
        ]
    )
    error = refused(registry, "telemetry", "odd")
    assert error.code == "plugin-ambiguous"
    assert "ours 1" in error.reason
    assert "theirs 2" in error.reason
    assert "third" not in error.reason


def test_an_unknown_name_is_explained() -> None:
    registry = PluginRegistry([entry(name="tempo"), entry(kind="lineage", name="atlas")])
    with pytest.raises(InputError) as caught:
        registry.find("telemetry", "tempi", where="manifest.yaml:3")
    error = caught.value
    assert error.reason == "manifest.yaml:3: no telemetry plugin for 'tempi' is installed"
    assert "Did you mean 'tempo'?" in error.hint
    assert GROUPS["telemetry"] in error.hint
    assert sys.prefix in error.hint


@pytest.mark.parametrize(
    ("marker", "command"),
    [
        ("uv-receipt.toml", "uv tool install floe-local --with <its distribution>"),
        ("pipx_metadata.json", "pipx inject floe-local <its distribution>"),
        ("pyvenv.cfg", "-m pip install <its distribution>"),
    ],
)
def test_says_how_a_plugin_is_added_to_this_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, marker: str, command: str
) -> None:
    (tmp_path / marker).touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    hint = refused(PluginRegistry([]), "telemetry", "tempo").hint
    assert command in hint
    assert str(tmp_path) in hint


def test_a_name_of_the_other_kind_is_explained() -> None:
    registry = PluginRegistry([entry(kind="lineage", name="atlas")])
    assert "lineage_backend" in refused(registry, "telemetry", "atlas").hint


@given(name=st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40))
def test_never_suggests_a_public_package(name: str) -> None:
    error = refused(PluginRegistry([entry(name="tempo")]), "telemetry", f"{name}?")
    assert "install <its distribution>" in error.hint
    assert f"install {name}?" not in error.hint
    assert "install floe-" not in error.hint


@pytest.mark.parametrize("version", ["1.0", "1.9.3", "2.0.0", "2", "v2.1", ""])
def test_loads_plugins_for_floe_api_1_and_2(
    plugin_site: Any, telemetry_source: Any, version: str
) -> None:
    source = telemetry_source(f"floe_api_version = {version!r}")
    plugin_site.add(source, module="aged", points={TELEMETRY: {"aged": "Plugin"}})
    assert PluginRegistry().get("telemetry", "aged").floe_api_version == version


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("'0.9'", "0.9"),
        ("'3.0.0'", "3.0.0"),
        ("'22.0'", "22.0"),
        ("'next'", "next"),
        ("3", "3"),
        ("3.0", "3.0"),
        ("(3, 0)", "3.0"),
        ("[3, 0, 1]", "3.0.1"),
    ],
)
def test_refuses_other_floe_apis_with_the_reason(
    plugin_site: Any, telemetry_source: Any, written: str, told: str
) -> None:
    source = telemetry_source(f"floe_api_version = {written}")
    plugin_site.add(source, module="aged", points={TELEMETRY: {"aged": "Plugin"}})
    error = refused(PluginRegistry(), "telemetry", "aged")
    assert error.code == "plugin-api-version"
    assert f"floe API {told}" in error.reason


@pytest.mark.parametrize(("version", "told"), [("2", "2"), ("1.0", "1.0"), ("(2, 1)", "2.1")])
def test_a_number_says_which_floe_api_a_plugin_was_written_for(
    plugin_site: Any, telemetry_source: Any, version: str, told: str
) -> None:
    source = telemetry_source(f"floe_api_version = {version}")
    plugin_site.add(source, module="aged", points={TELEMETRY: {"aged": "Plugin"}})
    (output,) = call_plugins([BackendRef(kind=Kind.TELEMETRY, name="aged")])
    assert output.floe_api_version == told
    assert output.warnings == ()


def test_metadata_may_be_properties(plugin_site: Any, telemetry_source: Any) -> None:
    source = telemetry_source("@property\ndef floe_api_version(self):\n    return '7.0'")
    plugin_site.add(source, module="aged", points={TELEMETRY: {"aged": "Plugin"}})
    assert refused(PluginRegistry(), "telemetry", "aged").code == "plugin-api-version"


@pytest.mark.parametrize("metadata", ["version", "floe_api_version"])
def test_metadata_that_raises_is_blamed_on_the_plugin(
    plugin_site: Any, telemetry_source: Any, metadata: str
) -> None:
    source = telemetry_source(f"@property\ndef {metadata}(self):\n    raise OSError('no file')")
    plugin_site.add(source, module="aged", points={TELEMETRY: {"aged": "Plugin"}})
    registry = PluginRegistry()
    with pytest.raises(InputError, match=r"'aged' \(aged 1\.2\.3\): .* raised OSError: no file"):
        call_plugin(
            registry.get("telemetry", "aged"),
            Kind.TELEMETRY,
            entry=registry.find("telemetry", "aged"),
        )


def test_an_instance_may_stand_at_the_entry_point(plugin_site: Any, telemetry_source: Any) -> None:
    source = f"{telemetry_source()}\nready = Plugin()"
    plugin_site.add(source, module="made", points={TELEMETRY: {"made": "ready"}})
    assert PluginRegistry().get("telemetry", "made").name == "odd"
    with pytest.raises(InputError, match="takes no config, and was given: level"):
        PluginRegistry().get("telemetry", "made", {"level": 1})


def test_plugins_are_known_by_their_methods_not_their_base(
    plugin_site: Any, telemetry_source: Any
) -> None:
    source = telemetry_source().replace("(TelemetryBackendPlugin)", "")
    plugin_site.add(source, module="duck", points={TELEMETRY: {"duck": "Plugin"}})
    assert PluginRegistry().get("telemetry", "duck").name == "odd"


def test_floe_core_is_stood_in_for_and_leaves_no_trace(
    plugin_site: Any, telemetry_source: Any
) -> None:
    assert find_spec("floe_core") is None, "this test is about machines without floe-core"
    top = "from floe_core.plugins.telemetry import TelemetryBackendPlugin as Same"
    source = telemetry_source("same = Same is TelemetryBackendPlugin", top=top)
    plugin_site.add(source, module="stood", points={TELEMETRY: {"stood": "Plugin"}})
    finders = list(sys.meta_path)
    assert PluginRegistry().get("telemetry", "stood").same
    assert sys.meta_path == finders
    assert not [name for name in sys.modules if name.startswith("floe_core")]
    assert find_spec("floe_core") is None


def test_an_installed_floe_core_wins(plugin_site: Any, telemetry_source: Any) -> None:
    package = plugin_site.folder / "floe_core"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "plugins.py").write_text("class TelemetryBackendPlugin: real = True\n")
    plugin_site.add(telemetry_source(), module="real", points={TELEMETRY: {"real": "Plugin"}})
    assert PluginRegistry().get("telemetry", "real").real
    assert str(plugin_site.folder) in str(sys.modules["floe_core"].__file__)


def test_a_unified_plugin_serves_both_kinds(plugin_site: Any) -> None:
    plugin_site.add(UNIFIED_SOURCE, module="unified", points={UNIFIED: {"both": "Both"}})
    registry = PluginRegistry()
    for kind in ("telemetry", "lineage"):
        assert registry.find(kind, "both", unified=True).target == "unified:Both"
        with pytest.warns(DeprecationWarning, match="ObservabilityPlugin is deprecated"):
            registry.get(kind, "both")


def test_a_missing_unified_plugin_is_explained_with_what_to_write() -> None:
    registry = PluginRegistry([entry(name="tempo"), entry(kind="lineage", name="atlas")])
    assert registry.find("telemetry", "tempo", unified=True).name == "tempo"
    with pytest.raises(InputError) as caught:
        registry.find("lineage", "tempo", unified=True)
    assert "`observability: tempo`" in caught.value.reason
    assert "telemetry_backend: tempo, lineage_backend: atlas" in caught.value.hint


def test_the_registry_is_exported() -> None:
    import floe_local  # noqa: PLC0415

    assert floe_local.PluginRegistry is PluginRegistry
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = floe_local.Nonsense
