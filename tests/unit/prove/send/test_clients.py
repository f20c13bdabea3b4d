"""Clients that know what `floe-local env` prints, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from floe_local.plan.caller import for_clients
from floe_local.plan.plugins.process import ChildOutput
from floe_local.plan.values import Kind, Signal
from floe_local.prove.canaries import deliveries, plan
from floe_local.prove.delivery import Delivery, sendings
from floe_local.prove.report import Check, HopName, Verdict
from floe_local.prove.send import emit
from floe_local.prove.send.clients import (
    CLIENTS,
    DEAD_PROXIES,
    client_variables,
    otlp_protocol,
    resolve_pipeline,
    unserved_reason,
)
from floe_local.prove.smoke import smoke
from floe_local.prove.targets import PipelineEnvironment, SmokeOptions, Targets
from tests.backends import target_of

if TYPE_CHECKING:
    from pathlib import Path

OTLP = "OTEL_EXPORTER_OTLP_ENDPOINT"
PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"
TRANSPORT = "OPENLINEAGE__TRANSPORT"
WHOLE = {
    OTLP: "http://127.0.0.1:1",
    PROTOCOL: "grpc",
    "OPENLINEAGE_URL": "http://127.0.0.1:1/api/v1/lineage",
    TRANSPORT: '{"type": "http", "url": "http://127.0.0.1:1"}',
}


def environment(**changes: str | None) -> PipelineEnvironment:
    """What `env` prints, changed; None: it is left out."""
    variables = {name: value for name, value in (WHOLE | changes).items() if value is not None}
    return PipelineEnvironment(variables=variables)


@pytest.mark.parametrize(
    ("url", "is_dead"),
    [("http://127.0.0.1:5100/x", True), ("https://engine:1", True), ("https://a.example/x", False)],
)
def test_only_what_the_stack_does_not_run_is_reached_by_the_callers_proxies(
    url: str, *, is_dead: bool
) -> None:
    transport = f'{{"type": "http", "url": "{url}"}}'
    given = environment(OPENLINEAGE_URL=url, NO_PROXY="127.0.0.1,engine", **{TRANSPORT: transport})
    own = {"https_proxy": "http://proxy:3128", "NO_PROXY": "own.example", "SECRET": "x"}
    shell_of = client_variables(Signal.LINEAGE, given, own)
    assert "SECRET" not in shell_of
    if is_dead:
        assert DEAD_PROXIES.items() <= shell_of.items()
        assert shell_of["NO_PROXY"] == "127.0.0.1,engine"
    else:
        assert shell_of["https_proxy"] == "http://proxy:3128"
        assert "http_proxy" not in shell_of
        assert {"own.example", "engine"} <= set(shell_of["NO_PROXY"].split(","))


@pytest.mark.parametrize(
    ("missing", "names"),
    [
        (("OPENLINEAGE_URL",), {"http-post"}),
        (("OPENLINEAGE_URL", TRANSPORT), {"http-post", "openlineage-python"}),
        ((TRANSPORT,), set()),
        ((OTLP,), {"opentelemetry-sdk", "otlp-grpc"}),
    ],
)
def test_a_client_without_its_variable_is_not_served(
    missing: tuple[str, ...], names: set[str]
) -> None:
    given = environment(**dict.fromkeys(missing))
    reasons = {one.name: reason for one in CLIENTS if (reason := unserved_reason(one, given))}
    assert set(reasons) == names
    assert all(f"prints no {missing[0]}" in reason for reason in reasons.values())


def test_what_no_variable_can_serve_is_skipped_with_the_reason() -> None:
    given = PipelineEnvironment(variables=WHOLE, unserved={"otlp-grpc": "pipelines send HTTP"})
    found = {one.sending.client: one.sending for one in planned(given)}
    assert found["otlp-grpc"].unsent == "otlp-grpc: pipelines send HTTP"
    assert found["otlp-grpc"].planned == ()
    assert found["opentelemetry-sdk"].planned


def planned(given: PipelineEnvironment | None) -> tuple[Delivery, ...]:
    """The deliveries to two backends of each kind."""
    telemetry, lineage = Signal.TRACES, Signal.LINEAGE
    backends = tuple(
        target_of(
            name,
            Kind.LINEAGE if signal is lineage else Kind.TELEMETRY,
            accepts=(signal,),
            endpoints={},
            transport={"type": "http"} if signal is lineage else None,
        )
        for name, signal in [("a", telemetry), ("b", telemetry), ("c", lineage), ("d", lineage)]
    )
    targets = Targets(stack="s", namespace="ns", pipeline=given, backends=backends)
    return deliveries(targets, plan("ns", (), frozenset({telemetry, lineage})))


def test_each_client_sends_once_for_all_backends_and_is_checked_at_each() -> None:
    found = [one for one in planned(environment()) if one.sending.client != "floe-local"]
    assert [(one.target.name, one.sending.client) for one in found] == [
        *((name, client) for name in "ab" for client in ("opentelemetry-sdk", "otlp-grpc")),
        *((name, client) for name in "cd" for client in ("openlineage-python", "http-post")),
    ]
    assert len(sendings(found)) == len(CLIENTS)
    assert all(one.sending.canary == one.sending.client for one in found)


def test_without_a_pipeline_s_environment_there_are_no_such_clients() -> None:
    assert {one.sending.client for one in planned(None)} == {"floe-local"}


@pytest.mark.parametrize(
    ("protocol", "carried"), [("grpc", "grpc"), ("http/protobuf", "http"), (None, "grpc")]
)
def test_the_sdk_sends_by_the_protocol_that_is_printed(protocol: str | None, carried: str) -> None:
    sdk, grpc_only, *_ = CLIENTS
    assert otlp_protocol(sdk, environment(**{PROTOCOL: protocol})) == carried
    assert otlp_protocol(grpc_only, environment(**{PROTOCOL: protocol})) == "grpc"


def test_variables_are_set_one_after_the_other_as_a_shell_does() -> None:
    given = PipelineEnvironment(variables={"A": "${env:SECRET}", "B": "x${env:A}"})
    assert resolve_pipeline(given, {"SECRET": "s"}).variables == {"A": "s", "B": "xs"}
    unknown = resolve_pipeline(given, {})
    assert unknown.variables == given.variables
    assert set(unknown.unserved) == {one.name for one in CLIENTS}
    assert "SECRET is not set" in unknown.unserved["http-post"]


def test_a_client_sees_what_is_printed_and_what_it_takes_to_start() -> None:
    shell = {"PATH": "/bin", "HOME": "/home/me", "OTEL_SDK_DISABLED": "true", "PYTHONUTF8": "1"}
    seen = for_clients(
        shell | {"NO_PROXY": "*", "PYTHONWARNINGS": "error"}, ["/x"], "/h", {"A": "b"}
    )
    assert seen == {"PATH": "/bin", "PYTHONUTF8": "1", "PYTHONPATH": "/x", "HOME": "/h", "A": "b"}


LOST = [
    ("Traceback…\nImportError: no x\n", 1, False, [], "ended with 1: ImportError: no x"),
    ("", -9, True, [], "did not end within 20 s"),
    ("", 0, False, [{"ended": {"group": 0, "code": -11}}], "ended with -11"),
    ("", 0, False, [{"ended": {"group": 0, "code": -14}}], "did not end within 20 s"),
    ("", 3, False, [{"ended": {"group": 1, "code": -11}}], "ended with 3"),
]


@pytest.mark.parametrize(("stderr", "code", "timed_out", "messages", "error"), LOST)
def test_a_process_that_says_nothing_is_named(
    stderr: str, code: int, messages: list[dict[str, Any]], error: str, *, timed_out: bool
) -> None:
    sending = sendings(planned(environment()))[0]
    groups = [emit.Group({}, [sending], "ns")]
    outcomes = emit._outcomes(groups, ChildOutput(messages, stderr, code, timed_out))
    assert outcomes[sending]["error"] == f"the client's process {error}"


LOADED = """
import os, sys
from importlib import import_module

read = set()
of_environ = os._Environ.__getitem__
os._Environ.__getitem__ = lambda self, name: (read.add(name), of_environ(self, name))[1]

from floe_local.prove.send.client_process import MODULES

for module in (*MODULES["telemetry"], *MODULES["lineage"], "requests"):
    import_module(module)
print(*read, "pydantic" in sys.modules)
"""


def test_the_process_of_clients_is_loaded_before_it_is_given_variables() -> None:
    """It reads none of them meanwhile; nor has it pydantic, as it is what smoke-test waits for."""
    done = subprocess.run([sys.executable, "-c", LOADED], check=True, capture_output=True)
    *read, has_pydantic = done.stdout.decode().split()
    assert has_pydantic == "False"
    assert any(name.startswith("OTEL_") for name in read)  # or this saw nothing
    given = ("OTEL_EXPORTER", "OPENLINEAGE", "NO_PROXY", "HTTP")
    assert [name for name in read if name.upper().startswith(given)] == []


def lineage_checks(variables: dict[str, str], url: str) -> dict[str, Check]:
    """The checks of a lineage backend, by canary."""
    backend = target_of(
        "b",
        Kind.LINEAGE,
        accepts=(Signal.LINEAGE,),
        endpoints={},
        transport={"type": "http", "url": url, "auth": {"apiKey": "${env:ACME_KEY}"}},
    )
    pipeline = PipelineEnvironment(variables=variables)
    targets = Targets(stack="s", namespace="ns", pipeline=pipeline, backends=(backend,))
    report = smoke(targets, SmokeOptions(deadline=0.1))
    assert "hush-hush-1" not in report.to_json()
    return {check.canary: check for check in report.checks}


def test_clients_deliver_by_the_variables_alone(
    serve: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "openlineage.yml").write_text("transport: {type: console}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name, value in {"OPENLINEAGE_DISABLED": "true", "ACME_KEY": "hush-hush-1"}.items():
        monkeypatch.setenv(name, value)
    server = serve({})
    found = lineage_checks(
        {
            "NO_PROXY": "127.0.0.1",
            "OPENLINEAGE_NAMESPACE": "ns",
            "OPENLINEAGE_API_KEY": "${env:ACME_KEY}",
            "OPENLINEAGE_URL": f"{server.url}/api/v1/lineage?by=post",
            TRANSPORT: f'{{"type": "http", "url": "{server.url}", "endpoint": "python"}}',
        },
        server.url,
    )
    assert {found[name].verdict for name in ("openlineage-python", "http-post")} == {
        Verdict.ACCEPTED
    }
    assert found["http-post"].client == "http-post"
    posted = [one for one in server.requests if one["path"].endswith("?by=post")]
    assert {one["authorization"] for one in posted} == {"Bearer hush-hush-1"}
    assert len(posted) == len([one for one in server.requests if one["path"] == "/python"]) == 2


def test_a_client_that_is_led_astray_is_red_and_says_where_to(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_KEY", "hush-hush-1")
    refuses = serve({"error": "not here: hush-hush-1"}, 404)
    found = lineage_checks(
        {
            **DEAD_PROXIES,
            "NO_PROXY": "127.0.0.1",
            "OPENLINEAGE_NAMESPACE": "ns",
            "OPENLINEAGE_URL": refuses.url,
        },
        serve({}).url,
    )
    post = found["http-post"]
    assert (post.verdict, post.hop) == (Verdict.FAILED, HopName.CLIENT)
    assert post.reason.startswith(f"HTTPError: 404 Not Found to POST {refuses.url}")
    assert "not here: ***" in post.reason
    assert found["parent"].verdict is Verdict.ACCEPTED
