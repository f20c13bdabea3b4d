"""Send planned runs through the real OpenLineage client. Import late: it is heavy."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from openlineage.client.client import OpenLineageClient, OpenLineageConfig
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import column_lineage_dataset, parent_run, schema_dataset
from openlineage.client.transport import Transport, get_default_factory

from floe_local.plan.env_refs import resolve
from floe_local.prove.responses import RunResponse, record_responses

if TYPE_CHECKING:
    from floe_local.prove.canaries import DatasetPlan, RunPlan

PRODUCER = "https://floe.dev/floe-local"
_CLOSE_SECONDS = 5.0
_ANSWER_SECONDS = 15.0
_RETRY = {"total": 2, "connect": 2, "read": 2}


class CanaryClient(OpenLineageClient):
    """The real client, deaf to openlineage.yml files and OPENLINEAGE variables."""

    @property
    def config(self) -> OpenLineageConfig:
        """Return the defaults."""
        return OpenLineageConfig()


def made(transport: dict[str, Any]) -> Transport:
    """Make the client's transport; ``${env:NAME}`` in it is resolved here, in memory.

    Over HTTP it retries less than the client's own six attempts in nine seconds, unless the
    transport says how often, and waits longer for each answer than a pipeline may: a
    backend that is still warming up is slow, and not broken.

    Raises:
        InputError: a variable is not set.
    """
    config = resolve(transport, os.environ, "the OpenLineage transport")
    if config.get("type") == "http":
        patience = max(config.get("timeout") or 0.0, _ANSWER_SECONDS)
        config = {"retry": _RETRY, **config, "timeout": patience}
    return get_default_factory().create(config)


class RunSender:
    """Sends the events of runs to one backend."""

    def __init__(self, transport: Transport, namespace: str) -> None:
        transport, self._recordings = record_responses(transport)
        self._client = CanaryClient(transport=transport)
        self._namespace = namespace

    def start(self, plan: RunPlan) -> None:
        """Send START."""
        self._client.emit(_event(plan, "START", self._namespace))

    def end(self, plan: RunPlan) -> None:
        """Send the run's last event."""
        self._client.emit(_event(plan, plan.ending, self._namespace))

    def send(self, plan: RunPlan) -> None:
        """Send START and the last event."""
        self.start(plan)
        self.end(plan)

    def close(self) -> None:
        """Wait for transports that send in the background."""
        self._client.close(_CLOSE_SECONDS)

    def response(self, run_id: str) -> RunResponse:
        """Return how the events of a run were answered. Ask after `close`."""
        responses = [recording.response(run_id) for recording in self._recordings]
        error = next((one.error for one in responses if one.error), None)
        return RunResponse(error is None and any(one.answered for one in responses), error)


def _event(plan: RunPlan, kind: str, namespace: str) -> RunEvent:
    return RunEvent(
        eventType=RunState[kind],
        eventTime=datetime.now(UTC).isoformat(),
        run=Run(runId=plan.run_id, facets=_run_facets(plan, namespace)),
        job=Job(namespace=namespace, name=plan.job, facets={}),
        inputs=[
            InputDataset(namespace=namespace, name=d.name, facets=_facets(d, namespace))
            for d in plan.inputs
        ],
        outputs=[
            OutputDataset(namespace=namespace, name=d.name, facets=_facets(d, namespace))
            for d in plan.outputs
        ],
        producer=PRODUCER,
    )


def _run_facets(plan: RunPlan, namespace: str) -> dict[str, Any]:
    if plan.parent_run_id is None or plan.parent_job is None:
        return {}
    return {
        "parent": parent_run.ParentRunFacet(
            run=parent_run.Run(runId=plan.parent_run_id),
            job=parent_run.Job(namespace=namespace, name=plan.parent_job),
        )
    }


def _facets(dataset: DatasetPlan, namespace: str) -> dict[str, Any]:
    if not dataset.fields:
        return {}
    fields = [
        schema_dataset.SchemaDatasetFacetFields(name=name, type=kind)
        for name, kind in dataset.fields.items()
    ]
    schema = {"schema": schema_dataset.SchemaDatasetFacet(fields=fields)}
    if not dataset.column_lineage:
        return schema
    return {**schema, "columnLineage": _column_lineage(dataset, namespace)}


def _column_lineage(
    dataset: DatasetPlan, namespace: str
) -> column_lineage_dataset.ColumnLineageDatasetFacet:
    return column_lineage_dataset.ColumnLineageDatasetFacet(
        fields={
            name: column_lineage_dataset.Fields(
                inputFields=[
                    column_lineage_dataset.InputField(
                        namespace=namespace, name=column.dataset, field=column.field
                    )
                    for column in columns
                ]
            )
            for name, columns in dataset.column_lineage.items()
        }
    )
