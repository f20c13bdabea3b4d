"""Rules for a plugin's pipelines: what floe-local provides, what no longer belongs there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from floe_local.plan.compiler.draft import type_of
from floe_local.plan.env_refs import references
from floe_local.plan.yaml_source import suggestion

if TYPE_CHECKING:
    from floe_local.plan.compiler.draft import Config, Draft

RECEIVER = "otlp"
_DROPPED = {
    "batch": "batching is the exporter's (sending_queue.batch): that queue survives a kill",
    "queued_retry": "removed from the Collector; exporters queue and retry themselves",
}
_BATCH_KEYS = {
    "metadata_keys": "metadata_keys",
    "timeout": "flush_timeout",
    "send_batch_size": "min_size",
    "send_batch_max_size": "max_size",
}


def own_receivers(draft: Draft) -> Draft:
    """Rule receivers: pipelines start at the OTLP receivers that floe-local opens.

    A receiver or connector that the plugin itself defines stays.
    """
    config = draft.config
    own = {i for i in config["receivers"] if type_of(i) != RECEIVER} | set(config["connectors"])
    for key, pipeline in config["pipelines"].items():
        before = pipeline["receivers"]
        kept = [i for i in before if i in own]
        opened = [] if kept and len(kept) == len(before) else [RECEIVER]
        after = [*opened, *kept]
        if before and sorted(before) != sorted(after):
            why = "telemetry comes in by OTLP; the plugin names a receiver that it does not define"
            place = f"service.pipelines.{key}.receivers"
            draft = draft.noting("receivers", place, before, after, why, level="warning")
        draft = _with_part(draft, key, "receivers", after)
    for replaced in sorted(set(config["receivers"]) - own):
        why = "floe-local's OTLP receivers listen where pipelines expect them"
        draft = draft.noting("receivers", f"receivers.{replaced}", replaced, RECEIVER, why)
    kept_receivers = {i: c for i, c in config["receivers"].items() if i in own}
    return draft.having(receivers=kept_receivers)


def exporter_batching(draft: Draft) -> Draft:
    """Rule batch-in-pipeline: processors whose work the exporters do now."""
    for key, pipeline in draft.config["pipelines"].items():
        before = pipeline["processors"]
        after = [i for i in before if type_of(i) not in _DROPPED]
        for dropped in (i for i in before if i not in after):
            place = f"service.pipelines.{key}.processors"
            why = _DROPPED[type_of(dropped)]
            draft = draft.noting("batch-in-pipeline", place, dropped, None, why)
        draft = _with_part(draft, key, "processors", after)
    defined = draft.config["processors"]
    batch: Config = next((c for i, c in defined.items() if type_of(i) == "batch"), {})
    draft = draft.having(
        processors={i: c for i, c in defined.items() if type_of(i) not in _DROPPED}
    )
    settings = {new: batch[old] for old, new in _BATCH_KEYS.items() if batch.get(old) is not None}
    return replace(draft, batch=settings)


def own_guard(draft: Draft) -> Draft:
    """Rule memory-limiter: floe-local's stands first in every pipeline already."""
    defined = draft.config["processors"]
    for key, pipeline in draft.config["pipelines"].items():
        before = pipeline["processors"]
        after = [i for i in before if type_of(i) != "memory_limiter" or i in defined]
        if after != before:
            place = f"service.pipelines.{key}.processors"
            why = "every pipeline begins with floe-local's"
            draft = draft.noting("memory-limiter", place, before, after, why)
        draft = _with_part(draft, key, "processors", after)
    return draft


def checked(draft: Draft) -> Draft:
    """Refuse what no rule mends: references to nothing, and exporters that nothing uses.

    Raises:
        InputError: names plugin, distribution and field.
    """
    config = draft.config
    _refuse_unknown_authenticators(draft)
    ends = {*config["exporters"], *config["connectors"]}
    used: set[str] = set()
    for key, pipeline in config["pipelines"].items():
        place = f"service.pipelines.{key}"
        _refuse_unknown(draft, f"{place}.exporters", pipeline["exporters"], ends)
        _refuse_unknown(draft, f"{place}.processors", pipeline["processors"], config["processors"])
        if not pipeline["exporters"]:
            raise draft.fault(f"{place}.exporters", "is empty", "name an exporter")
        used |= set(pipeline["exporters"])
    unused = sorted(set(config["exporters"]) - used)
    if unused:
        hint = "add it to a pipeline's exporters, or leave it out"
        raise draft.fault(f"exporters.{unused[0]}", "no pipeline uses it", hint)
    return _with_defined_processors(draft)


def accepted_signals(draft: Draft) -> Draft:
    """Rule signal-not-taken: a warning where the backend will refuse what it is sent."""
    accepts = draft.blueprint.accepts if draft.blueprint else ()
    for key in draft.config["pipelines"] if accepts else ():
        signal = key.partition("/")[0]
        if signal not in accepts:
            place = f"service.pipelines.{key}"
            why = f"the blueprint says that the backend takes {', '.join(accepts)}"
            draft = draft.noting("signal-not-taken", place, signal, signal, why, level="warning")
    return draft


def _refuse_unknown(draft: Draft, place: str, ids: list[str], known: Any) -> None:
    for name in ids:
        if name not in known:
            hint = suggestion(name, known) if known else "the plugin defines none"
            raise draft.fault(place, f"'{name}' is not defined", hint)


def _refuse_unknown_authenticators(draft: Draft) -> None:
    for key, exporter in draft.config["exporters"].items():
        auth = draft.typed(exporter.get("auth"))
        name = auth.get("authenticator") if isinstance(auth, dict) else None
        if isinstance(name, str) and not references(name):
            place = f"exporters.{key}.auth.authenticator"
            _refuse_unknown(draft, place, [name], draft.config["extensions"])


def _with_defined_processors(draft: Draft) -> Draft:
    """Leave out processors that no pipeline uses: the Collector would only warn."""
    used = {i for p in draft.config["pipelines"].values() for i in p["processors"]}
    kept = {i: c for i, c in draft.config["processors"].items() if i in used}
    return draft.having(processors=kept)


def _with_part(draft: Draft, key: str, part: str, ids: list[str]) -> Draft:
    pipelines: Config = draft.config["pipelines"]
    return draft.having(pipelines={**pipelines, key: {**pipelines[key], part: ids}})
