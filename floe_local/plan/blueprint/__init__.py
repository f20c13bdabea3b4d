"""Blueprints: what is known of a backend, as data."""
