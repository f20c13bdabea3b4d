"""Pulls an image, and says why when it cannot be pulled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from floe_local.errors import FloeError, InputError, MachineError
from floe_local.run.endpoint import IMAGE_NAME_HINT
from floe_local.run.progress import silent, timed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from floe_local.run.engine import Engine
    from floe_local.run.progress import OnProgress

MEGABYTE = 1_000_000
CAUSES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    # code, hint, what the engine's message holds; the first that fits
    ("pull-rate-limit", "Log in with `docker login`, or set local.registry to a mirror.",
     ("toomanyrequests", "rate limit")),
    ("pull-denied", "Log in with `docker login`, and check the image's name.",
     ("denied", "unauthorized", "authentication required", "no basic auth", "403 forbidden")),
    ("image-not-found", "Check the image's name and tag.",
     ("manifest unknown", "not found", "name unknown", "does not exist", "404")),
    ("image-platform", "Name an image for this machine's architecture under local.images.",
     ("no matching manifest",)),
    ("disk-full", "Make room: `docker system df` shows what is used.",
     ("no space left",)),
    ("registry-untrusted", "Add the registry's certificate to what the engine trusts.",
     ("x509", "certificate")),
    ("registry-unreachable", "Check the network, or set local.registry to a mirror.",
     ("no such host", "connection refused", "timeout", "timed out", "no route to host",
      "network is unreachable", "server misbehaving", "proxyconnect", "deadline exceeded",
      "connection reset", "name resolution", "eof", "http response to https")),
)  # fmt: skip


def mirrored(upstream: str, registry: str | None) -> str:
    """The name by which an upstream image is pulled: `registry` (a prefix) before it."""
    return f"{registry.rstrip('/')}/{upstream}" if registry else upstream


def registry_of(reference: str) -> str:
    """The host part of an image's name; empty for the engine's default registry."""
    first, slash, _ = reference.partition("/")
    named = slash and ("." in first or ":" in first or first == "localhost")
    return first if named else ""


def pull(reference: str, engine: Engine, report: OnProgress = silent) -> None:
    """Pull an image by its name.

    Raises:
        MachineError: why it was not pulled (see `CAUSES`; ``pull-failed`` for another cause).
        InputError: ``image-name``: that is not an image's name.
    """
    tell = timed(report, reference)
    tell("pulling", "")
    try:
        for text in progress_texts(engine.pull(reference)):
            tell("pulling", text)
    except _StreamError as error:
        raise pull_error(reference, str(error)) from error
    tell("pulled", "")


def pull_error(reference: str, message: str) -> FloeError:
    """The engine's message as an error that names its cause."""
    lower = message.lower()
    reason = f"{reference} could not be pulled: {message.strip()}"
    if "invalid reference format" in lower:
        return InputError("image-name", reason, IMAGE_NAME_HINT)
    for code, hint, signs in CAUSES:
        if any(sign in lower for sign in signs):
            return MachineError(code, reason, hint)
    return MachineError("pull-failed", reason, "The engine's log says more.")


class _StreamError(Exception):
    """The engine reported an error in the middle of its answer."""


def progress_texts(messages: Iterable[dict[str, Any]]) -> Iterator[str]:
    """What to show while layers arrive, such as ``12 of 45 MB``; only when that changes."""
    layers: dict[str, tuple[int, int]] = {}
    shown = ""
    for message in messages:
        if "error" in message:
            raise _StreamError(message["error"])
        detail = message.get("progressDetail") or {}
        if message.get("status") == "Downloading" and detail.get("total"):
            layers[message["id"]] = (detail["current"], detail["total"])
        elif message.get("status") == "Download complete" and message.get("id") in layers:
            total = layers[message["id"]][1]
            layers[message["id"]] = (total, total)
        done, total = (
            (sum(amounts) for amounts in zip(*layers.values(), strict=True)) if layers else (0, 0)
        )
        text = (
            f"{done // MEGABYTE} of {total // MEGABYTE} MB" if total else message.get("status", "")
        )
        if text != shown:
            shown = text
            yield text
