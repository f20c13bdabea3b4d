from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from floe_local.plan.stack.rivals import rival_files, rivals
from floe_local.plan.values import Signal

if TYPE_CHECKING:
    from pathlib import Path

GRPC = {
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
    "OPENLINEAGE_URL": "http://127.0.0.1:5100/api/v1/lineage",
    "OPENLINEAGE_ENDPOINT": "lineage",
    "OPENLINEAGE__TRANSPORT": "{}",
}
HTTP = GRPC | {
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
}
TRANSPORT = "transport: {type: console}"
TRACES, LINEAGE = Signal.TRACES, Signal.LINEAGE

RIVALS = [
    (
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://elsewhere:4317"},
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    ),
    ({"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json"}, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"),
    ({"OTEL_EXPORTER_OTLP_TRACES_INSECURE": "false"}, "OTEL_EXPORTER_OTLP_TRACES_INSECURE"),
    ({"OTEL_SDK_DISABLED": "True"}, "OTEL_SDK_DISABLED"),
    ({"OTEL_TRACES_EXPORTER": "console"}, "OTEL_TRACES_EXPORTER"),
    ({"OTEL_TRACES_EXPORTER": "none"}, "OTEL_TRACES_EXPORTER"),
    ({"OTEL_TRACES_EXPORTER": "otlp_proto_http"}, "OTEL_TRACES_EXPORTER"),
    ({"OTEL_TRACES_SAMPLER": "always_off"}, "OTEL_TRACES_SAMPLER"),
    (
        {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.1"},
        "OTEL_TRACES_SAMPLER",
    ),
    ({"OTEL_CONFIG_FILE": "/o.yaml"}, "OTEL_CONFIG_FILE"),
    ({"OTEL_EXPERIMENTAL_CONFIG_FILE": "/o.yaml"}, "OTEL_EXPERIMENTAL_CONFIG_FILE"),
    ({"OPENLINEAGE_DISABLED": " TRUE"}, "OPENLINEAGE_DISABLED"),
    ({"OPENLINEAGE_CONFIG": "/o.yml"}, "OPENLINEAGE_CONFIG"),
    ({"OPENLINEAGE__TRANSPORT__TYPE": "console"}, "OPENLINEAGE__TRANSPORT__TYPE"),
    ({"OPENLINEAGE__FILTERS": "[]"}, "OPENLINEAGE__FILTERS"),
    ({"AIRFLOW__OPENLINEAGE__TRANSPORT": "{}"}, "AIRFLOW__OPENLINEAGE__TRANSPORT"),
    ({"AIRFLOW__OPENLINEAGE__CONFIG_PATH": "/o.yml"}, "AIRFLOW__OPENLINEAGE__CONFIG_PATH"),
    ({"AIRFLOW__OPENLINEAGE__NAMESPACE": "n"}, "AIRFLOW__OPENLINEAGE__NAMESPACE"),
    ({"AIRFLOW__OPENLINEAGE__DISABLED": "True"}, "AIRFLOW__OPENLINEAGE__DISABLED"),
]


@pytest.mark.parametrize(("environ", "name"), RIVALS, ids=str)
def test_a_variable_that_would_win_is_named(environ: dict[str, str], name: str) -> None:
    (line,) = rivals(environ, {}, GRPC, [TRACES, LINEAGE])
    assert line.startswith(f"{name} ")
    assert line.endswith(f"`unset {name}`")


HARMLESS = [
    GRPC,
    {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4317/"},
    {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"},
    {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "", "OTEL_TRACES_EXPORTER": ""},
    {"OTEL_SDK_DISABLED": "false", "OPENLINEAGE_DISABLED": "false"},
    {"OTEL_TRACES_EXPORTER": "console, otlp"},
    {"OTEL_TRACES_EXPORTER": "otlp_proto_grpc"},
    {"OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "console"},
    {"OTEL_TRACES_SAMPLER": "parentbased_always_on"},
    {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "1.0"},
    {"OPENLINEAGE__TRANSPORT__TRANSPORTS__DEFAULT_HTTP__URL": "http://x"},
    {"OPENLINEAGE__TAGS__JOB__OWNER": "me", "AIRFLOW__OPENLINEAGE__DISABLED": "False"},
]


@pytest.mark.parametrize("environ", HARMLESS, ids=str)
def test_what_changes_nothing_is_not_named(environ: dict[str, str]) -> None:
    assert rivals(environ, {}, GRPC, [TRACES, LINEAGE]) == ()


def test_over_http_a_signals_endpoint_has_a_path() -> None:
    own = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}
    assert rivals(own, {}, HTTP, [TRACES]) == ()
    assert len(rivals(own, {}, GRPC, [TRACES])) == 1
    assert rivals({"OTEL_EXPORTER_OTLP_TRACES_INSECURE": "false"}, {}, HTTP, [TRACES]) == ()


def test_what_the_stack_does_not_take_has_no_rivals() -> None:
    environ = {name: value for one, _ in RIVALS for name, value in one.items()}
    assert rivals(environ, {"/w/openlineage.yml": TRANSPORT}, {}) == ()


def test_a_url_of_an_older_stack_is_named() -> None:
    variables = {"OPENLINEAGE__TRANSPORT": "{}"}
    (line,) = rivals({"OPENLINEAGE_URL": "http://old"}, {}, variables)
    assert "unset OPENLINEAGE_URL" in line


@pytest.mark.parametrize(
    ("files", "config", "named"),
    [
        ({"/w/openlineage.yml": TRANSPORT}, None, "/w/openlineage.yml"),
        ({"/w/openlineage.yml": "tags: {}"}, None, None),
        ({"/w/openlineage.yml": "{broken"}, None, None),
        ({"/w/openlineage.yml": "tags: {}", "/h/openlineage.yml": TRANSPORT}, None, None),
        ({"/w/o.yml": TRANSPORT}, "./o.yml", "OPENLINEAGE_CONFIG"),
        ({"/w/o.yml": "tags: {}", "/w/openlineage.yml": TRANSPORT}, "o.yml", None),
    ],
)
def test_a_client_takes_the_first_file(
    files: dict[str, str], config: str | None, named: str | None
) -> None:
    environ = {"OPENLINEAGE_CONFIG": config} if config else {}
    lines = rivals(environ, files, GRPC)
    assert len(lines) == (named is not None)
    assert not named or named in lines[0]


CFG = "[core]\nx = 1\n[openlineage]\ntransport = {}\nconfig_path =\ndisabled = %s\n"


def test_airflows_file_is_named_by_option() -> None:
    lines = rivals({}, {"/a/airflow.cfg": CFG % "True"}, GRPC)
    assert [line.split(" overrides")[0].split(" switches")[0] for line in lines] == [
        "/a/airflow.cfg: [openlineage] transport",
        "/a/airflow.cfg: [openlineage] disabled",
    ]
    for_airflow = GRPC | {"AIRFLOW__OPENLINEAGE__TRANSPORT": "{}"}
    assert rivals({}, {"/a/airflow.cfg": CFG % "False"}, for_airflow) == ()
    assert rivals({}, {"/a/airflow.cfg": "no section"}, GRPC) == ()


def test_files_are_looked_for_where_clients_do(tmp_path: Path) -> None:
    home = {"HOME": "/home/me"}
    assert [str(p) for p in rival_files(home, tmp_path)] == [
        f"{tmp_path}/openlineage.yml",
        "/home/me/.openlineage/openlineage.yml",
        "/home/me/airflow/airflow.cfg",
    ]
    named = {"OPENLINEAGE_CONFIG": "conf/o.yml", "AIRFLOW_HOME": "/srv/airflow"}
    first, *_, last = rival_files(home | named, tmp_path)
    assert (str(first), str(last)) == (f"{tmp_path}/conf/o.yml", "/srv/airflow/airflow.cfg")
