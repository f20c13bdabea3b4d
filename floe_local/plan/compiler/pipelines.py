"""Rules for a plugin's pipelines, and for the queues of its exporters.

What floe-local provides takes the place of the plugin's; what it lays over a plugin's settings
gives way: it makes no config invalid that was valid alone, and drops nothing that the plugin's
own settings would have kept. The Collector's rules that matter for queues are those of
exporterhelper (queuebatch/config.go of 0.155) and of file_storage.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from floe_local.plan.compiler.draft import type_of
from floe_local.plan.compiler.endpoints import parse_address
from floe_local.plan.env_refs import references
from floe_local.plan.nested import scalars
from floe_local.plan.yaml_source import dotted, suggestion

if TYPE_CHECKING:
    from floe_local.plan.compiler.draft import CollectorConfig, Draft

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

STORAGE = "file_storage/floe"
HEALTH_PORT = 13133
METRICS_PORT = 8888
OTLP_PORTS = {"grpc": 4317, "http": 4318}
_OWN_PORTS = {
    **dict.fromkeys(OTLP_PORTS.values(), "floe-local's OTLP receiver"),
    HEALTH_PORT: "floe-local's health_check",
    METRICS_PORT: "the Collector's own metrics",
}
_HEALTH_CHECKS = frozenset({"health_check", "healthcheckv2"})
_LISTENING_KEYS = frozenset({"endpoint", "listen_address"})

_QUEUED = frozenset({"otlp_grpc", "otlp_http"})
# A batch is small enough for a gRPC receiver's usual limit of 4 MiB. Its sizes are counts, in
# whatever the queue itself is measured.
_BATCH = {"flush_timeout": "200ms", "min_size": 512, "max_size": 2048, "sizer": "items"}
_QUEUE_SIZES = {"requests": 5000, "items": 500_000, "bytes": 256 * 2**20}
_ROOM_FOR_BATCHES = {"requests": 1000, "items": 4 * 2048, "bytes": 8 * 2**20}
"""The smallest queue that does not overflow while a batch waits in it."""

# Without an end to retrying, what was accepted is delivered once the backend is back.
_RETRY = {
    "enabled": True,
    "initial_interval": "1s",
    "max_interval": "10s",
    "max_elapsed_time": "0s",
}
_NO_TIME = re.compile(r"0+(\.0*)?(ns|us|µs|ms|s|m|h)?")


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
            draft = draft.record("receivers", place, before, after, why, level="warning")
        draft = _with_part(draft, key, "receivers", after)
    for replaced in sorted(set(config["receivers"]) - own):
        why = "floe-local's OTLP receivers listen where pipelines expect them"
        draft = draft.record("receivers", f"receivers.{replaced}", replaced, RECEIVER, why)
    kept_receivers = {i: c for i, c in config["receivers"].items() if i in own}
    return draft.with_sections(receivers=kept_receivers)


def exporter_batching(draft: Draft) -> Draft:
    """Rule batch-in-pipeline: processors whose work the exporters do now."""
    for key, pipeline in draft.config["pipelines"].items():
        before = pipeline["processors"]
        after = [i for i in before if type_of(i) not in _DROPPED]
        for dropped in (i for i in before if i not in after):
            place = f"service.pipelines.{key}.processors"
            why = _DROPPED[type_of(dropped)]
            draft = draft.record("batch-in-pipeline", place, dropped, None, why)
        draft = _with_part(draft, key, "processors", after)
    defined = draft.config["processors"]
    batch: CollectorConfig = next((c for i, c in defined.items() if type_of(i) == "batch"), {})
    draft = draft.with_sections(
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
            draft = draft.record("memory-limiter", place, before, after, why)
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
            raise draft.error_at(f"{place}.exporters", "is empty", "name an exporter")
        used |= set(pipeline["exporters"])
    unused = sorted(set(config["exporters"]) - used)
    if unused:
        hint = "add it to a pipeline's exporters, or leave it out"
        raise draft.error_at(f"exporters.{unused[0]}", "no pipeline uses it", hint)
    return _with_defined_processors(draft)


def accepted_signals(draft: Draft) -> Draft:
    """Rule signal-not-taken: a warning where the backend will refuse what it is sent."""
    accepts = draft.blueprint.accepts if draft.blueprint else ()
    for key in draft.config["pipelines"] if accepts else ():
        signal = key.partition("/")[0]
        if signal not in accepts:
            place = f"service.pipelines.{key}"
            why = f"the blueprint says that the backend takes {', '.join(accepts)}"
            draft = draft.record("signal-not-taken", place, signal, signal, why, level="warning")
    return draft


def _refuse_unknown(draft: Draft, place: str, ids: list[str], known: Any) -> None:
    for name in ids:
        if name not in known:
            hint = suggestion(name, known) if known else "the plugin defines none"
            raise draft.error_at(place, f"'{name}' is not defined", hint)


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
    return draft.with_sections(processors=kept)


def _with_part(draft: Draft, key: str, part: str, ids: list[str]) -> Draft:
    pipelines: CollectorConfig = draft.config["pipelines"]
    return draft.with_sections(pipelines={**pipelines, key: {**pipelines[key], part: ids}})


def own_extensions(draft: Draft) -> Draft:
    """Rule extensions: the health check that answers for the stack is floe-local's.

    Raises:
        InputError: another component listens on a port of floe-local's.
    """
    _refuse_taken_ports(draft)
    extensions = draft.config["extensions"]
    kept = {i: c for i, c in extensions.items() if type_of(i) not in _HEALTH_CHECKS}
    for dropped in (i for i in extensions if i not in kept):
        why = "floe-local's health_check answers where the stack's health is asked for"
        draft = draft.record("extensions", f"extensions.{dropped}", dropped, "health_check", why)
    return draft.with_sections(extensions=kept)


def _refuse_taken_ports(draft: Draft) -> None:
    for section in ("receivers", "extensions", "exporters"):
        for key, component in draft.config[section].items():
            if type_of(key) in _HEALTH_CHECKS:
                continue
            for path, value in scalars(component, (section, key)):
                address = parse_address(draft.seen(value)) if path[-1] in _LISTENING_KEYS else None
                own = _OWN_PORTS.get(address.port or 0) if address else None
                sends = section == "exporters" and type_of(key) in _QUEUED
                if own and address and address.is_local and not address.scheme and not sends:
                    what = f"port {address.port} is {own}"
                    raise draft.error_at(dotted(path), what, "use another port")


def overlaid(draft: Draft, directory: str | None) -> Draft:
    """Exporters that take a queue and retries, with both; what the plugin set itself stays.

    Types other than OTLP take them if the blueprint lists them (`queued_exporters`): some
    (a file's, a scrape endpoint's) refuse the keys.

    Args:
        draft: after all rules.
        directory: where queues are kept in the Collector's container; None: in memory.

    Raises:
        InputError: a queue's settings are not a mapping.
    """
    if directory is not None:
        draft = _with_storages(draft, directory)
    known = _QUEUED | set(draft.blueprint.queued_exporters if draft.blueprint else ())
    for key in draft.config["exporters"]:
        if type_of(key) in known:
            draft = _with_queue(draft, key, persistent=directory is not None)
    return draft


def _with_storages(draft: Draft, directory: str) -> Draft:
    """Rule queue-directory: a plugin's own storage, in the one folder that the Collector has."""
    extensions = dict(draft.config["extensions"])
    for key, before in extensions.items():
        if type_of(key) != "file_storage" or draft.seen(before.get("directory")) == directory:
            continue
        compaction = {**(before.get("compaction") or {}), "directory": directory}
        extensions[key] = {**before, "directory": directory, "compaction": compaction}
        why = "the Collector's container has one folder that can be written, and outlives it"
        place = f"extensions.{key}.directory"
        draft = draft.record("queue-directory", place, before.get("directory"), directory, why)
    return draft.with_sections(extensions=extensions)


def _with_queue(draft: Draft, key: str, *, persistent: bool) -> Draft:
    exporter = draft.config["exporters"][key]
    place = f"exporters.{key}.sending_queue"
    persistent = persistent and not _needs_context(draft, exporter)
    queue, left_out = _queue(draft, place, exporter, persistent=persistent)
    if left_out:
        draft = draft.record("queue-without-batch", place, None, None, left_out)
    retry = _retry(draft, exporter.get("retry_on_failure"))
    after = {**exporter, "sending_queue": queue, "retry_on_failure": retry}
    return draft.with_sections(exporters={**draft.config["exporters"], key: after})


def _needs_context(draft: Draft, exporter: CollectorConfig) -> bool:
    """Whether what is sent depends on who sent it: a queue on disk, and a batch, forget that."""
    auth = draft.typed(exporter.get("auth"))
    name = auth.get("authenticator") if isinstance(auth, dict) else None
    by_header = isinstance(name, str) and type_of(name) == "headers_setter"
    return by_header or bool(draft.batch.get("metadata_keys"))


def _queue(
    draft: Draft, place: str, exporter: CollectorConfig, *, persistent: bool
) -> tuple[Any, str]:
    """A queue's settings, and why a batch is left out of them ("": it is not)."""
    given = exporter.get("sending_queue")
    own = draft.typed({} if given is None else given)
    if not isinstance(own, dict) and not references(own):
        raise draft.error_at(place, f"expected a mapping, got {type(own).__name__}")
    if not isinstance(given, dict | None) or own.get("enabled") is False:
        return given, ""
    sizer = own.get("sizer") or "requests"
    added: CollectorConfig = {"enabled": True}
    if sizer in _QUEUE_SIZES:
        added["queue_size"] = _QUEUE_SIZES[sizer]
    waits = own.get("wait_for_result") not in {None, False}
    if persistent and not waits:
        added["storage"] = STORAGE
    size = own.get("queue_size", added.get("queue_size"))
    left_out = "" if "batch" in own else _no_batch(sizer, size, waits=waits)
    if _needs_context(draft, exporter):
        left_out = left_out or "what is sent depends on who sent it"
    if "batch" not in own and not left_out:
        added["batch"] = _batch(draft)
    return {**added, **(given or {})}, left_out


def _no_batch(sizer: Any, size: Any, *, waits: bool) -> str:
    """Why a batch would not fit into a queue of the plugin's; "": it fits."""
    if waits:
        return "the sender waits for each result"
    needed = _ROOM_FOR_BATCHES.get(sizer) if isinstance(sizer, str) else None
    if needed is None or isinstance(size, bool) or not isinstance(size, int):
        return "how much the queue holds is only known when it runs"
    if size < needed:
        return f"a queue of {size} {sizer} could overflow while a batch waits in it"
    return ""


def _batch(draft: Draft) -> CollectorConfig:
    """A batch as the plugin's own processor had it; ``max_size`` is not smaller than ``min_size``."""
    given = {k: v for k, v in draft.batch.items() if k in _BATCH}
    if _NO_TIME.fullmatch(str(draft.seen(given.get("flush_timeout", "")))):
        # The processor sends at once then; the queue wants a time.
        given |= {"flush_timeout": _BATCH["flush_timeout"], "min_size": 0}
    batch = {**_BATCH, **given}
    low, high = draft.typed(batch["min_size"]), draft.typed(batch["max_size"])
    both = isinstance(low, int) and isinstance(high, int)
    return {**batch, "max_size": low} if both and 0 < high < low else batch


def _retry(draft: Draft, given: Any) -> Any:
    """Retries as the plugin set them, over floe-local's; ours are shorter, so both agree."""
    own = draft.typed({} if given is None else given)
    if not isinstance(own, dict) or not isinstance(given, dict | None):
        return given
    return given if own.get("enabled") is False else {**_RETRY, **(given or {})}
