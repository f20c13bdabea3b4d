"""The compiler: what plugins return, made into whole configs by pure functions.

Normalise (shapes), modernise (retired), assemble (collector), check (pipelines).
"""
