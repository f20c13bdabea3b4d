"""A verdict on a pipeline, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_local.observe.verdict import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from floe_local.observe.rules.model import RuleFinding
    from floe_local.observe.verdict import PipelineVerdict

_EXAMPLES = 3
_MOST_LINES = 40
"""Lines of the lineage graph that are shown."""


def verdict_text(verdict: PipelineVerdict) -> str:
    """Return a verdict as a reader sees it; the last line is its sentence."""
    parts = [
        _services(verdict),
        _jobs(verdict),
        _graph(verdict),
        _stored(verdict),
        *(finding_text(finding) for finding in verdict.findings if finding.places),
        _known(verdict.findings),
        f"{'green' if verdict.ok else 'red'}: {verdict.reason}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _services(verdict: PipelineVerdict) -> str:
    if not verdict.services:
        return ""
    width = max(len("service"), *(len(name) for name in verdict.services))
    lines = [f"{'service':{width}}  spans  metrics  logs"]
    lines += [
        f"{name:{width}}  {one.spans:5}  {one.metrics:7}  {one.logs:4}"
        for name, one in verdict.services.items()
    ]
    return "\n".join(lines)


def _jobs(verdict: PipelineVerdict) -> str:
    if not verdict.jobs:
        return ""
    width = max(len(name) for name in verdict.jobs)
    lines = [
        f"{name:{width}}  {', '.join(f'{n} {state}' for state, n in job.states.items())}"
        for name, job in verdict.jobs.items()
    ]
    head = f"{counted(len(verdict.jobs), 'job')}, {counted(len(verdict.datasets), 'dataset')}"
    return "\n".join([head, *(f"  {line}" for line in lines)])


def _stored(verdict: PipelineVerdict) -> str:
    """What backends hold of what was acknowledged, or were sent of it."""
    return "\n".join(
        f"{one.backend} {'was sent' if one.exported else 'holds'} {one.stored} of "
        f"{one.acknowledged} acknowledged {one.signal}"
        for one in verdict.stored
    )


def _graph(verdict: PipelineVerdict) -> str:
    """The lineage, indented: a dataset, the jobs that read it, what these write, and so on."""
    readers: dict[str, list[str]] = {}
    for name, job in verdict.jobs.items():
        for dataset in job.inputs:
            readers.setdefault(dataset, []).append(name)
    written = {dataset for job in verdict.jobs.values() for dataset in job.outputs}
    roots = sorted(readers.keys() - written) or sorted(readers)
    makers = [n for n, job in verdict.jobs.items() if job.outputs and not job.inputs]
    shown: set[str] = set()

    def below(dataset: str, depth: int) -> Iterator[str]:
        for name in readers.get(dataset, ()):
            yield from of_job(name, depth)

    def of_job(name: str, depth: int) -> Iterator[str]:
        again = name in shown and bool(verdict.jobs[name].outputs)
        yield f"{'  ' * depth}> {name}{' (see above)' if again else ''}"
        if again:
            return
        shown.add(name)
        for dataset in verdict.jobs[name].outputs:
            yield f"{'  ' * (depth + 1)}{dataset}"
            yield from below(dataset, depth + 2)

    lines = [line for name in makers for line in of_job(name, 1)]
    for root in roots:
        lines += [f"  {root}", *below(root, 2)]
    if not lines:
        return ""
    cut = [f"  … and {len(lines) - _MOST_LINES} more lines"] if len(lines) > _MOST_LINES else []
    return "\n".join(["lineage (> is a job)", *lines[:_MOST_LINES], *cut])


def finding_text(finding: RuleFinding) -> str:
    """Return what a rule found, with three of its places."""
    times = f" ({finding.count} times)" if finding.count > 1 else ""
    lines = [f"{finding.severity} {finding.code}{times}: {finding.title}", f"  {finding.why}"]
    lines += [f"  - {place}: {text}" for place, text in finding.places[:_EXAMPLES]]
    if finding.count > _EXAMPLES:
        lines.append(f"  … and {finding.count - _EXAMPLES} more")
    return "\n".join(lines)


def _known(findings: Iterable[RuleFinding]) -> str:
    known = sum(finding.known for finding in findings)
    return f"{counted(known, 'finding')} of the baseline" if known else ""
