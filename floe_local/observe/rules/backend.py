"""Profile `backend:NAME`: will this backend make of the lineage what its sender means?

The rules are data of its blueprint (`checks`): JMESPath that is true of what is wrong.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jmespath
from jmespath.exceptions import JMESPathError

from floe_local.observe.rules.model import Occurrence, Severity, SoundnessRule
from floe_local.observe.session.lineage import mapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from floe_local.observe.rules.model import View
    from floe_local.plan.blueprint.model import BackendCheck


def backend_rules(checks: Iterable[BackendCheck]) -> tuple[SoundnessRule, ...]:
    """Return a blueprint's checks as rules."""
    return tuple(
        SoundnessRule(one.code, Severity(one.severity), one.title, one.why, partial(_look, one))
        for one in checks
    )


def _look(check: BackendCheck, view: View) -> Iterator[Occurrence]:
    for place, called, item in _items(check.each, view):
        try:
            found = jmespath.search(check.find, item)
        except JMESPathError:  # what it looks at is of another type: there is nothing to find
            continue
        if found is True:
            yield Occurrence(place, called)


def _items(each: str, view: View) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Where each item is, what it is called, and what a check sees of it."""
    lineage = view.lineage
    if each == "event":
        for event in view.session.events:
            content = mapping(event.content)
            job = mapping(content.get("job"))
            called = f"{content.get('eventType')} of {job.get('namespace')}/{job.get('name')}"
            yield event.place, called, content
    elif each == "run":
        for run in lineage.runs.values():
            parent = run.parent_job and run.parent_job._asdict()
            item = {
                "run_id": run.run_id,
                "job": run.job._asdict(),
                "parent_job": parent,
                "types": list(run.types),
                "state": run.state,
                "facets": run.facets,
                "inputs": [{**name._asdict(), "facets": f} for name, f in run.inputs.items()],
                "outputs": [{**name._asdict(), "facets": f} for name, f in run.outputs.items()],
            }
            yield run.place, f"run {run.run_id} of {run.job}", item
    else:
        for name, facets in lineage.datasets.items():
            yield lineage.seen_at[name], f"dataset {name}", {**name._asdict(), "facets": facets}
