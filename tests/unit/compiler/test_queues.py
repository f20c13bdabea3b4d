from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.compiler.reading import exporter_of, rules_of

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
    assert queue["batch"] == {"flush_timeout": "3s", "min_size": 100, "max_size": 200}
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
