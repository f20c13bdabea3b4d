"""Judges what a user's own pipeline sends: the tap takes it, a session holds it, rules look at it.

Nothing here knows a backend by name, or needs a stack.
"""
