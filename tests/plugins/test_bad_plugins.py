"""Each check fails on a plugin that breaks what it is for, and names plugin and field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from floe_local.conformance.checks import CHECKS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from floe_local.conformance.report import PluginReport
    from tests.plugins.conftest import Workbench

    Failures = Callable[[PluginReport], set[str]]

CONFIG = "def get_otlp_exporter_config(self):\n    "
VALIDATE = "def validate_connection(self):\n    "
NAMESPACE = "def get_namespace_strategy(self):\n    "
PIPELINES = "'service': {'pipelines': {'traces': {'receivers': ['otlp'], 'exporters': ['otlp/a']}}}"


class Case(NamedTuple):
    """What breaks a plugin, which checks fail for it, and what the first of them says."""

    members: str
    fails: set[str]
    told: str
    top: str = ""
    kind: str = "telemetry"


CASES = {
    "another name": Case("name = 'other'", {"metadata"}, "`name` is 'other'"),
    "no semantic version": Case("version = '1'", {"metadata"}, "`version` is '1'"),
    "no api version": Case("floe_api_version = None", {"metadata"}, "'<NoneType>', not 1.x"),
    "another api": Case("floe_api_version = '3.0'", {"metadata"}, "floe API 3.0"),
    "lacks methods": Case("get_helm_values = None", {"methods"}, "lacks get_helm_values()"),
    "no import": Case("", {"methods"}, "raised ModuleNotFoundError", top="import nowhere_at_all"),
    "raises": Case(CONFIG + "raise OSError('disk')", {"methods"}, "raised OSError: disk"),
    "ends the process": Case(CONFIG + "import os; os._exit(3)", {"methods"}, "exit code 3"),
    "a list": Case(CONFIG + "return ['x']", {"shape", "compiles"}, "returned list, not a dict"),
    "no config": Case(CONFIG + "return {'a': 1}", {"shape", "compiles"}, "no 'exporters'"),
    "no type": Case(
        "def get_transport_config(self):\n    return {'url': 'http://odd:1'}",
        {"shape", "compiles"},
        "returned no `type`",
        kind="lineage",
    ),
    "objects": Case(CONFIG + "return {'exporters': object()}", {"json"}, "exporters is an object"),
    "a literal secret": Case(
        CONFIG + "return {'exporters': {'otlp/a': {'endpoint': 'a:1', 'headers': "
        "{'api_key': '0123456789'}}}, " + PIPELINES + "}",
        {"credentials", "compiles"},
        "exporter_config.exporters.otlp/a.headers.api_key holds a credential written out",
    ),
    "a secret in Helm values": Case(
        "def get_helm_values(self):\n    return {'odd': {'db': {'password': 'hunter2hunter2'}}}",
        {"credentials"},
        "helm_values.odd.db.password",
    ),
    "a variable's value": Case(
        CONFIG + "import os; return {'exporters': {'otlp/a': {'endpoint': 'a:1', 'headers': "
        "{'x': os.environ.get('ODD_API_KEY', '')}}}, " + PIPELINES + "}",
        {"credentials"},
        "exporter_config holds the value of ODD_API_KEY",
    ),
    "a value in Base64": Case(
        CONFIG + "import os, base64; "
        "raw = ('me:' + os.environ.get('ODD_TOKEN', '')).encode(); "
        "return {'exporters': {'otlp/a': {'endpoint': 'a:1', 'headers': "
        "{'x': base64.b64encode(raw).decode()}}}, " + PIPELINES + "}",
        {"credentials"},
        "exporter_config holds the value of ODD_TOKEN",
    ),
    "a value that is printed": Case(
        VALIDATE + "import os; print(os.environ.get('ODD_TOKEN')); raise ConnectionError('no')",
        {"credentials"},
        "what it prints holds the value of ODD_TOKEN",
    ),
    "a value in an error": Case(
        VALIDATE + "import os; raise ConnectionError(os.environ.get('ODD_TOKEN', 'unset'))",
        {"credentials"},
        "raised holds the value of ODD_TOKEN",
    ),
    "a look-up": Case(
        "",
        {"no-network"},
        "dialled license.example",
        top="import socket\ntry: socket.gethostbyname('license.example')\nexcept OSError: pass",
    ),
    "a connection": Case(
        "def get_helm_values(self):\n    import socket\n"
        "    try: socket.create_connection(('10.0.0.7', 443), 1)\n    except OSError: return {}",
        {"no-network"},
        "dialled 10.0.0.7:443",
    ),
    "a datagram": Case(
        "def get_helm_values(self):\n    import socket\n"
        "    with socket.socket(type=socket.SOCK_DGRAM) as s:\n"
        "        try: s.sendto(b'x', ('10.0.0.7', 8125))\n        except OSError: return {}",
        {"no-network"},
        "dialled 10.0.0.7:8125",
    ),
    "the order of a set": Case(
        CONFIG + "names = {f'otlp/{c}' for c in 'abcdefgh'}; "
        "return {'exporters': {n: {'endpoint': 'a:1'} for n in names}, 'service': {'pipelines': "
        "{'traces': {'receivers': ['otlp'], 'exporters': sorted(names)}}}}",
        {"deterministic"},
        "the order of the keys of exporter_config.exporters",
    ),
    "the time": Case(
        "def get_helm_values(self):\n    import time; return {'at': time.time_ns()}",
        {"deterministic"},
        "different answers: helm_values.at",
    ),
    "an unknown exporter": Case(
        CONFIG + "return {'exporters': {'otlp/b': {'endpoint': 'a:1'}}, " + PIPELINES + "}",
        {"compiles"},
        "'otlp/a' is not defined",
    ),
    "True, refused": Case(
        VALIDATE + "import urllib.request\n"
        "    try: urllib.request.urlopen('http://odd:3200')\n    except OSError: return True",
        {"connection-errors"},
        "returned True though odd:3200 refused",
    ),
    "another exception": Case(
        VALIDATE + "raise ValueError('no')", {"connection-errors"}, "raised ValueError"
    ),
    "neither": Case(VALIDATE + "return 'yes'", {"connection-errors"}, "returned str"),
    "any config": Case(
        "def __init__(self, **anything): pass", {"unknown-config"}, "a key that it does not know"
    ),
    "no strategy": Case(
        NAMESPACE + "return {'strategy': 'mine'}",
        {"compiles"},
        "unknown strategy 'mine'",
        kind="lineage",
    ),
    "no namespace": Case(
        NAMESPACE + "return {}", {"namespace"}, "returned no strategy", kind="lineage"
    ),
    "an illegal namespace": Case(
        NAMESPACE + "return {'strategy': 'custom', 'namespace': 'my shop'}",
        {"namespace"},
        "the namespace 'my shop'",
        kind="lineage",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_plugin_that_breaks_the_contract_is_told_which_part(
    case: str, bench: Workbench, failures: Failures
) -> None:
    members, fails, told, top, kind = CASES[case]
    report = bench.check(members, top=top, kind=kind)
    assert failures(report) == fails
    assert not report.ok
    reasons = [c.reason for c in report.checks if c.outcome == "failed"]
    assert any(told in reason for reason in reasons), reasons
    assert all(f"{kind} plugin 'odd' (odd-plugin 1.2.3)" in reason for reason in reasons)
    assert any(c.hint for c in report.checks if c.outcome == "failed")


def test_a_validation_that_hangs_is_ended(bench: Workbench, failures: Failures) -> None:
    report = bench.check(f"{VALIDATE}import time; time.sleep(600)", limit_s=1.0)
    assert failures(report) == {"connection-errors"}
    reason = report.result("connection-errors").reason
    assert "odd-plugin 1.2.3): validate_connection() did not end within 1 s (hung at" in reason
    assert "timeout" in report.result("connection-errors").hint


def test_helm_values_and_blueprint_that_disagree_are_told_with_the_field(
    bench: Workbench, failures: Failures
) -> None:
    bench.blueprint()
    report = bench.check("def get_helm_values(self): return {'odd': {'storage': 'disk'}}")
    assert failures(report) == {"helm-values"}
    reason = report.result("helm-values").reason
    assert "telemetry plugin 'odd' (odd-plugin 1.2.3): its Helm value odd.storage is disk" in reason
    assert "odd-data 0.1" in reason
    assert "locally it can be: memory" in reason


EXPECTING = {
    "name": "trace",
    "each": "trace",
    "request": {"endpoint": "api", "path": "/traces/{trace_id}"},
    "absent": {"status": 404},
}
BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "a broken expectation": (
        {
            "readback": {
                "traces": [{**EXPECTING, "expect": [{"field": "id", "query": "a[", "equals": 1}]}]
            }
        },
        "readback.traces.0.expect.0.query: no JMESPath",
    ),
    "an unknown placeholder": (
        {
            "readback": {
                "traces": [
                    {**EXPECTING, "expect": [{"field": "id", "query": "a", "equals": "{colour}"}]}
                ]
            }
        },
        "readback.traces.0.expect.0.equals: unknown placeholder {colour}",
    ),
    "a path outside": (
        {"services": {"odd": {"image": {"recipe": "../../elsewhere"}}}, "ingest": {}},
        "services.odd.image.recipe: a path outside the blueprint's folder",
    ),
    "the other kind": ({"kind": "lineage"}, "its blueprint (odd-data 0.1) says kind: lineage"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_blueprint_is_told_with_file_field_and_who_brought_it(
    case: str, bench: Workbench
) -> None:
    changes, told = BROKEN[case]
    bench.blueprint(**changes)
    result = bench.check().result("blueprint")
    assert result.outcome == "failed"
    assert result.reason.startswith("telemetry plugin 'odd' (odd-plugin 1.2.3): ")
    assert told in result.reason.replace("[", ".").replace("]", "") or told in result.reason
    assert "odd-data 0.1" in result.reason + result.hint


def test_two_blueprints_of_one_name_are_told_with_who_brought_them(bench: Workbench) -> None:
    bench.blueprint()
    bench.blueprint("more_data")
    result = bench.check().result("blueprint")
    assert result.outcome == "failed"
    assert "two blueprints are called 'odd'" in result.reason
    assert "odd-data 0.1" in result.reason
    assert "more-data 0.1" in result.reason


def test_what_the_collector_refuses_is_told(
    bench: Workbench, failures: Failures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    binary = tmp_path / "otelcol"
    binary.write_text("#!/bin/sh\necho \"'exporters' has invalid keys: end_point\" >&2\nexit 1\n")
    binary.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    report = bench.check(collector=True)
    assert failures(report) == {"collector"}
    assert "invalid keys: end_point" in report.result("collector").reason


def test_every_check_is_shown_to_fail() -> None:
    """By the cases above, and the tests of what needs more than a plugin."""
    shown = {name for case in CASES.values() for name in case.fails}
    assert shown | {"blueprint", "collector", "helm-values"} == set(CHECKS)
