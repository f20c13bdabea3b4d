"""Send planned runs through the real OpenLineage client. Import late: it is heavy."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from openlineage.client import facet_v2
from openlineage.client.client import OpenLineageClient, OpenLineageConfig
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.transport import Transport, get_default_factory

from floe_local.plan.env_refs import resolve
from floe_local.prove.responses import RunResponse, record_responses

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from floe_local.prove.runs import Facets, RunPlan

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


def canary_client(transport: dict[str, Any]) -> CanaryClient:
    """Return a client with a transport of its own; see `_transport`.

    Raises:
        InputError: a variable is not set.
    """
    return CanaryClient(transport=_transport(transport))


def _transport(transport: dict[str, Any]) -> Transport:
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

    def __init__(self, client: OpenLineageClient, namespace: str) -> None:
        client.transport, self._recordings = record_responses(client.transport)
        self._client = client
        self._namespace = namespace

    def start(self, plan: RunPlan) -> None:
        """Send START."""
        self._send(plan, "START")

    def end(self, plan: RunPlan) -> None:
        """Send the run's last event."""
        self._send(plan, plan.ending)

    def send(self, plan: RunPlan) -> None:
        """Send START and the last event."""
        self.start(plan)
        self.end(plan)

    def _send(self, plan: RunPlan, kind: str) -> None:
        from floe_local.prove.runs import planned_event  # noqa: PLC0415 - pydantic: clients do without

        self.emit(planned_event(plan, kind, self._namespace))

    def emit(self, event: dict[str, Any]) -> None:
        """Send an event as `floe_local.prove.runs.planned_event` gives it."""
        self._client.emit(run_event(event))

    def close(self) -> None:
        """Wait for transports that send in the background."""
        self._client.close(_CLOSE_SECONDS)

    def is_taken(self, run_id: str) -> bool:
        """Tell whether a part of the transport, at least, was answered with success."""
        return any(recording.response(run_id).answered for recording in self._recordings)

    def response(self, run_id: str) -> RunResponse:
        """Return how the events of a run were answered. Ask after `close`."""
        responses = [recording.response(run_id) for recording in self._recordings]
        error = next((one.error for one in responses if one.error), None)
        return RunResponse(error is None and any(one.answered for one in responses), error)


def run_event(event: dict[str, Any]) -> RunEvent:
    """Return the client's event for a planned one."""
    run, job = event["run"], event["job"]
    return RunEvent(
        eventType=RunState[event["eventType"]],
        eventTime=event["eventTime"],
        run=Run(runId=run["runId"], facets=_made(run["facets"], _RUN)),
        job=Job(namespace=job["namespace"], name=job["name"], facets=_made(job["facets"], _JOB)),
        inputs=[
            InputDataset(
                namespace=one["namespace"],
                name=one["name"],
                facets=_made(one["facets"], _DATASET),
                inputFacets=_made(one["inputFacets"], _INPUT),
            )
            for one in event["inputs"]
        ],
        outputs=[
            OutputDataset(
                namespace=one["namespace"],
                name=one["name"],
                facets=_made(one["facets"], _DATASET),
                outputFacets=_made(one["outputFacets"], _OUTPUT),
            )
            for one in event["outputs"]
        ],
        producer=PRODUCER,
    )


def _made(facets: Facets, classes: Mapping[str, Callable[..., Any]]) -> dict[str, Any]:
    """Return facets as the client's own, which know their schemas' URLs."""
    return {name: classes[name](**values) for name, values in facets.items()}


_RUN: dict[str, Callable[..., Any]] = {
    "nominalTime": facet_v2.nominal_time_run.NominalTimeRunFacet,
    "processing_engine": facet_v2.processing_engine_run.ProcessingEngineRunFacet,
    "errorMessage": facet_v2.error_message_run.ErrorMessageRunFacet,
    "parent": facet_v2.parent_run.ParentRunFacet,
}
_JOB: dict[str, Callable[..., Any]] = {
    "documentation": facet_v2.documentation_job.DocumentationJobFacet,
    "sourceCodeLocation": facet_v2.source_code_location_job.SourceCodeLocationJobFacet,
    "sql": facet_v2.sql_job.SQLJobFacet,
    "jobType": facet_v2.job_type_job.JobTypeJobFacet,
    "ownership": facet_v2.ownership_job.OwnershipJobFacet,
    "tags": facet_v2.tags_job.TagsJobFacet,
}
_DATASET: dict[str, Callable[..., Any]] = {
    "schema": facet_v2.schema_dataset.SchemaDatasetFacet,
    "columnLineage": facet_v2.column_lineage_dataset.ColumnLineageDatasetFacet,
    "dataSource": facet_v2.datasource_dataset.DatasourceDatasetFacet,
    "documentation": facet_v2.documentation_dataset.DocumentationDatasetFacet,
    "ownership": facet_v2.ownership_dataset.OwnershipDatasetFacet,
}
_INPUT = {
    "dataQualityMetrics": facet_v2.data_quality_metrics_input_dataset.DataQualityMetricsInputDatasetFacet
}
_OUTPUT = {
    "outputStatistics": facet_v2.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet
}
