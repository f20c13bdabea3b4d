"""Several plugins' configs in one Collector: no id means two things."""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_local.plan.compiler.draft import SECTIONS, renamed, type_of
from floe_local.plan.nested import map_texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from floe_local.plan.compiler.draft import Config, Draft


def without_clashes(
    drafts: Iterable[Draft], reserved: Mapping[str, frozenset[str]]
) -> tuple[Draft, ...]:
    """Rule prefix: a component whose id is taken gets its backend's name into the id.

    Args:
        drafts: in the manifest's order; the first to use an id keeps it.
        reserved: floe-local's own ids, by section.
    """
    taken = {section: set(reserved.get(section, ())) for section in SECTIONS}
    result = []
    for draft in drafts:
        apart = draft
        for section in SECTIONS:
            apart = _prefixed(apart, section, taken[section])
            taken[section] |= set(apart.config[section])
        result.append(apart)
    return tuple(result)


def _prefixed(draft: Draft, section: str, taken: set[str]) -> Draft:
    backend = draft.output.name
    names = {i: prefixed_id(i, backend) for i in draft.config[section] if i in taken}
    if not names:
        return draft
    config = renamed(draft.config, section, names)
    if section == "extensions":
        config = _with_references(draft, config, names)
    why = "another component has that id"
    for before, after in names.items():
        draft = draft.noting("prefix", f"{section}.{before}", before, after, why)
    return draft.having(**config)


def prefixed_id(component: str, backend: str) -> str:
    """``otlp_grpc`` → ``otlp_grpc/<backend>``; ``otlp_grpc/x`` → ``otlp_grpc/<backend>_x``."""
    name = component.partition("/")[2]
    return f"{type_of(component)}/{backend}" + (f"_{name}" if name else "")


def _with_references(draft: Draft, config: Config, names: Mapping[str, str]) -> Config:
    """Components refer to extensions by id (``auth.authenticator``, a queue's ``storage``)."""

    def renamed_id(text: str) -> str:
        return names.get(draft.seen(text), text)

    return {section: map_texts(components, renamed_id) for section, components in config.items()}
