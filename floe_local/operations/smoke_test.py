"""`smoke-test`: send canaries to a stack, and see that its backends received them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_local.operations.look_up import find_planned
from floe_local.operations.planning import request_stack
from floe_local.operations.targets import EndpointOptions, targets_elsewhere, targets_of

if TYPE_CHECKING:
    from floe_local.operations.request import Where
    from floe_local.prove.options import SmokeOptions
    from floe_local.prove.report import Report as ProofReport
    from floe_local.prove.targets import Targets


def smoke_test(
    where: Where, options: SmokeOptions, endpoints: EndpointOptions | None = None
) -> ProofReport:
    """Prove that every backend receives.

    Args:
        where: which stack, or which manifest names the backends.
        options: how.
        endpoints: where a stack is that floe-local did not start.

    Raises:
        InputError: the manifest or a probe is wrong.
        MachineError: the stack was never brought up from here (``stack-unknown``).
    """
    from floe_local.prove.smoke import smoke  # noqa: PLC0415 - the SDKs are slow to load

    return smoke(find_targets(where, endpoints), options)


def find_targets(where: Where, endpoints: EndpointOptions | None = None) -> Targets:
    """Where canaries go and are read: from the workspace, no plugin and no engine is asked.

    Raises:
        InputError: the manifest is wrong.
        MachineError: the stack was never brought up from here (``stack-unknown``).
    """
    if endpoints is not None:
        return targets_elsewhere(request_stack(where), endpoints)
    plan, _ = find_planned(where)
    return targets_of(plan)
