"""openlineage-python: `main.py http|async_http|gzip`."""

import json
import os
import sys
from datetime import UTC, datetime
from uuid import uuid4

from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import Job, OutputDataset, Run, RunEvent, RunState

PRODUCER = "https://example.com/clients"


def client(way):
    """`http` from the variables alone; what no variable sets, in code."""
    if way == "http":
        return OpenLineageClient()
    where = {"url": os.environ["OPENLINEAGE_URL"], "endpoint": os.environ["OPENLINEAGE_ENDPOINT"]}
    how = {"async_http": {"type": "async_http"}, "gzip": {"type": "http", "compression": "gzip"}}
    return OpenLineageClient(config={"transport": {**where, **how[way]}})


def emit(way):
    """START and COMPLETE of one run."""
    run = Run(runId=str(uuid4()))
    namespace = os.environ["OPENLINEAGE_NAMESPACE"]
    job = Job(namespace=namespace, name=f"clients.openlineage_python.{way}")
    outputs = [OutputDataset(namespace="file", name=f"/clients/{way}")]
    sender = client(way)
    for state in (RunState.START, RunState.COMPLETE):
        now = datetime.now(UTC).isoformat()
        sender.emit(
            RunEvent(
                eventTime=now,
                producer=PRODUCER,
                run=run,
                job=job,
                eventType=state,
                outputs=outputs,
            )
        )
    sender.close()
    return {"runs": [{"run_id": run.runId, "state": "COMPLETE"}]}


if __name__ == "__main__":
    print(json.dumps(emit(sys.argv[1])))
