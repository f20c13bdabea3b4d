"""The compiler: what plugins return, made into whole configs by pure functions.

Normalise (shapes), modernise (retired), assemble (collector), check (pipelines).
"""

from __future__ import annotations

from floe_local.plan.compiler.compile import compile_outputs
from floe_local.plan.compiler.in_process import Compiler
from floe_local.plan.compiler.transport import for_host

__all__ = ["Compiler", "compile_outputs", "for_host"]
