"""floe-core as floe's own runtime uses it: `main.py spans|compile|emitter|sync-emitter`."""

import asyncio
import json
import os
import sys
from pathlib import Path

from floe_core.compilation.errors import CompilationException
from floe_core.compilation.stages import compile_pipeline
from floe_core.lineage.emitter import create_emitter, create_sync_emitter
from floe_core.telemetry import create_span, ensure_telemetry_initialized
from opentelemetry import trace

JOB = "clients.floe_core"


def spans():
    """One span, sent when the process ends."""
    ensure_telemetry_initialized()
    with create_span("a span of floe-core"):
        trace_id = current_trace()
    return {"spans": [{"trace_id": trace_id, "name": "a span of floe-core"}]}


def compile_demo():
    """The spans of a compilation, which ends at the first plugin that is not installed."""
    ensure_telemetry_initialized()
    with create_span("a compilation"):
        trace_id = current_trace()
        try:
            compile_pipeline(Path("floe.yaml"), Path("manifest.yaml"))
        except CompilationException as error:
            print(error, file=sys.stderr)
    names = ("a compilation", "compile.pipeline", "compile.enforce", "compile.compile")
    return {"spans": [{"trace_id": trace_id, "name": name} for name in names]}


def current_trace():
    return format(trace.get_current_span().get_span_context().trace_id, "032x")


def transport():
    return {"type": "http", "url": os.environ["OPENLINEAGE_URL"]}


def emitter():
    """START and COMPLETE through the asynchronous emitter."""

    async def run():
        emitter = create_emitter(transport(), os.environ["OPENLINEAGE_NAMESPACE"])
        run_id = await emitter.emit_start(JOB)
        await emitter.emit_complete(run_id, JOB)
        await emitter.close_async()
        return run_id

    return {"runs": [{"run_id": str(asyncio.run(run())), "state": "COMPLETE"}]}


def sync_emitter():
    """START and COMPLETE through the synchronous emitter."""
    emitter = create_sync_emitter(transport(), os.environ["OPENLINEAGE_NAMESPACE"])
    run_id = emitter.emit_start(JOB)
    emitter.emit_complete(run_id, JOB)
    emitter.close()
    return {"runs": [{"run_id": str(run_id), "state": "COMPLETE"}]}


WAYS = {
    "spans": spans,
    "compile": compile_demo,
    "emitter": emitter,
    "sync-emitter": sync_emitter,
}

if __name__ == "__main__":
    print(json.dumps(WAYS[sys.argv[1]]()))
