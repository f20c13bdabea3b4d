"""What floe-local does with a fourth signal, as JSON: run by test_model.py in a tree that has one."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from floe_local.errors import InputError
from floe_local.plan.blueprint.reader import read_blueprint
from floe_local.plan.compiler.compile import compile_outputs
from floe_local.plan.manifest.model import Manifest
from floe_local.plan.plugins.output import PluginOutput
from floe_local.plan.values import Kind, Signal
from floe_local.prove.canaries import deliveries, plan
from floe_local.prove.delivery import Ack
from floe_local.prove.read.collector import accepted_hop, expected_count, parse_metrics
from floe_local.prove.send.exporters import exporter_from_environment
from floe_local.prove.targets import BackendTarget, Targets
from floe_local.signals.shared.model import telemetry

PROFILES = Signal("profiles")
ACKNOWLEDGED = Ack(ok=True, at=0.0, seconds=0.0)
FOLDER = Path(sys.argv[1])
PROBE = {
    "name": "profile",
    "each": "profile",
    "request": {"endpoint": "api", "path": "/profiles/{canary}"},
    "expect": [{"field": "samples", "query": "n", "equals": "{samples}"}],
    "absent": {"status": 404},
}
ENDPOINTS = [
    {"name": "api", "port": 80},
    {"name": "otlp", "port": 4317, "protocol": "otlp-grpc"},
]
BLUEPRINT = {
    "blueprint": 1,
    "name": "acme",
    "title": "Acme",
    "kind": "telemetry",
    "accepts": ["profiles"],
    "services": {"acme": {"image": {"upstream": "acme:1"}, "endpoints": ENDPOINTS}},
    "ingest": {"otlp-grpc": "otlp"},
    "readback": {"profiles": [PROBE]},
}


def blueprint(document: dict[str, Any]) -> Any:
    """A blueprint as floe-local reads it."""
    (FOLDER / "blueprint.yaml").write_text(json.dumps(document), "utf-8")
    return read_blueprint(FOLDER, "a test").blueprint


def refused(**changes: Any) -> str:
    """Why a blueprint is refused whose probe is another."""
    try:
        blueprint({**BLUEPRINT, "readback": {"profiles": [{**PROBE, **changes}]}})
    except InputError as error:
        return error.reason
    return ""


class Exporter:
    """Remembers what is exported."""

    def export(self, plans: Any) -> None:
        """Take all."""
        self.exported = plans


def facts() -> dict[str, Any]:
    """What is done with the signal, from the blueprint to the counters."""
    output = PluginOutput(
        kind=Kind.TELEMETRY,
        name="acme",
        exporter_config={
            "exporters": {"otlp_grpc": {"endpoint": "acme:4317", "tls": {"insecure": True}}},
            "service": {"pipelines": {"profiles": {"exporters": ["otlp_grpc"]}}},
        },
    )
    (backend,) = compile_outputs(Manifest(), [output], {}).backends
    backend = backend.model_copy(update={"blueprint": blueprint(BLUEPRINT)})
    target = BackendTarget(
        backend=backend,
        accepts=backend.blueprint.accepts,
        endpoints={"api": "http://127.0.0.1:3"},
        readback=backend.blueprint.readback,
    )
    targets = Targets(
        stack="s",
        namespace="ns",
        otlp_grpc="http://127.0.0.1:1",
        otlp_http="http://127.0.0.1:2",
        backends=(target,),
    )
    canaries = plan("ns", ("grpc", "http"), {PROFILES})
    sent = [one for one in deliveries(targets, canaries) if one.sending.planned]
    exporter = Exporter()
    telemetry(PROFILES).send(sent[0].sending.planned, exporter)
    acknowledged = [one._replace(ack=ACKNOWLEDGED) for one in sent]
    counted = expected_count(acknowledged[0], acknowledged)
    assert counted is not None
    page = f'otelcol_receiver_accepted_samples{{transport="grpc"}} {counted.accepted}\n'
    return {
        "words": [signal.value for signal in Signal],
        "exporters": backend.exporters,
        "sendings": [
            [one.signal, one.sending.protocol, one.sending.canary, one.sending.count]
            for one in sent
        ],
        "questions": [[q.item.values["samples"], q.never] for q in sent[0].questions],
        "exported": len(exporter.exported),
        "counted": [counted.accepted, counted.exported],
        "hop": accepted_hop((), parse_metrics(page), counted).state,
        "exporter": type(exporter_from_environment(PROFILES, "grpc")).__name__,
        "refused": [refused(each="span"), refused(each="sample"), refused(select="[")],
    }


if __name__ == "__main__":
    json.dump(facts(), sys.stdout)
