"""The documentation, with what generates a part of it."""
