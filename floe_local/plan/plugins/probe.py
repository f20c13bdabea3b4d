"""Looks closely at one plugin, in its child process: what it returns, reads, dials and says.

Nothing here judges; `floe_local.conformance` does. Light on purpose: the plugins' child
process imports it.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
from typing import TYPE_CHECKING, Any, Self

from floe_local.errors import InputError
from floe_local.plan.nested import json_fault
from floe_local.plan.plugins.calls import CALLS, OPTIONAL_CALLS
from floe_local.plan.plugins.dialing import normal_name
from floe_local.plan.plugins.errors import CallResult, PluginErrors
from floe_local.plan.plugins.loading import UNIFIED, PluginEntry, load_plugin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

UNKNOWN_KEY = "floe_local_unknown_key"
"""No plugin has a setting of this name; each should say so."""

METADATA = ("name", "version", "floe_api_version")
REFUSED_EVENTS = ("socket.connect", "socket.sendto", "socket.sendmsg")
"""What Python tells its audit hooks before it sends anything anywhere; C code cannot go round."""


class ReadVariables:
    """Remembers which environment variables are read, as long as this process lives."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        environment = type(os.environ)
        original = environment.__getitem__

        def remembering(variables: Any, key: Any) -> Any:
            if isinstance(key, str | bytes):
                self.names.add(os.fsdecode(key))
            return original(variables, key)

        environment.__getitem__ = remembering  # type: ignore[method-assign]


class CallDescription(CallResult):
    """What a call came to, in words that JSON can hold."""

    def __init__(self) -> None:
        self.words: dict[str, Any] = {}

    def take(self, answer: object) -> None:
        """Note what was returned."""
        is_plain = isinstance(answer, bool)
        self.words["returned"] = str(answer) if is_plain else type(answer).__name__

    def take_error(self, error: BaseException) -> None:
        """Note what was raised."""
        self.words["raised"] = [cls.__name__ for cls in type(error).__mro__]
        self.words["message"] = str(error)


class PluginProbe:
    """One plugin, looked at in this process: first its configs, then its validation.

    Args:
        job: ``kind``, ``config`` and ``defaults``, as the process was asked.
        entry: which plugin.
        step: told the name of each method before it is called.
    """

    def __init__(
        self, job: dict[str, Any], entry: PluginEntry, step: Callable[[str], None]
    ) -> None:
        self._job = job
        self._entry = entry
        self._step = step
        self._plugin: Any = None
        self._reading = ReadVariables()

    def configs(self) -> dict[str, Any]:
        """Load the plugin and call each of its config methods, whatever the others do.

        Returns:
            ``metadata`` (field → text, or a type's name in angle brackets), ``answers``
            (field of `PluginOutput` → what JSON can hold), ``unfit`` (method → why JSON
            cannot hold what it returned), ``errors`` (what could not be called),
            ``takes_unknown`` (whether it took a config key that it cannot know), ``read``
            (variables), ``dialled`` (``host:port``).
        """
        seen: dict[str, Any] = {"metadata": {}, "answers": {}, "unfit": {}, "errors": []}
        with Offline() as offline:
            try:
                self._load_and_ask(seen)
            except InputError as error:
                seen["errors"].append(error.as_dict())
        return {**seen, "read": sorted(self._reading.names), "dialled": offline.dialled}

    def _load_and_ask(self, seen: dict[str, Any]) -> None:
        self._step("import")
        job, entry = self._job, self._entry
        self._plugin = load_plugin(entry, job["config"], job["defaults"]).plugin
        seen["metadata"] = {field: _metadata(self._plugin, field) for field in METADATA}
        for field, method in _methods(self._plugin, job["kind"], entry):
            self._step(method)
            _ask(self._plugin, field, method, entry, seen)
        self._step("unknown config")
        seen["takes_unknown"] = _takes_unknown(job, entry)

    def validation(self) -> dict[str, Any]:
        """Run validate_connection() where nothing answers.

        Returns:
            ``returned`` (``True``, ``False`` or a type's name) or ``raised`` (the names of
            the exception's classes) with its whole ``message``; ``read`` and ``dialled``.
        """
        if self._plugin is None:
            return {}
        with Offline() as offline, CallDescription() as said:
            self._step("validate_connection")
            said.take(self._plugin.validate_connection())
        return {**said.words, "read": sorted(self._reading.names), "dialled": offline.dialled}


def _methods(plugin: Any, kind: str, entry: PluginEntry) -> Iterator[tuple[str, str]]:
    yield from CALLS[kind, entry.kind == UNIFIED].items()
    for field, method in OPTIONAL_CALLS[kind].items():
        if callable(getattr(plugin, method, None)):
            yield field, method


def _metadata(plugin: Any, field: str) -> str:
    value = getattr(plugin, field, "")
    return value if isinstance(value, str) else f"<{type(value).__name__}>"


def _ask(plugin: Any, field: str, method: str, entry: PluginEntry, seen: dict[str, Any]) -> None:
    try:
        with PluginErrors(entry.who, f"{method}()", entry.package, code="plugin-raised"):
            answer = getattr(plugin, method)()
    except InputError as error:
        seen["errors"].append(error.as_dict())
        return
    fault = json_fault(answer)
    if fault:
        seen["unfit"][method] = fault
    else:
        seen["answers"][field] = json.loads(json.dumps(answer))


def _takes_unknown(job: dict[str, Any], entry: PluginEntry) -> bool:
    try:
        load_plugin(entry, {**job["config"], UNKNOWN_KEY: "x"}, job["defaults"])
    except InputError as error:
        if error.code == "plugin-config":
            return False
        raise
    return True


class Offline:
    """Refuses every connection while its block runs; `dialled` is where they would have gone.

    It covers what dials through Python's socket module: a library with sockets of its own
    (gRPC) is not seen.

    A name that is looked up counts as dialled, too: the resolver is on the network. It gets
    a loopback address of its own, so that the plugin comes to its connection, which fails as
    one to a closed port does.
    """

    def __init__(self) -> None:
        self.dialled: list[str] = []
        self._names: dict[str, str] = {}
        self._is_on = False

    def __enter__(self) -> Self:
        self._getaddrinfo, self._gethostbyname = socket.getaddrinfo, socket.gethostbyname
        self._patch(self.getaddrinfo, self.gethostbyname)
        self._is_on = True
        sys.addaudithook(self._refuse)  # for good: nothing can take one away
        return self

    def __exit__(self, *raised: object) -> None:
        self._is_on = False
        self._patch(self._getaddrinfo, self._gethostbyname)

    @staticmethod
    def _patch(getaddrinfo: Any, gethostbyname: Any) -> None:
        for name, function in (("getaddrinfo", getaddrinfo), ("gethostbyname", gethostbyname)):
            setattr(socket, name, function)

    def getaddrinfo(self, host: Any, port: Any, family: int = 0, *args: Any, **kwargs: Any) -> Any:
        """Resolve any name to a loopback address of its own."""
        if host is None:  # this machine, to listen on
            return self._getaddrinfo(host, port, family, *args, **kwargs)
        self._remember(normal_name(host), port)
        return self._getaddrinfo(self._address(host), port, socket.AF_INET, *args, **kwargs)

    def gethostbyname(self, host: str) -> str:
        """Resolve any name to a loopback address of its own."""
        self._remember(normal_name(host), None)
        return self._address(host)

    def _address(self, host: Any) -> str:
        name = normal_name(host)
        known = {n: address for address, n in self._names.items()}
        address = known.get(name) or f"127.201.0.{len(known) % 254 + 1}"
        self._names[address] = name
        return address

    def _remember(self, name: str, port: object) -> None:
        place = f"{name}:{port}" if port is not None else name
        if place not in self.dialled:
            self.dialled.append(place)

    def _refuse(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._is_on or event not in REFUSED_EVENTS:
            return
        address = arguments[1] if len(arguments) > 1 else None
        if isinstance(address, tuple):
            host, port = normal_name(address[0]), address[1]
            self._remember(self._names.get(host, host), port)
        elif address is not None:
            self._remember(os.fsdecode(address), None)
        raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
