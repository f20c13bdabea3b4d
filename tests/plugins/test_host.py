from __future__ import annotations

import os
import sys
import time
from typing import Any

import pytest

from floe_local.errors import InputError
from floe_local.plan.plugins.host import call_plugins
from floe_local.plan.plugins.output import BackendRef
from floe_local.plan.values import Kind

TELEMETRY = "floe.telemetry_backends"
REFERENCE = (
    BackendRef(kind=Kind.TELEMETRY, name="jaeger"),
    BackendRef(kind=Kind.LINEAGE, name="marquez"),
)
LIMIT_S = 20.0
CONFIG = "def get_otlp_exporter_config(self):\n    "


@pytest.fixture
def call(plugin_site: Any, telemetry_source: Any) -> Any:
    def call_with(
        members: str = "", *, top: str = "", limit_s: float = LIMIT_S, **config: Any
    ) -> Any:
        source = telemetry_source(members, top=top)
        plugin_site.add(source, module="odd", points={TELEMETRY: {"odd": "Plugin"}})
        ref = BackendRef(kind=Kind.TELEMETRY, name="odd", config=config, where="m.yaml:3")
        return call_plugins([ref], limit_s=limit_s)[0]

    return call_with


def refused(call: Any, *args: Any, **kwargs: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        call(*args, **kwargs)
    assert caught.value.reason.startswith("m.yaml:3: telemetry plugin 'odd' (odd 1.2.3)")
    assert caught.value.hint
    assert "Traceback" not in caught.value.reason
    return caught.value


def test_the_reference_plugins_answer_in_order() -> None:
    telemetry, lineage = call_plugins(REFERENCE)
    assert telemetry.exporter_config["exporters"]["otlp_grpc/jaeger"]["endpoint"] == "jaeger:4317"
    assert telemetry.distribution == "floe-telemetry-jaeger"
    assert lineage.transport["url"] == "http://marquez:5000"
    assert lineage.transport["timeout"] == 5.0
    assert "floe_telemetry_jaeger" not in sys.modules or telemetry.floe_api_version == "2.0.0"


def test_the_classes_of_the_adr_answer(adr_site: Any) -> None:
    del adr_site
    saas = (
        BackendRef(kind=Kind.TELEMETRY, name="datadog"),
        BackendRef(kind=Kind.LINEAGE, name="atlan"),
    )
    jaeger, marquez, datadog, atlan = call_plugins((*REFERENCE, *saas))
    assert jaeger.exporter_config["exporters"]["jaeger"]["endpoint"] == "jaeger:14250"
    assert marquez.transport["endpoint"] == "api/v1/lineage"
    assert datadog.exporter_config["exporters"]["datadog"]["api"]["key"] == "${env:DD_API_KEY}"
    assert atlan.namespace_strategy["strategy"] == "backend_managed"


def test_nothing_asked_starts_nothing() -> None:
    assert call_plugins([]) == ()


def test_config_reaches_the_plugin(call: Any) -> None:
    members = (
        "def __init__(self, endpoint): self.endpoint = endpoint\n"
        "def get_otlp_exporter_config(self): return {'exporters': {'x': {'e': self.endpoint}}}"
    )
    assert call(members, endpoint="café:1").exporter_config == {"exporters": {"x": {"e": "café:1"}}}


def test_the_callers_sdk_settings_do_not_reach_the_plugin(
    call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4317")
    monkeypatch.setenv("OPENLINEAGE_URL", "http://localhost:5000")
    monkeypatch.setenv("DD_SITE", "datadoghq.eu")
    meant = "('OTEL_', 'OPENLINEAGE_', 'DD_SITE')"  # a credential would be refused
    body = f"import os; return {{n: v for n, v in os.environ.items() if n.startswith({meant})}}"
    output = call(f"{CONFIG}{body}").exporter_config
    assert not [name for name in output if name.startswith(("OTEL_", "OPENLINEAGE_"))]
    assert output["DD_SITE"] == "datadoghq.eu"


def test_the_callers_folder_does_not_shadow_modules(
    call: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise RuntimeError('shadowed')")
    monkeypatch.chdir(tmp_path)
    assert call().exporter_config


def test_what_a_plugin_prints_does_not_meet_the_protocol(call: Any) -> None:
    noise = (
        "import os, sys, subprocess; print('{\"end\": true}'); os.write(1, b'x' * 2_000_000); "
        "os.write(2, b'y' * 3_000_000); subprocess.run([sys.executable, '-c', 'print(1)'], check=True)"
    )
    assert call(f"{CONFIG}{noise}; return {{'exporters': {{}}}}").exporter_config == {
        "exporters": {}
    }


def test_stdin_is_empty_for_a_plugin(call: Any) -> None:
    assert call(f"{CONFIG}import sys; return {{'read': sys.stdin.read()}}").exporter_config == {
        "read": ""
    }


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        (
            "raise RuntimeError('no backend today')",
            "plugin-raised",
            "RuntimeError: no backend today (/",
        ),
        (
            "import sys; sys.exit(4)",
            "plugin-raised",
            "get_otlp_exporter_config() called sys.exit(4)",
        ),
        ("import os; os._exit(0)", "plugin-crashed", "ended the process with exit code 0"),
        (
            "import os; print('bye'); os._exit(9)",
            "plugin-crashed",
            "exit code 9; its last words: bye",
        ),
        ("import os; os.abort()", "plugin-crashed", "was ended by SIGABRT"),
        ("import ctypes; ctypes.string_at(0)", "plugin-crashed", "was ended by SIGSEGV"),
        ("return ['exporters']", "plugin-returned-no-dict", "returned a list, not a dict"),
        ("return {'exporters': {'x': {1, 2}}}", "plugin-not-json", "exporters.x is a set"),
        ("return {'a': 'x' * 9 * 2**20}", "plugin-returned-too-much", "9 MiB"),
        ("return self.x()", "plugin-raised", "AttributeError"),
        ("def f(): f()\n    f()", "plugin-raised", "RecursionError"),
    ],
)
def test_says_what_a_method_did_wrong(call: Any, body: str, code: str, said: str) -> None:
    error = refused(call, f"{CONFIG}{body}")
    assert error.code == code
    assert said in error.reason
    assert "get_otlp_exporter_config()" in error.reason or code == "plugin-returned-too-much"


@pytest.mark.parametrize(
    ("top", "code", "said"),
    [
        ("import no_such_thing", "plugin-import", "No module named 'no_such_thing'"),
        (
            "import os; os._exit(5)",
            "plugin-crashed",
            "its import ended the process with exit code 5",
        ),
    ],
)
def test_says_what_an_import_did_wrong(call: Any, top: str, code: str, said: str) -> None:
    error = refused(call, top=top)
    assert error.code == code
    assert said in error.reason


def test_config_that_yaml_has_and_json_does_not(call: Any) -> None:
    error = refused_config(call, since={1, 2})
    assert "since is a set" in error.reason


def refused_config(call: Any, **config: Any) -> InputError:
    with pytest.raises(
        InputError, match=r"m\.yaml:3: the config for telemetry plugin 'odd'"
    ) as caught:
        call(**config)
    return caught.value


@pytest.mark.parametrize(
    "body",
    [
        "import threading; threading.Event().wait()",
        "while True: pass",
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    while True: print('x' * 9999)",
    ],
)
def test_a_plugin_that_hangs_is_ended_and_pointed_at(call: Any, body: str) -> None:
    started = time.monotonic()
    error = refused(call, f"{CONFIG}{body}", limit_s=1.5)
    assert time.monotonic() - started < LIMIT_S
    assert error.code == "plugin-timeout"
    assert "get_otlp_exporter_config() did not end within 1.5 s" in error.reason
    if "print" not in body:  # endless output may push out what says where
        assert "hung at" in error.reason
        assert "odd.py:" in error.reason


def test_a_hang_that_cannot_be_seen_from_inside_is_ended_too(call: Any) -> None:
    body = "import faulthandler, time; faulthandler.cancel_dump_traceback_later()\n    while True: time.sleep(60)"
    assert refused(call, f"{CONFIG}{body}", limit_s=0.5).code == "plugin-timeout"


def test_processes_that_a_plugin_started_are_ended(call: Any, tmp_path: Any) -> None:
    note = tmp_path / "pid"
    body = (
        "import subprocess, sys, pathlib; p = subprocess.Popen([sys.executable, '-c', "
        f"'import time; time.sleep(600)']); pathlib.Path({str(note)!r}).write_text(str(p.pid)); return {{}}"
    )
    assert call(f"{CONFIG}{body}").exporter_config == {}
    assert ended(int(note.read_text()))


def test_a_crash_is_seen_at_once_though_what_it_started_lives_on(call: Any) -> None:
    body = "import os, time\n    if os.fork() == 0: time.sleep(600)\n    os._exit(3)"
    started = time.monotonic()
    assert "exit code 3" in refused(call, f"{CONFIG}{body}").reason
    assert time.monotonic() - started < LIMIT_S


def ended(pid: int) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
            with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:  # noqa: PTH123
                if stat.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except (ProcessLookupError, FileNotFoundError):
            return True
    return False


def test_one_broken_plugin_is_the_one_that_is_blamed(
    plugin_site: Any, telemetry_source: Any
) -> None:
    plugin_site.add(telemetry_source(), module="sound", points={TELEMETRY: {"sound": "Plugin"}})
    crash = telemetry_source("def get_helm_values(self):\n    import os; os._exit(1)")
    plugin_site.add(crash, module="crash", points={TELEMETRY: {"crash": "Plugin"}})
    refs = [BackendRef(kind=Kind.TELEMETRY, name=n) for n in ("sound", "crash", "sound")]
    with pytest.raises(InputError, match=r"'crash' \(crash 1\.2\.3\): get_helm_values\(\)"):
        call_plugins(refs)


def test_an_unknown_plugin_names_its_place_in_the_manifest() -> None:
    ref = BackendRef(kind=Kind.LINEAGE, name="marquee", where="m.yaml:9")
    with pytest.raises(InputError, match=r"^m\.yaml:9: no lineage plugin for 'marquee'"):
        call_plugins([ref])


UNIFIED_SOURCE = """
from floe_core.plugins import ObservabilityPlugin

class Both(ObservabilityPlugin):
    floe_api_version = "1.0"

    def get_otlp_exporter_config(self):
        return {"exporters": {"debug": {}}}

    def get_lineage_config(self):
        return {"type": "console"}
"""


def test_a_unified_plugin_answers_for_both_kinds_with_a_warning(plugin_site: Any) -> None:
    points = {"floe.observability": {"both": "Both"}}
    plugin_site.add(UNIFIED_SOURCE, module="unified", points=points)
    refs = [BackendRef(kind=kind, name="both", unified=True) for kind in Kind]
    telemetry, lineage = call_plugins(refs)
    assert telemetry.exporter_config == {"exporters": {"debug": {}}}
    assert lineage.transport == {"type": "console"}
    assert lineage.helm_values is None
    assert "deprecated" in telemetry.warnings[0]


def test_an_interrupt_ends_the_child(call: Any, tmp_path: Any) -> None:
    note = tmp_path / "pid"
    body = (
        f"import os, pathlib, signal; pathlib.Path({str(note)!r}).write_text(str(os.getpid())); "
        "os.kill(os.getppid(), signal.SIGINT)\n    while True: pass"
    )
    with pytest.raises(KeyboardInterrupt):
        call(f"{CONFIG}{body}")
    assert ended(int(note.read_text()))
