"""What values all through floe-local are made of: their frozen base, the words for kinds."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict

from floe_local.signals import signal_words

ENVIRONMENT_VARIABLE = "FLOE_ENVIRONMENT"
"""Names the environment, for floe-local as for the pipelines."""

OtlpProtocol = Literal["grpc", "http/protobuf"]
"""How OTLP travels, in the words of OTEL_EXPORTER_OTLP_PROTOCOL."""


class Frozen(BaseModel):
    """A value: immutable, and strict about the keys that it knows."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_bytes="base64")


class Kind(StrEnum):
    """What a backend stores (ADR-0035: the two independent layers)."""

    TELEMETRY = "telemetry"
    LINEAGE = "lineage"


class Signal(StrEnum):
    """What travels to a backend."""

    _ignore_ = ["word"]
    TRACES = "traces"
    METRICS = "metrics"
    LOGS = "logs"
    LINEAGE = "lineage"
    # Any other module of that room is a signal, too.
    for word in signal_words():
        if word.upper() not in vars():
            vars()[word.upper()] = word


class Placement(StrEnum):
    """Where a backend runs."""

    IN_STACK = "in-stack"
    SANDBOXED = "sandboxed"
    """Elsewhere, and a recorder of the stack plays it."""
    ELSEWHERE = "elsewhere"


class Egress(StrEnum):
    """What the components of a stack, and its pipelines, may call."""

    STACK = "stack"
    ANYWHERE = "anywhere"


class Origin(StrEnum):
    """Where a service's image comes from; a verdict says it, since a stand-in proves less."""

    UPSTREAM = "upstream"
    BUILT = "built"
    STAND_IN = "stand-in"
    SANDBOX = "sandbox"
