"""The stack: compiled configs with blueprints, as a compose model."""
