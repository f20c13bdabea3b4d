"""Bring up the backends of a floe manifest locally, with proof that each receives."""
