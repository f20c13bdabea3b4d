from floe_telemetry_jaeger.plugin import JaegerPlugin

__all__ = ["JaegerPlugin"]
