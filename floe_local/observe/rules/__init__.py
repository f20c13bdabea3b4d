"""What makes telemetry and lineage sound: rules, a module a profile."""
