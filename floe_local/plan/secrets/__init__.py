"""Credentials: what is one, and how it is kept out of files, logs and screens."""
