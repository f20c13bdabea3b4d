"""The manifest: which backends are wanted, and how they run locally."""
