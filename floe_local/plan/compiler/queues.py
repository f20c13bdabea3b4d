"""Batching and retries, in the exporters' sending queues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from floe_local.plan.compiler.draft import type_of

if TYPE_CHECKING:
    from floe_local.plan.compiler.draft import Config, Draft

STORAGE = "file_storage/floe"
_QUEUED = frozenset({"otlp_grpc", "otlp_http"})
# A batch is small enough for a gRPC receiver's usual limit of 4 MiB.
_BATCH = {"flush_timeout": "200ms", "min_size": 512, "max_size": 2048}
# Without an end to retrying, what was accepted is delivered once the backend is back.
_RETRY = {
    "enabled": True,
    "initial_interval": "1s",
    "max_interval": "10s",
    "max_elapsed_time": "0s",
}


def queued(draft: Draft, *, persistent: bool) -> Draft:
    """Exporters that take a queue, with one; what the plugin set itself stays.

    Types other than OTLP take it if the blueprint lists them (`queued_exporters`): some
    (a file's, a scrape endpoint's) refuse the keys.
    """
    known = _QUEUED | set(draft.blueprint.queued_exporters if draft.blueprint else ())
    exporters = {
        key: _with_queue(draft, exporter, persistent=persistent)
        if type_of(key) in known
        else exporter
        for key, exporter in draft.config["exporters"].items()
    }
    return draft.having(exporters=exporters)


def _with_queue(draft: Draft, exporter: Config, *, persistent: bool) -> Config:
    return {
        **exporter,
        "sending_queue": _queue(exporter.get("sending_queue"), draft.batch, persistent=persistent),
        "retry_on_failure": _retry(exporter.get("retry_on_failure")),
    }


def _queue(given: Any, batch: Config, *, persistent: bool) -> Any:
    own = given if isinstance(given, dict) else {}
    if own.get("enabled") is False:
        return given
    wanted: Config = {"enabled": True, "queue_size": 5000}
    if persistent:
        wanted["storage"] = STORAGE
    wanted["batch"] = _sizes({**_BATCH, **batch})
    return {**wanted, **own}


def _sizes(batch: Config) -> Config:
    """A batch with ``max_size`` no smaller than ``min_size``; 0 means no limit."""
    low, high = batch["min_size"], batch["max_size"]
    both = isinstance(low, int) and isinstance(high, int)
    return {**batch, "max_size": low} if both and 0 < high < low else batch


def _retry(given: Any) -> Any:
    return {**_RETRY, **(given if isinstance(given, dict) else {})}
