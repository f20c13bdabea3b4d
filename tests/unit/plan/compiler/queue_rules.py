"""The Collector's rules for an exporter's queue, as a model: queuebatch/config.go of 0.155.

tests/integration/compiler/test_overlay.py holds model and Collector together.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

SIZERS = st.sampled_from(["requests", "items", "bytes"])
_SIZES = st.sampled_from([1, 7, 200, 512, 1000, 5000, 8192, 50_000, 52_428_800])
_BATCHES = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "sizer": st.sampled_from(["items", "bytes"]),
        "min_size": st.sampled_from([0, 100, 512, 9000]),
        "max_size": st.sampled_from([0, 100, 2048, 10_000]),
        "flush_timeout": st.sampled_from(["50ms", "1s"]),
        "enabled": st.booleans(),
    },
)
QUEUES = st.fixed_dictionaries(
    {},
    optional={
        "sizer": SIZERS,
        "queue_size": _SIZES,
        "batch": _BATCHES,
        "enabled": st.booleans(),
        "wait_for_result": st.booleans(),
        "block_on_overflow": st.booleans(),
        "num_consumers": st.sampled_from([1, 10]),
        "storage": st.none(),
    },
)
RETRIES = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "enabled": st.booleans(),
        "initial_interval": st.sampled_from([1, 5, 60]),
        "max_interval": st.sampled_from([1, 30, 90]),
        "max_elapsed_time": st.sampled_from([0, 3, 40, 300]),
    },
)


def queue_is_valid(queue: dict[str, Any]) -> bool:
    """Whether the Collector takes a queue's settings."""
    if queue.get("enabled") is False:
        return True
    sizer = queue.get("sizer", "requests")
    if queue.get("storage") and queue.get("wait_for_result"):
        return False
    given = queue.get("batch", {"enabled": False})
    if given and given.get("enabled") is False:
        return True
    # `batch: null` is the default batch, `{}` as well, but that has the queue's sizer.
    batch = {"min_size": 8192, "max_size": 0, "sizer": "items", **(given or {})}
    if "sizer" in queue and given is not None and "sizer" not in given:
        batch["sizer"] = sizer
    if batch["sizer"] not in {"items", "bytes"}:
        return False
    if batch["sizer"] == sizer and batch["min_size"] > queue.get("queue_size", 1000):
        return False
    return not 0 < batch["max_size"] < batch["min_size"]


def retry_is_valid(retry: dict[str, Any] | None) -> bool:
    """Whether the Collector takes how often an exporter retries; times are in seconds here."""
    all_of_it = {
        "initial_interval": 5,
        "max_interval": 30,
        "max_elapsed_time": 300,
        **(retry or {}),
    }
    if all_of_it.get("enabled") is False or all_of_it["max_elapsed_time"] == 0:
        return True
    longest = max(all_of_it["initial_interval"], all_of_it["max_interval"])
    return bool(all_of_it["max_elapsed_time"] >= longest)


def in_seconds(retry: dict[str, Any] | None) -> dict[str, Any] | None:
    """The same as a config has it."""
    if retry is None:
        return None
    return {k: v if isinstance(v, bool) else f"{v}s" for k, v in retry.items()}
