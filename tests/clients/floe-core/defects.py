"""floe-core's spans, metrics and lineage, used well (`sound`) and badly: `defects.py NAME`."""

import os
import sys
from datetime import UTC, datetime
from uuid import uuid4

from floe_core.lineage.emitter import create_sync_emitter
from floe_core.lineage.facets import (
    ParentRunFacetBuilder,
    QualityFacetBuilder,
    SchemaFacetBuilder,
    SQLJobFacetBuilder,
    StatisticsFacetBuilder,
    TraceCorrelationFacetBuilder,
)
from floe_core.lineage.types import LineageDataset
from floe_core.telemetry import create_span, ensure_telemetry_initialized
from floe_core.telemetry.conventions import FloeSpanAttributes
from floe_core.telemetry.metrics import MetricRecorder
from opentelemetry import context, trace

WAY = sys.argv[1]
PRODUCER = "https://example.com/floe"
ATTRIBUTES = FloeSpanAttributes(
    namespace="sales", product_name="orders", product_version="1.0.0", mode="dev"
)
FLOE_VERSION = {"floe.version": "0.1.0a1"}
PARENT_JOB, MODEL = "orders", "orders.customers"


def span(name):
    known = WAY != "floe-attributes"
    return create_span(
        name,
        attributes=FLOE_VERSION if known else None,
        floe_attributes=ATTRIBUTES if known else None,
    )


def correlation():
    facet = TraceCorrelationFacetBuilder.from_otel_context()
    if facet is None or WAY == "event-without-trace":
        return {}
    return {"traceCorrelation": {**facet, **({"trace_id": "f" * 32} if LOST else {})}}


LOST = WAY == "run-without-trace"


def dataset(name, **facets):
    schema = SchemaFacetBuilder.from_columns([{"name": "id", "type": "INT"}])
    return LineageDataset(namespace="sales", name=name, facets={"schema": schema, **facets})


def count_models():
    """A metric with floe's attributes; each model is a value, where it is badly used."""
    labels = {**ATTRIBUTES.to_otel_dict(), **FLOE_VERSION}
    recorder = MetricRecorder()
    if WAY == "unbounded-id":
        labels["run"] = str(uuid4())
    for number in range(150 if WAY == "unbounded-count" else 2):
        recorder.increment("models_total", labels={**labels, "model": f"model {number}"})


def test_of(emitter, job):
    """The run of a model's tests, with or without their results."""
    results = [{"name": "not_null_id", "passed": True, "column": "id"}]
    facet = {"dataQualityAssertions": QualityFacetBuilder.from_check_results(results)}
    tested = dataset("customers", **({} if WAY == "test-without-results" else facet))
    with span("test"):
        job_type = {"processingType": "BATCH", "integration": "DBT", "jobType": "TEST"}
        facets = {"_producer": PRODUCER, "_schemaURL": "https://example.com/x.json", **job_type}
        named = {"run_facets": {**correlation(), **job}, "job_facets": {"jobType": facets}}
        run_id = emitter.emit_start(f"{MODEL}.test", inputs=[tested], **named)
        emitter.emit_complete(run_id, f"{MODEL}.test", **named)


def model_of(emitter, parent):
    """The run of a model, below its job's."""
    ephemeral = "with __dbt__cte__orders as (select 1) select * from __dbt__cte__orders"
    query = ephemeral if WAY == "ephemeral-dataset" else "select * from sales.orders"
    job_facets = {"sql": SQLJobFacetBuilder.from_query(query)}
    rows = {"outputStatistics": StatisticsFacetBuilder.from_counts(row_count=3)}
    facets = {**correlation(), **parent}
    name = f"{MODEL}_{datetime.now(UTC):%Y-%m-%d}" if WAY == "job-name-changes" else MODEL
    written = [dataset("customers", **rows)]
    run_id = emitter.emit_start(name, None, [dataset("orders")], written, facets, job_facets)
    emitter.emit_complete(run_id, name, written, facets, job_facets)


def pipeline():
    namespace = "sales orders/2" if WAY == "namespace-form" else os.environ["OPENLINEAGE_NAMESPACE"]
    transport = {"type": "http", "url": os.environ["OPENLINEAGE_URL"]}
    emitter = create_sync_emitter(transport, namespace, PRODUCER)
    job = emitter.emit_start(PARENT_JOB, run_facets=correlation())
    parent = {"parent": ParentRunFacetBuilder.from_parent(job, PARENT_JOB, namespace)}
    if WAY == "model-without-span":
        model_of(emitter, parent)
    else:
        with span("model"):
            model_of(emitter, parent)
    test_of(emitter, parent)
    emitter.emit_complete(job, PARENT_JOB, run_facets=correlation())
    count_models()
    emitter.close()


if __name__ == "__main__":
    ensure_telemetry_initialized()
    if WAY == "job-without-root-span":  # its root never ends
        context.attach(trace.set_span_in_context(trace.get_tracer("floe").start_span("job")))
        with span("job"):
            pipeline()
    else:
        with span("job"):
            pipeline()
    if WAY == "trace-without-run":
        with span("another job"):
            pass
