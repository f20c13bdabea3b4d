"""Remove the canaries from the lineage backends, and make sure that they are gone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from floe_local.plan.nested import fill
from floe_local.plan.values import Kind
from floe_local.prove.read.readback import says_absent
from floe_local.prove.report import CleanupResult
from floe_local.signals.lineage import removals
from floe_local.until import Reply, poll

if TYPE_CHECKING:
    from floe_local.plan.blueprint.model import Cleanup
    from floe_local.prove.read.http import Http, Response
    from floe_local.prove.targets import BackendTarget
    from floe_local.signals.lineage import RunPlan
    from floe_local.signals.shared.model import ExpectedItem

_SECONDS = 10.0
_NOT_FOUND = 404


class _Removal(NamedTuple):
    rule: Cleanup
    item: ExpectedItem


def clean(
    backends: list[BackendTarget], runs: list[RunPlan], namespace: str, http: Http, threads: int
) -> tuple[CleanupResult, ...]:
    """Remove the jobs and datasets of `runs` from each backend whose blueprint says how."""
    return tuple(
        _clean(target, removals(runs, namespace, target.naming), http, threads)
        for target in backends
        if target.kind is Kind.LINEAGE and target.cleanup
    )


def _clean(
    target: BackendTarget, items: list[ExpectedItem], http: Http, threads: int
) -> CleanupResult:
    removals = [
        _Removal(rule, item) for rule in target.cleanup for item in items if item.each == rule.each
    ]

    def remove(removal: _Removal) -> Response:
        return http.send(removal.rule.request, target.endpoints, removal.item.values)

    def gone(removal: _Removal) -> tuple[Reply, Response]:
        answer = http.send(removal.rule.verify, target.endpoints, removal.item.values)
        return Reply(good=says_absent(removal.rule.gone, answer)), answer

    with ThreadPoolExecutor(threads, thread_name_prefix="cleanup") as pool:
        answers = list(pool.map(remove, removals))
    silent = [answer.error for answer in answers if not answer.status]
    if silent:  # it went away: asking for each would wait for each
        return CleanupResult(backend=target.name, left=(f"no answer: {silent[0]}",))
    tried = [r for r, a in zip(removals, answers, strict=True) if a.status != _NOT_FOUND]
    verified = poll(tried, gone, deadline=monotonic() + _SECONDS, threads=threads)
    left = tuple(
        _described(removal, answer) for removal, answer, reply, _ in verified if not reply.good
    )
    return CleanupResult(backend=target.name, removed=len(tried) - len(left), left=left)


def _described(removal: _Removal, answer: Response) -> str:
    path = fill(removal.rule.verify.path, removal.item.values)
    return f"{path}: {f'HTTP {answer.status}' if answer.status else answer.error}"
