"""The Jaeger telemetry backend plugin for floe."""
