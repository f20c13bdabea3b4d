"""What floe-local takes for the Collector's rules, held together with the real Collector."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from floe_local import references as refs
from floe_local.plan.blueprint.lookup import find_blueprints
from floe_local.plan.blueprint.placement import resolve_placement
from floe_local.plan.compiler.compile import compile_outputs
from floe_local.plan.env_refs import missing, typed
from floe_local.plan.manifest.model import Manifest
from floe_local.plan.nested import map_texts
from floe_local.plan.plugins.output import PluginOutput
from tests.unit.plan.compiler.queue_rules import (
    QUEUES,
    RETRIES,
    in_seconds,
    queue_is_valid,
    retry_is_valid,
)
from tests.unit.test_references import SET, TABLE

if TYPE_CHECKING:
    from tests.integration.compiler.conftest import Ask

pytestmark = pytest.mark.integration

VALUES = {**SET, "NUMBER": "5", "LEADS_ON": "${env:A}!", "DOLLARS": "a$$b"}
TYPED = [
    *("${env:NUMBER}", "${env:NO:-5.5}", "${env:NO:-true}", "${env:NO:-yes}", "x${env:NUMBER}"),
    *("${env:NO:-0123}", "${env:NO:-1:30}", '${env:NO:-"5"}', "${env:LEADS_ON}", "${env:DOLLARS}"),
    *("${env:NO:-${env:LEADS_ON}}", "${yaml:7}", "${env:NO:-a: b", "${env:NO:-2026-01-01x}"),
]


def processing(values: dict[str, Any]) -> dict[str, Any]:
    """A config with values of any type, each under a key of its own."""
    inserts = [{"key": key, "action": "insert", "value": v} for key, v in values.items()]
    pipeline = {"receivers": ["nop"], "processors": ["resource"], "exporters": ["nop"]}
    return {
        "receivers": {"nop": None},
        "processors": {"resource": {"attributes": inserts}},
        "exporters": {"nop": None},
        "service": {"pipelines": {"traces": pipeline}},
    }


def test_references_are_read_as_the_collector_reads_them(ask: Ask) -> None:
    texts = [text for text in (*TABLE, *TYPED) if not _is_refused(text)]
    asked = processing({f"k{index}": text for index, text in enumerate(texts)})

    answer = ask(["print-config", "--mode=unredacted", "--format=json"], asked, VALUES)

    assert answer.accepted, answer.printed
    document = answer.printed[answer.printed.index("{\n") :]
    printed, _ = json.JSONDecoder().raw_decode(document)
    found = [one["value"] for one in printed["processors"]["resource"]["attributes"]]
    ours = [map_texts(typed(text, VALUES), _unescaped) for text in texts]
    assert dict(zip(texts, ours, strict=True)) == dict(zip(texts, found, strict=True))
    assert len(texts) > 30


def _unescaped(text: str) -> str:
    """The Collector's last step."""
    return text.replace("$$", "$")


def _is_refused(text: str) -> bool:
    parts = refs.parse(text)
    others = any(r.scheme not in {"env", "yaml"} for r in refs.references(parts))
    faults = any(refs.fault(reference) for reference in refs.references(parts))
    return others or faults or bool(missing(text, VALUES)) or text == "${yaml:7}"


@pytest.mark.parametrize(
    "text", ["${A:-x}", "${vault:x}", "${}", "${1}", "${env:A B}", "${env:NO:-x$y}"]
)
def test_a_reference_with_a_fault_is_refused(ask: Ask, text: str) -> None:
    (reference,) = refs.references(refs.parse(text))
    assert refs.fault(reference)
    assert not ask(["validate"], processing({"k": text}), VALUES).accepted


@settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # a smaller example would ask the Collector hundreds of times
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(st.tuples(QUEUES, RETRIES), min_size=70, max_size=70))
def test_what_was_valid_alone_is_valid_with_what_is_laid_over(
    ask: Ask, drawn: list[tuple[dict[str, Any], dict[str, Any] | None]]
) -> None:
    exporters = {
        f"otlp_grpc/{index}": {
            "endpoint": "jaeger:4317",
            "tls": {"insecure": True},
            "sending_queue": queue,
            "retry_on_failure": in_seconds(retry),
        }
        for index, (queue, retry) in enumerate(drawn)
    }
    pipeline = {"receivers": ["nop"], "exporters": list(exporters)}
    service = {"pipelines": {"traces": pipeline}}
    alone = {"receivers": {"nop": None}, "exporters": exporters, "service": service}

    printed = ask(["validate"], alone, {}).printed
    refused = set(re.findall(r"exporters::(otlp_grpc/\d+)", printed))

    by_the_model = {
        f"otlp_grpc/{index}"
        for index, (queue, retry) in enumerate(drawn)
        if not queue_is_valid(queue) or not retry_is_valid(retry)
    }
    differ = {key: exporters[key] for key in refused ^ by_the_model}
    assert not differ, printed
    valid = {key: value for key, value in exporters.items() if key not in refused}
    if valid:
        answer = ask(["validate"], compiled({"exporters": valid}), {})
        assert answer.accepted, answer.printed


def compiled(config: dict[str, Any]) -> dict[str, Any]:
    """A whole Collector config, as `up` would write it."""
    models = resolve_placement(find_blueprints(["collector", "jaeger"]), live=False)
    output = PluginOutput(kind="telemetry", name="jaeger", exporter_config=config)
    whole: dict[str, Any] = compile_outputs(Manifest(), [output], models)["otlp_collector_config"]
    return whole
