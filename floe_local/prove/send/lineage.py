"""Send planned runs through the real OpenLineage client. Import late: it is heavy."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from openlineage.client import facet_v2
from openlineage.client.client import OpenLineageClient, OpenLineageConfig
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.transport import CompositeTransport, Transport, get_default_factory

from floe_local.plan.env_refs import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from openlineage.client.client import Event

    from floe_local.signals.lineage import Facets

PRODUCER = "https://floe.dev/floe-local"
_CLOSE_SECONDS = 5.0
_ANSWER_SECONDS = 15.0
_RAISES_UNLESS_TAKEN = frozenset({"amazon_datazone_api"})
"""Transports that hide the answer to each event, and raise where it is not a success."""
_RETRY = {"total": 2, "connect": 2, "read": 2}


class RunResponse(NamedTuple):
    """The responses to the events of one run.

    `answered`: each of them got a success over HTTP; `error`: why one of them failed, where a
    composite went on without it.
    """

    answered: bool
    error: Exception | None


class ErrorCapture:
    """Keeps the error that leaves its block, and lets it go on; an interrupt is none."""

    error: Exception | None = None

    def __enter__(self) -> None:
        """Start the block."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception):
            self.error = error


class RecordingTransport(Transport):
    """A transport that keeps what it was answered: the client drops it, a composite errors too."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.kind, self.name, self.priority = inner.kind, inner.name, inner.priority
        self._successes: dict[str, list[bool]] = {}
        self._emitting: dict[str, ErrorCapture] = {}
        self._closing = ErrorCapture()

    def emit(self, event: Event) -> Any:
        """Emit, and keep how it was answered."""
        run_id = cast("RunEvent", event).run.runId
        successes = self._successes.setdefault(run_id, [])
        with self._emitting.setdefault(run_id, ErrorCapture()):
            answer = self._inner.emit(event)
        successes.append(self.kind in _RAISES_UNLESS_TAKEN or _is_success(answer))
        return answer

    def close(self, timeout: float = -1) -> bool:
        """Close, and keep what became of what was sent in the background."""
        with self._closing:
            done = self._inner.close(timeout)
        count: dict[str, int] = getattr(self._inner, "get_stats", dict)()
        failed, pending = count.get("failed", 0), count.get("pending", 0)
        if failed or pending or done is False:
            sent = failed + pending + count.get("success", 0)
            what = f"{failed + pending} of {sent} events were not answered with success"
            self._closing.error = ConnectionError(f"{what} by {self.kind} in the background")
        elif count:
            self._successes = {run_id: [True] for run_id in self._successes}
        return done

    def response(self, run_id: str) -> RunResponse:
        """Return the responses to a run. To be called after `close`."""
        successes = self._successes.get(run_id, [])
        error = self._emitting.get(run_id, self._closing).error or self._closing.error
        return RunResponse(bool(successes) and all(successes), error)


def record_responses(transport: Transport) -> tuple[Transport, tuple[RecordingTransport, ...]]:
    """Return the transport such that it is recorded, and all recorders: one for each leaf."""
    if not isinstance(transport, CompositeTransport):
        recording = RecordingTransport(transport)
        return recording, (recording,)
    parts = [record_responses(part) for part in transport.transports]
    transport.transports[:] = [part for part, _ in parts]
    return transport, tuple(leaf for _, leaves in parts for leaf in leaves)


def _is_success(answer: Any) -> bool:
    """Tell whether it is an HTTP answer to what was posted: a redirect is followed with a GET."""
    status = getattr(answer, "status_code", None)
    method = getattr(getattr(answer, "request", None), "method", "GET")
    return isinstance(status, int) and 200 <= status < 300 and method != "GET"  # noqa: PLR2004


class CanaryClient(OpenLineageClient):
    """The real client, which ignores openlineage.yml files and OPENLINEAGE variables."""

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

    def __init__(self, client: OpenLineageClient) -> None:
        client.transport, self._recordings = record_responses(client.transport)
        self._client = client

    def send(self, events: Iterable[dict[str, Any]]) -> None:
        """Send events, one after the other."""
        for event in events:
            self.emit(event)

    def emit(self, event: dict[str, Any]) -> None:
        """Send an event as `floe_local.signals.lineage.event_of` gives it."""
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
