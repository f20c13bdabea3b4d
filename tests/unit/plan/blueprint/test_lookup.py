from __future__ import annotations

import json
import sys
from importlib.util import spec_from_file_location
from typing import TYPE_CHECKING

import pytest
import yaml

from floe_local.errors import InputError
from floe_local.plan.blueprint.lookup import find_blueprint, find_blueprints, shipped_names
from floe_local.plan.blueprint.model import Naming, compose_folder, placeholders
from floe_local.plan.blueprint.reader import read_blueprint
from floe_local.plan.values import Signal
from floe_local.prove.canaries import plan
from floe_local.signals.shared.model import module_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import PluginSite

OWN = """
blueprint: 1
name: own
title: A company's own
kind: telemetry
accepts: [traces]
ingest: {otlp-grpc: otlp}
services:
  own:
    image: {upstream: "own:1"}
    endpoints:
      - {name: otlp, port: 4317, protocol: otlp-grpc}
      - {name: api, port: 80}
    ready: {endpoint: api, path: /}
readback:
  traces:
    - name: trace
      each: trace
      request: {endpoint: api, path: "/t/{trace_id}"}
      expect:
        - {field: id, query: id, equals: "{trace_id}"}
      absent: {status: 404}
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write blueprint.yaml into a folder of the given name."""

    def run(text: str, name: str = "own", place: str = "blueprints") -> Path:
        folder = tmp_path / place / name
        folder.mkdir(parents=True)
        (folder / "blueprint.yaml").write_text(text, encoding="utf-8")
        return folder

    return run


def test_every_shipped_blueprint_is_right() -> None:
    for name in shipped_names():
        assert read_blueprint(compose_folder() / name, "floe-local", name)


def test_what_is_required_comes_first() -> None:
    assert list(find_blueprints(["marquez", "jaeger"])) == ["postgres", "marquez", "jaeger"]


def test_a_name_without_a_blueprint_is_left_out() -> None:
    assert find_blueprints(["no-such-backend"]) == {}


@pytest.mark.parametrize("name", ["../compose/jaeger", "..", ".", "/etc"])
def test_a_name_is_no_path(name: str) -> None:
    assert find_blueprint(name) is None


def test_the_manifests_folders_go_first(write: Callable[..., Path]) -> None:
    folder = write(OWN.replace("name: own", "name: jaeger", 1), "jaeger")

    for given in (folder, folder.parent):
        located = find_blueprint("jaeger", [given])
        assert located is not None
        assert (located.folder, located.source) == (folder, "local.blueprints")


def test_a_folder_may_be_called_otherwise_than_its_blueprint(write: Callable[..., Path]) -> None:
    folder = write(OWN.replace("name: own", "name: jaeger", 1), "mine")

    located = find_blueprint("jaeger", [folder])

    assert located is not None
    assert located.folder == folder
    assert find_blueprint("own", [folder]) is None


def test_a_plugin_brings_its_blueprint_without_being_imported(plugin_site: PluginSite) -> None:
    package = plugin_site.folder / "acme" / "backend"
    package.mkdir(parents=True)
    for folder in (package.parent, package):
        (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "blueprint.yaml").write_text(OWN)
    points = {"floe_local.blueprints": {"own": "acme.backend"}}
    plugin_site.metadata("acme-telemetry", "3.2.1", points)

    located = find_blueprint("own")

    assert located is not None
    assert (located.folder, located.source) == (package, "acme-telemetry 3.2.1")
    assert "acme" not in sys.modules


def test_an_entry_point_to_nothing_names_its_distribution(plugin_site: PluginSite) -> None:
    plugin_site.metadata("acme", "1.0", {"floe_local.blueprints": {"own": "acme.nowhere"}})

    with pytest.raises(InputError, match=r"acme 1\.0: entry point 'own'"):
        find_blueprint("own")


@pytest.mark.parametrize("regular", [False, True], ids=["namespace", "regular package"])
def test_a_blueprint_in_a_folder_without_init(plugin_site: PluginSite, *, regular: bool) -> None:
    folder = plugin_site.folder / "corp" / "zed" / "data"
    folder.mkdir(parents=True)
    (folder / "blueprint.yaml").write_text(OWN)
    if regular:
        (folder.parents[1] / "__init__.py").write_text("raise RuntimeError('imported')")
    plugin_site.metadata("acme", "1.0", {"floe_local.blueprints": {"own": "corp.zed.data"}})

    located = find_blueprint("own")

    assert located is not None
    assert located.folder == folder
    assert "corp" not in sys.modules


def test_a_plugin_does_not_bring_a_part_that_floe_local_ships(
    plugin_site: PluginSite, write: Callable[..., Path]
) -> None:
    package = plugin_site.folder / "acme"
    package.mkdir()
    text = OWN.replace("name: own", "name: collector", 1)
    (package / "blueprint.yaml").write_text(text)
    plugin_site.metadata("acme-floe", "1.0", {"floe_local.blueprints": {"collector": "acme"}})

    with pytest.raises(InputError, match=r"acme-floe 1\.0: .* 'collector' .* ships") as caught:
        find_blueprints(["jaeger", "collector"])
    assert caught.value.code == "blueprint-reserved"
    on_purpose = find_blueprint("collector", [write(text, "collector")])
    assert on_purpose is not None
    assert on_purpose.source == "local.blueprints"


@pytest.mark.parametrize("value", ["corp/data", "corp..data", ".corp", ""])
def test_an_entry_point_that_is_no_package(plugin_site: PluginSite, value: str) -> None:
    plugin_site.metadata("acme", "1.0", {"floe_local.blueprints": {"own": value}})

    with pytest.raises(InputError, match=r"acme 1\.0: entry point 'own' of floe_local.blueprints"):
        find_blueprint("own")


class EditableFinder:
    """Finds packages as setuptools' editable installs do: each in a folder of its own."""

    def __init__(self, mapping: dict[str, Path]) -> None:
        self._mapping = mapping

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> object:
        if name not in self._mapping:
            return None
        return spec_from_file_location(name, self._mapping[name] / "__init__.py")


@pytest.mark.parametrize("package", ["zed_pkg", "zed_namespace.zed"])
def test_a_blueprint_in_an_editable_install(
    package: str, plugin_site: PluginSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    (folder / "blueprint.yaml").write_text(OWN)
    finder = EditableFinder({package: folder})
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, finder])
    plugin_site.metadata("zed", "1.0", {"floe_local.blueprints": {"own": package}})

    located = find_blueprint("own")

    assert located is not None
    assert located.folder == folder


def test_two_blueprints_of_one_name(write: Callable[..., Path]) -> None:
    first, second = write(OWN, place="a"), write(OWN, place="b")

    with pytest.raises(InputError) as caught:
        find_blueprint("own", [first.parent, second.parent])
    assert str(first) in caught.value.reason
    assert str(second) in caught.value.reason


def test_two_blueprints_of_one_name_in_one_folder(write: Callable[..., Path]) -> None:
    folder = write(OWN).parent
    (folder / "blueprint.yaml").write_text(OWN, encoding="utf-8")

    with pytest.raises(InputError, match="two blueprints are called 'own'"):
        find_blueprint("own", [folder])


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"local\.blueprints: .* is not a folder"):
        find_blueprint("own", [tmp_path / "none"])


def test_a_required_blueprint_that_is_missing(write: Callable[..., Path]) -> None:
    folder = write(OWN + "requires: [ghost]\n")

    with pytest.raises(InputError, match="requires: there is no blueprint 'ghost'"):
        find_blueprints(["own"], [folder])


def test_a_blueprint_that_requires_itself(write: Callable[..., Path]) -> None:
    write(OWN + "requires: [two]\n")
    folder = write(OWN.replace("name: own", "name: two", 1) + "requires: [own]\n", "two")

    with pytest.raises(InputError, match="own → two → own"):
        find_blueprints(["own"], [folder.parent])


MISTAKES = {
    "unknown key": ("title:", "titel:", ":4: titel: unknown key"),
    "wrong type": ("port: 80", "port: eighty", ":13: services.own.endpoints[1].port: "),
    "unknown ingest endpoint": ("otlp-grpc: otlp}", "otlp-grpc: otpl}", "did you mean 'otlp'"),
    "unknown ready endpoint": ("{endpoint: api, path: /}", "{endpoint: ipa, path: /}", ":14: "),
    "unknown request endpoint": ('{endpoint: api, path: "/t', '{endpoint: x, path: "/t', ":19: "),
    "unknown placeholder": ("/t/{trace_id}", "/t/{traceid}", "did you mean 'trace_id'"),
    "placeholder of another canary": (
        "/t/{trace_id}",
        "/t/{run_id}",
        "unknown placeholder {run_id}",
    ),
    "placeholder in an expectation": ('equals: "{trace_id}"', 'equals: "{id}"', ":21: "),
    "placeholder inside an expectation": (
        'equals: "{trace_id}"',
        'equals: {a: [1, "x{id}"]}',
        ":21: readback.traces[0].expect[0].equals.a[1]: unknown placeholder {id}",
    ),
    "placeholder in an expectation's query": (
        "query: id",
        "query: \"a[?b=='{bogus}']\"",
        ":21: readback.traces[0].expect[0].query: unknown placeholder {bogus}",
    ),
    "unknown function": (
        "query: id",
        "query: 'a.b | max_by(c, &lenght(d))'",
        ":21: readback.traces[0].expect[0].query: unknown function lenght(): did you mean 'length'",
    ),
    "broken expectation": (
        "query: id",
        "query: 'id['",
        ":21: readback.traces[0].expect[0].query: no",
    ),
    "probe that cannot say no": (
        "      absent: {status: 404}",
        "",
        ":16: readback.traces: no probe has `absent`",
    ),
    "probe that decodes what is no trace": (
        "each: trace",
        "each: span\n      decode: otlp-json",
        ":19: readback.traces[0].decode: is for each: trace",
    ),
    "probe to which everything is absent": (
        "absent: {status: 404}",
        "absent: {status: 200}",
        "readback.traces[0].absent: holds of every answer",
    ),
    "name in upper case": (
        "name: own",
        "name: Own",
        ":3: name: 'Own' is not a valid name: write lower-case letters",
    ),
    "probe that expects nothing": (
        '      expect:\n        - {field: id, query: id, equals: "{trace_id}"}\n',
        "",
        "readback.traces[0]: expects nothing",
    ),
    "unknown field that is lost": (
        "      absent: {status: 404}",
        "      loses: {fields: [traceState, resource.schemaURL]}\n      absent: {status: 404}",
        ".loses.fields[1]: there is no field 'resource.schemaURL': did you mean 'resource.schemaUrl'",
    ),
    "another name": ("name: own", "name: owned", ":3: name: is 'owned', but it was found as 'own'"),
    "no image": (
        '{upstream: "own:1"}',
        "{}",
        ":10: services.own.image: names neither an `upstream` nor a `recipe`",
    ),
    "volume that is a path": (
        "    ready:",
        "    volumes: {../../x: /data}\n    ready:",
        ":14: services.own.volumes.../../x: is not a valid volume name",
    ),
    "recipe outside": (
        '{upstream: "own:1"}',
        "{recipe: ../../x}",
        ":10: services.own.image.recipe: a path",
    ),
    "file outside": (
        "    ready:",
        "    files: [{source: ../../etc/passwd, target: /x}]\n    ready:",
        ":14: services.own.files[0].source: a path outside",
    ),
    "file that is not there": (
        "    ready:",
        "    files: [{source: own.conf, target: /x}]\n    ready:",
        "there is no file 'own.conf' beside the blueprint",
    ),
    "environment placeholder": (
        "    ready:",
        "    environment: {PW: '{password}'}\n    ready:",
        ":14: services.own.environment.PW: unknown placeholder {password}",
    ),
    "unknown dependency": (
        "    ready:",
        "    depends_on: [db]\n    ready:",
        "services.own.depends_on: there is no service 'db'",
    ),
    "unknown key of a service": ("    ready:", "    redy:", "services.own.redy: unknown key: did "),
    "unknown key of an endpoint": (
        "port: 80}",
        "port: 80, hostport: 80}",
        ":13: services.own.endpoints[1].hostport: unknown key: did you mean 'host_port'?",
    ),
    "unknown key of a probe": ("absent:", "absend:", "absend: unknown key: did you mean 'absent'?"),
    "ingest by an exporter's type": (
        "otlp-grpc: otlp}",
        "otlp_http: api}",
        ":7: ingest.otlp_http: there is no protocol 'otlp_http': did you mean 'otlp-http'?",
    ),
    "ingest by its old type": ("otlp-grpc: otlp}", "otlphttp: api}", "did you mean 'otlp-http'?"),
    "ingest by a nickname": ("otlp-grpc: otlp}", "otlp: otlp}", "did you mean 'otlp-grpc'?"),
    "ingest in camel case": ("otlp-grpc: otlp}", "OpenLineage: api}", "'openlineage'?"),
    "ingest by an endpoint of another protocol": (
        "otlp-grpc: otlp}",
        "otlp-http: otlp}",
        ":7: ingest.otlp-http: 'otlp' is declared as protocol: otlp-grpc: name the endpoint",
    ),
    "a signal that is not accepted": ("  traces:\n", "  logs:\n", "`accepts` does not list logs"),
    "a canary of another signal": (
        "each: trace",
        "each: log",
        ":18: readback.traces[0].each: 'log' is never sent as traces: write trace or span",
    ),
    "duplicate key": ("title:", "name: x\ntitle:", ":4: name: duplicate key"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_told_with_file_line_and_field(case: str, write: Callable[..., Path]) -> None:
    before, after, expected = MISTAKES[case]
    assert before in OWN
    folder = write(OWN.replace(before, after, 1))

    with pytest.raises(InputError) as caught:
        read_blueprint(folder, "acme 1.0", "own")

    assert expected in caught.value.reason
    assert str(folder / "blueprint.yaml") in caught.value.reason


@pytest.mark.parametrize(
    "query",
    ["a[0:2].b[].{n: length(c)}", "sort_by(a, &b)[?c=='{trace_id}' && !d] | [-1]", "[a, `1`]", "@"],
)
def test_a_query_may_be_any_jmespath(query: str, write: Callable[..., Path]) -> None:
    folder = write(OWN.replace("query: id", f"query: {json.dumps(query)}"))

    assert read_blueprint(folder, "acme 1.0", "own")


def test_a_symbolic_link_does_not_lead_outside(write: Callable[..., Path], tmp_path: Path) -> None:
    text = OWN.replace("    ready:", "    files: [{source: link, target: /x}]\n    ready:")
    folder = write(text)
    (tmp_path / "secret").write_text("x")
    (folder / "link").symlink_to(tmp_path / "secret")

    with pytest.raises(InputError, match="a path outside the blueprint's folder"):
        read_blueprint(folder, "acme 1.0", "own")


def test_all_mistakes_are_told_at_once(write: Callable[..., Path]) -> None:
    folder = write(OWN.replace("/t/{trace_id}", "/t/{x}").replace("query: id", "query: '['"))

    with pytest.raises(InputError) as caught:
        read_blueprint(folder, "acme 1.0", "own")

    assert len(caught.value.reason.splitlines()) == 2
    assert "acme 1.0" in caught.value.hint


def test_the_default_manifest_names_shipped_backends() -> None:
    manifest = yaml.safe_load((compose_folder() / "default-manifest.yaml").read_text())

    assert set(manifest["plugins"].values()) <= set(shipped_names())


def test_placeholders_are_those_that_a_proof_fills_in() -> None:
    canaries = plan("ns", ("grpc",), frozenset(Signal))
    items = [
        item
        for signal in Signal
        for one in canaries.of(signal)
        for item in module_of(signal).expected(one, "ns", Naming())
    ]

    assert {item.each: frozenset(item.values) for item in items} == placeholders()


PLAYED = """
blueprint: 1
name: own
title: A company's own
kind: telemetry
accepts: [traces]
sandbox:
  exporters: {otlp_http: {endpoint: "{sandbox}{path}", headers.X-Key: "0123456789abcdef"}}
  extensions: {bearertokenauth: {token: "0123456789abcdef"}}
  environment: {OWN_TOKEN: "0123456789abcdef", OWN_SITE: eu}
  credential: {kind: header, header: X-Key, value: "0123456789abcdef", form: "[0-9a-f]{16}"}
  routes: [{name: traces, path: /v1/traces, decode: otlp, signal: traces}]
  readback:
    traces:
      - name: trace
        each: trace
        request: {endpoint: control, path: "/received/traces/{trace_id}"}
        decode: otlp-json
        select: resourceSpans
        absent: {status: 404}
"""
BASIC = "kind: basic, value: {username: me, password: pass}, form: 'me:.*'}"
MISPLAYED = {
    "another dummy in an exporter": (
        'headers.X-Key: "0123456789abcdef"',
        "headers.X-Key: dummy",
        ":8: sandbox.exporters.otlp_http.headers.X-Key: is 'dummy', and the recorder expects",
    ),
    "another dummy in an extension": ('token: "0123456789abcdef"', "token: dummy", ":9: "),
    "another dummy in the environment": ('N: "0123456789abcdef"', "N: dummy", ":10: "),
    "a dummy that is not of its form": ("[0-9a-f]{16}", "[0-9]{16}", "credential.value: is not of"),
    "text for a pair": ("kind: header", "kind: basic", "for kind: basic, write username, password"),
    "a pair for text": (
        'value: "0123456789abcdef"',
        "value: {username: a, password: b}",
        "for kind: header, write a text",
    ),
    "unknown decoder": ("decode: otlp,", "decode: json,", "unknown decoder 'json': "),
    "misspelt decoder": ("decode: otlp,", "decode: oltp,", "did you mean 'otlp'?"),
    "misspelt control path": (
        "/received/traces",
        "/recieved/traces",
        "is not one of the recorder's",
    ),
    "no such signal there": ("/received/traces", "/received/trace", "write /received/traces/"),
    "unknown placeholder": ('"{sandbox}{path}"', '"{sandbx}"', "did you mean 'sandbox'?"),
    "unknown endpoint": ("endpoint: control", "endpoint: contrl", "did you mean 'control'?"),
}


@pytest.mark.parametrize("case", MISPLAYED)
def test_a_sandbox_that_could_not_play_is_told_with_line_and_field(
    case: str, write: Callable[..., Path]
) -> None:
    before, after, expected = MISPLAYED[case]
    assert before in PLAYED
    folder = write(PLAYED.replace(before, after, 1))

    with pytest.raises(InputError) as caught:
        read_blueprint(folder, "acme 1.0", "own")

    assert expected in caught.value.reason


@pytest.mark.parametrize(("header", "mistakes"), [("Basic bWU6cGFzcw==", 0), ("Basic YTpi", 1)])
def test_a_dummy_may_be_written_as_basic_authentication_has_it(
    header: str, mistakes: int, write: Callable[..., Path]
) -> None:
    start, end = PLAYED.index("kind: header"), PLAYED.index("\n  routes")
    text = (PLAYED[:start] + BASIC + PLAYED[end:]).replace("  extensions:", "  x:", 1)
    lines = [line for line in text.splitlines() if not line.startswith(("  x:", "  environment:"))]
    folder = write(
        "\n".join(lines).replace(
            'headers.X-Key: "0123456789abcdef"', f'headers.Authorization: "{header}"'
        )
    )

    if not mistakes:
        assert read_blueprint(folder, "acme 1.0", "own")
        return
    with pytest.raises(InputError, match="the recorder expects"):
        read_blueprint(folder, "acme 1.0", "own")


def test_a_blueprint_that_is_played_is_right(write: Callable[..., Path]) -> None:
    assert read_blueprint(write(PLAYED), "acme 1.0", "own")
