from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given

from floe_local.errors import InputError
from tests.unit.plan.compiler.queue_rules import (
    QUEUES,
    RETRIES,
    in_seconds,
    queue_is_valid,
    retry_is_valid,
)
from tests.unit.plan.compiler.reading import exporter_of, rules_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from floe_local.plan.artifacts import Compiled


def test_batch_moves_into_the_exporters_queue(compile_config: Callable[..., Compiled]) -> None:
    batch = {"timeout": "3s", "send_batch_size": 100, "send_batch_max_size": 200}
    pipeline = {"receivers": ["otlp"], "processors": ["batch"], "exporters": ["otlp_grpc"]}
    compiled = compile_config(
        {
            "processors": {"batch": batch},
            "exporters": {"otlp_grpc": {"endpoint": "jaeger:4317"}},
            "service": {"pipelines": {"traces": pipeline}},
        }
    )

    queue = exporter_of(compiled)["sending_queue"]
    sizes = {"min_size": 100, "max_size": 200, "sizer": "items"}
    assert queue["batch"] == {"flush_timeout": "3s", **sizes}
    assert queue["storage"] == "file_storage/floe"
    assert "batch" not in compiled["otlp_collector_config"]["processors"]
    assert "batch-in-pipeline" in rules_of(compiled)


def test_a_queue_that_the_plugin_set_stays(compile_config: Callable[..., Compiled]) -> None:
    own = {"queue_size": 7, "storage": None}
    retry = {"max_elapsed_time": "9s"}
    settings = {"endpoint": "jaeger:4317", "sending_queue": own, "retry_on_failure": retry}
    exporter = exporter_of(compile_config({"exporters": {"otlp_grpc": settings}}))

    assert exporter["sending_queue"]["queue_size"] == 7
    assert exporter["sending_queue"]["storage"] is None
    assert exporter["retry_on_failure"]["max_elapsed_time"] == "9s"


def test_a_queue_that_is_off_stays_off(compile_config: Callable[..., Compiled]) -> None:
    settings = {"endpoint": "jaeger:4317", "sending_queue": {"enabled": False}}
    exporter = exporter_of(compile_config({"exporters": {"otlp_grpc": settings}}))

    assert exporter["sending_queue"] == {"enabled": False}


@pytest.mark.parametrize("kind", ["file", "prometheus", "somebodys"])
def test_exporters_that_are_not_known_to_take_a_queue_get_none(
    kind: str, compile_config: Callable[..., Compiled]
) -> None:
    assert exporter_of(compile_config({"exporters": {kind: {"path": "/x"}}}, "own"), kind) == {
        "path": "/x"
    }


def exported(
    compile_config: Callable[..., Compiled], queue: Any, retry: Any = None, **more: Any
) -> dict[str, Any]:
    """An exporter with a queue of the plugin's own, compiled."""
    settings = {"endpoint": "jaeger:4317", "sending_queue": queue, "retry_on_failure": retry}
    return exporter_of(compile_config({"exporters": {"otlp_grpc": settings}, **more}))


BATCH = {"flush_timeout": "200ms", "min_size": 512, "max_size": 2048, "sizer": "items"}


@pytest.mark.parametrize(
    ("queue", "expected"),
    [
        (None, {"queue_size": 5000, "batch": BATCH}),
        ({}, {"queue_size": 5000, "batch": BATCH}),
        ({"sizer": "bytes", "queue_size": 52_428_800}, {"batch": BATCH}),
        ({"sizer": "bytes"}, {"queue_size": 268_435_456, "batch": BATCH}),
        ({"sizer": "requests"}, {"queue_size": 5000, "batch": BATCH}),
        ({"sizer": "items", "queue_size": 200}, {"batch": None}),
        ({"sizer": "items", "queue_size": 8192}, {"batch": BATCH}),
        ({"queue_size": 7}, {"batch": None}),
        ({"queue_size": "${env:NO:-7}"}, {"batch": None}),
        ({"queue_size": "${env:NO:-5000}"}, {"batch": BATCH}),
        ({"queue_size": "${env:NO}"}, {"batch": None}),
        ({"sizer": "${env:NO:-items}", "queue_size": 200}, {"batch": None}),
        ({"wait_for_result": True}, {"storage": None, "batch": None}),
        ({"wait_for_result": "${env:NO:-true}"}, {"storage": None, "batch": None}),
        ({"wait_for_result": "${env:NO}"}, {"storage": None, "batch": None}),
        ({"block_on_overflow": True}, {"storage": "file_storage/floe", "batch": BATCH}),
        ({"batch": {"min_size": 3}}, {"batch": {"min_size": 3}, "storage": "file_storage/floe"}),
        ({"batch": None}, {"batch": None}),
        ({"storage": "file_storage/own"}, {"storage": "file_storage/own", "batch": BATCH}),
        ({"num_consumers": 1}, {"num_consumers": 1, "batch": BATCH}),
    ],
)
def test_what_is_added_gives_way(
    queue: Any, expected: dict[str, Any], compile_config: Callable[..., Compiled]
) -> None:
    after = exported(compile_config, queue)["sending_queue"]
    assert {key: after.get(key) for key in expected} == expected
    assert {key: after[key] for key in queue or {}} == (queue or {})


@pytest.mark.parametrize("off", [False, "${env:NO:-false}"])
def test_what_is_off_stays_off(off: Any, compile_config: Callable[..., Compiled]) -> None:
    given = {"enabled": off, "queue_size": 3}
    after = exported(compile_config, given, {"enabled": off})
    assert after["sending_queue"] == given
    assert after["retry_on_failure"] == {"enabled": off}


@pytest.mark.parametrize("queue", [True, [], "on", 5])
def test_a_queue_that_is_no_mapping_is_refused(
    queue: Any, compile_config: Callable[..., Compiled]
) -> None:
    with pytest.raises(InputError, match=r"otlp_grpc\.sending_queue: expected a mapping"):
        exported(compile_config, queue)


def test_a_queue_by_reference_is_left_alone(compile_config: Callable[..., Compiled]) -> None:
    after = exported(compile_config, "${env:QUEUE}", "${env:RETRY}")
    assert (after["sending_queue"], after["retry_on_failure"]) == ("${env:QUEUE}", "${env:RETRY}")


@pytest.mark.parametrize("timeout", ["0", "0s", 0, "0ms", "${env:NO:-0s}"])
def test_a_batch_processor_that_does_not_wait(
    timeout: Any, compile_config: Callable[..., Compiled]
) -> None:
    pipeline = {"receivers": ["otlp"], "processors": ["batch"], "exporters": ["otlp_grpc"]}
    more = {"processors": {"batch": {"timeout": timeout, "send_batch_size": 9}}}
    more["service"] = {"pipelines": {"traces": pipeline}}
    batch = exported(compile_config, None, **more)["sending_queue"]["batch"]
    assert (batch["flush_timeout"], batch["min_size"]) == ("200ms", 0)


def test_what_depends_on_its_sender_is_neither_stored_nor_batched(
    compile_config: Callable[..., Compiled],
) -> None:
    headers = [{"key": "tenant", "from_context": "tenant"}]
    auth = {"authenticator": "headers_setter"}
    exporters = {"otlp_grpc": {"endpoint": "jaeger:4317", "auth": auth}}
    extensions = {"headers_setter": {"headers": headers}}
    queue = exporter_of(compile_config({"exporters": exporters, "extensions": extensions}))[
        "sending_queue"
    ]
    assert not {"storage", "batch"} & set(queue)


@given(queue=QUEUES, retry=RETRIES)
def test_a_queue_that_is_valid_alone_stays_valid(
    queue: dict[str, Any], retry: dict[str, Any] | None, compile_config: Callable[..., Compiled]
) -> None:
    assume(queue_is_valid(queue))
    assume(retry_is_valid(retry))

    after = exported(compile_config, queue, in_seconds(retry))

    assert queue_is_valid(after["sending_queue"])
    kept = {k: int(v[:-1]) if k != "enabled" else v for k, v in after["retry_on_failure"].items()}
    assert retry_is_valid(kept)
    own = after["sending_queue"].get("batch")
    if own is not None and "batch" not in queue:
        assert own["sizer"] == "items"


@pytest.mark.parametrize(
    "key", ["health_check", "health_check/own", "healthcheckv2", "healthcheckv2/x"]
)
@pytest.mark.parametrize("settings", [None, {}, {"endpoint": "0.0.0.0:13133"}])
def test_floe_locals_health_check_stands_for_the_plugins(
    key: str, settings: Any, compile_config: Callable[..., Compiled]
) -> None:
    pipeline = {"receivers": ["otlp"], "exporters": ["otlp_grpc"]}
    service = {"extensions": [key], "pipelines": {"traces": pipeline}}
    config = {
        "extensions": {key: settings},
        "exporters": {"otlp_grpc": {"endpoint": "jaeger:4317"}},
    }
    compiled = compile_config({**config, "service": service})

    done = compiled["otlp_collector_config"]
    assert set(done["extensions"]) == {"health_check", "file_storage/floe"}
    assert done["service"]["extensions"] == ["health_check", "file_storage/floe"]
    assert "extensions" in rules_of(compiled)


@pytest.mark.parametrize(
    ("section", "component"),
    [
        ("extensions", {"zpages": {"endpoint": "0.0.0.0:8888"}}),
        ("extensions", {"pprof": {"endpoint": "localhost:13133"}}),
        ("receivers", {"zipkin": {"endpoint": "${env:NO:-0.0.0.0:4318}"}}),
        ("receivers", {"jaeger": {"protocols": {"grpc": {"endpoint": ":4317"}}}}),
        ("exporters", {"prometheus": {"endpoint": "0.0.0.0:8888"}}),
    ],
)
def test_a_port_of_floe_locals_is_taken(
    section: str, component: dict[str, Any], compile_config: Callable[..., Compiled]
) -> None:
    config: dict[str, Any] = {"exporters": {"otlp_grpc": {"endpoint": "jaeger:4317"}}}
    config[section] = {**config.get(section, {}), **component}
    with pytest.raises(InputError, match=rf"{section}\.\w+\..*endpoint: port \d+ is ") as caught:
        compile_config(config)
    assert "another port" in caught.value.hint


def test_a_plugins_storage_is_in_the_folder_that_can_be_written(
    compile_config: Callable[..., Compiled],
) -> None:
    queue = {"storage": "file_storage/own"}
    storage = {"directory": "/data/queue", "compaction": {"on_start": True}}
    compiled = compile_config(
        {
            "extensions": {"file_storage/own": storage},
            "exporters": {"otlp_grpc": {"endpoint": "jaeger:4317", "sending_queue": queue}},
        }
    )
    own = compiled["otlp_collector_config"]["extensions"]["file_storage/own"]
    folder = "/var/lib/otelcol"
    assert own == {"directory": folder, "compaction": {"on_start": True, "directory": folder}}
    assert exporter_of(compiled)["sending_queue"]["storage"] == "file_storage/own"
    assert "queue-directory" in rules_of(compiled)
