"""Listens where a command sends, and passes on what comes."""
