"""openlineage-python, used well (`sound`), and used as it should not be: `defects.py NAME`."""

import os
import sys
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import (
    InputDataset,
    Job,
    JobEvent,
    OutputDataset,
    Run,
    RunEvent,
    RunState,
    set_producer,
)
from openlineage.client.facet_v2 import (
    documentation_job,
    nominal_time_run,
    output_statistics_output_dataset,
    parent_run,
    schema_dataset,
)
from openlineage.client.naming.dataset import Postgres, Snowflake

START, RUNNING, COMPLETE, FAIL = (
    RunState.START,
    RunState.RUNNING,
    RunState.COMPLETE,
    RunState.FAIL,
)
BEGUN = datetime.now(UTC)
TOTALS = Postgres("db", "5432", "shop", "public", "totals")
SOURCE = TOTALS.get_namespace()
set_producer("https://example.com/defects")


def fields():
    field = schema_dataset.SchemaDatasetFacetFields(name="id", type="INT")
    return {"schema": schema_dataset.SchemaDatasetFacet(fields=[field])}


def read(namespace=SOURCE, name="shop.public.orders", facets=None):
    return InputDataset(namespace, name, facets=fields() if facets is None else facets)


def written(namespace=SOURCE, name="shop.public.totals", rows=3):
    counted = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rowCount=rows)
    return OutputDataset(
        namespace, name, facets=fields(), outputFacets={"outputStatistics": counted} if rows else {}
    )


def event(state, run, second=0, *, job="totals", inputs=None, outputs=None, **more):
    """One event; by default of a job that reads one table and writes another."""
    return RunEvent(
        **{
            "eventType": state,
            "eventTime": (BEGUN + timedelta(seconds=second)).isoformat(),
            "run": run if isinstance(run, Run) else Run(run),
            "job": job if isinstance(job, Job) else Job(os.environ["OPENLINEAGE_NAMESPACE"], job),
            "inputs": [read()] if inputs is None else inputs,
            "outputs": [written()] if outputs is None else outputs,
            **more,
        }
    )


def pair(run=None, **more):
    """START and COMPLETE."""
    run = run or str(uuid4())
    return [event(START, run, **more), event(COMPLETE, run, 1, **more)]


def states(*several, step=1):
    run = str(uuid4())
    return [event(state, run, step * number) for number, state in enumerate(several)]


def below(parent, root):
    """A run that names its parent and its root."""
    named = {"namespace": os.environ["OPENLINEAGE_NAMESPACE"], "name": "nightly"}
    facet = parent_run.ParentRunFacet(
        run=parent_run.Run(parent),
        job=parent_run.Job(**named),
        root=parent_run.Root(parent_run.RootRun(root), parent_run.RootJob(**named)),
    )
    return Run(str(uuid4()), {"parent": facet})


def family():
    """A parent without datasets of its own, its child, and what reads what that has written."""
    parent = str(uuid4())
    first = event(START, parent, job="nightly", inputs=[], outputs=[])
    last = event(COMPLETE, parent, 9, job="nightly", inputs=[], outputs=[])
    run = below(parent, parent)
    several = enumerate((START, RUNNING, COMPLETE), 1)
    child = [event(state, run, at, job="nightly.totals") for at, state in several]
    report = written(name="shop.public.report")
    reader = pair(job="report", inputs=[read(name=TOTALS.get_name())], outputs=[report])
    return [first, *child, *reader, last]


def other_producer():
    set_producer("my job")
    return pair()


def wrong_facet():
    broken = schema_dataset.SchemaDatasetFacetFields(name=7)
    facet = schema_dataset.SchemaDatasetFacet(fields=[broken])
    return pair(inputs=[read(facets={"schema": facet})])


def scheduled():
    """A facet of another client's making: its producer is a name."""
    facet = nominal_time_run.NominalTimeRunFacet(BEGUN.isoformat(), producer="nightly")
    return pair(Run(str(uuid4()), {"nominalTime": facet}))


def two_names(namespace, name, table=TOTALS):
    """One job writes a table, another reads it by another name."""
    first = pair(outputs=[written(table.get_namespace(), table.get_name())])
    report = written(name="shop.public.report")
    return [*first, *pair(job="report", inputs=[read(namespace, name)], outputs=[report])]


def two_accounts():
    """Snowflake's account, by its name and by its host."""
    table = Snowflake("acme", "prod", "SHOP", "PUBLIC", "TOTALS")
    namespace = f"{table.get_namespace()}.snowflakecomputing.com"
    return two_names(namespace, table.get_name(), table)


def abort():
    run = str(uuid4())
    return [event(START, run), event(RunState.ABORT, run, 1, inputs=[], outputs=[])]


def alone():
    """A job's event, of no run."""
    job = Job(os.environ["OPENLINEAGE_NAMESPACE"], "totals")
    return [JobEvent(eventTime=BEGUN.isoformat(), job=job, inputs=[read()], outputs=[written()])]


def too_large():
    text = documentation_job.DocumentationJobFacet(description="long " * 60_000)
    job = Job(os.environ["OPENLINEAGE_NAMESPACE"], "totals", {"documentation": text})
    return pair(job=job)


WAYS = {
    "abort": abort,
    "no-run-event": alone,
    "event-too-large": too_large,
    "sound": family,
    "event-shape": lambda: pair(job=""),
    "event-type": lambda: [*pair(), event(None, str(uuid4()), 2)],
    "event-time": lambda: pair(eventTime=BEGUN.replace(tzinfo=None).isoformat()),
    "run-id": lambda: pair(uuid4().hex),
    "event-urls": other_producer,
    "facet-urls": scheduled,
    "facet-shape": wrong_facet,
    "no-start": lambda: states(COMPLETE),
    "started-twice": lambda: states(START, START, COMPLETE),
    "no-end": lambda: states(START, RUNNING),
    "ended-twice": lambda: states(START, FAIL, COMPLETE),
    "after-end": lambda: states(START, COMPLETE, RUNNING),
    "time-backward": lambda: states(START, COMPLETE, step=-1),
    "parent-unknown": lambda: pair(below(str(uuid4()), str(uuid4()))),
    "two-names-port": lambda: two_names("postgres://db", "shop.public.totals"),
    "two-names-case": lambda: two_names("postgres://DB:5432/", "SHOP.PUBLIC.TOTALS"),
    "two-names-account": two_accounts,
    "no-datasets": lambda: pair(inputs=[], outputs=[]),
    "input-without-schema": lambda: pair(inputs=[read(facets={})]),
    "output-without-rows": lambda: pair(outputs=[written(rows=None)]),
}

if __name__ == "__main__":
    client = OpenLineageClient()
    for one in WAYS[sys.argv[1]]():
        client.emit(one)
    client.close()
