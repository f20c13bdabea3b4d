"""Plan: pure steps from a manifest to a compose model."""
