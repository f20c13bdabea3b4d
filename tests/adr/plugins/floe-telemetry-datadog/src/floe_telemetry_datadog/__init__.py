from floe_telemetry_datadog.plugin import DatadogPlugin

__all__ = ["DatadogPlugin"]
