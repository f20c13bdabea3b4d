"""The sandboxes of the docs take what their own dummies sign, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from floe_local.plan.blueprint.model import Recording, Sandbox
from floe_local.plan.compiler.sandbox import Filling, with_dummies, with_replaced

if TYPE_CHECKING:
    from standins.recorder.tests.conftest import StartRecorder

DOC = Path(__file__).parents[3] / "docs" / "blueprints.md"
EXAMPLES = re.findall(
    r"^```yaml\n(sandbox:.*?)^```$", DOC.read_text("utf-8"), re.MULTILINE | re.DOTALL
)
TRACES = b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "%s"}]}]}]}' % (b"ab" * 16)


def sandbox_of(text: str) -> Sandbox:
    return Sandbox.model_validate(yaml.safe_load(text)["sandbox"])


def recording_of(sandbox: Sandbox) -> dict[str, Any]:
    fields = sandbox.model_dump(mode="json", by_alias=True, include=set(Recording.model_fields))
    return Recording.model_validate(fields).model_dump(mode="json", by_alias=True)


def test_the_docs_have_one_of_each_kind() -> None:
    assert [bool(sandbox_of(text).exporters) for text in EXAMPLES] == [True, False]


@pytest.mark.parametrize("credential", ["written in the blueprint", "a reference", "another"])
def test_spans_with_the_dummy_are_taken(credential: str, start: StartRecorder) -> None:
    sandbox = sandbox_of(EXAMPLES[0])
    sent: dict[str, Any] = {
        "endpoint": "https://otlp.acme.example",
        "headers": {"X-Key": "another"},
    }
    if credential != "another":
        if credential == "a reference":
            sent["headers"] = {"X-Key": "${env:ACME_TOKEN}"}
            sent, _ = with_dummies(sent, sandbox)
        else:
            sent, _ = with_replaced(
                sent, sandbox.exporters["otlp_http"], Filling("http://recorder")
            )
    recorder = start(**recording_of(sandbox))

    headers = {"X-Key": sent["headers"]["X-Key"], "Content-Type": "application/x-protobuf"}
    answer = recorder.backend.post("/v1/traces", data=b"", headers=headers)

    assert answer.status_code == (403 if credential == "another" else 200), answer.text


def test_an_event_with_the_dummy_is_taken(start: StartRecorder) -> None:
    sandbox = sandbox_of(EXAMPLES[1])
    transport = {"type": "http", "url": "https://acme.example", "auth": {"type": "api_key"}}
    sent, _ = with_replaced(transport, sandbox.transport, Filling("http://recorder"))
    recorder = start(**recording_of(sandbox))
    run_id = "0190f3c2-7d3a-7000-8000-000000000001"
    event = {
        "eventType": "START",
        "eventTime": "2026-01-01T00:00:00Z",
        "run": {"runId": run_id},
        "job": {"namespace": "n", "name": "j"},
        "producer": "https://example.com",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
    }

    headers = {"Authorization": f"Bearer {sent['auth']['apiKey']}"}
    answer = recorder.backend.post("/api/v1/lineage", json=event, headers=headers)

    assert answer.status_code == 201, answer.text
    items = recorder.ask(f"/received/lineage/{run_id}?event=START")["items"]
    assert [item["job"]["name"] for item in items] == ["j"]
    assert recorder.backend.post("/api/v1/lineage", json=event).status_code == 401
