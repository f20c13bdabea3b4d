"""Plugins: found, called in a child process, judged."""
