"""A request of the backend, from the checks to what is kept of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox_recorder.body import plain_body
from sandbox_recorder.config import ConfigError
from sandbox_recorder.credentials import check_credential
from sandbox_recorder.decoders.found import read_json
from sandbox_recorder.event_schema import EventSchema
from sandbox_recorder.paths import Paths
from sandbox_recorder.refusals import Refused
from sandbox_recorder.rules import Rules

if TYPE_CHECKING:
    from datetime import datetime

    from sandbox_recorder.config import Config, Route
    from sandbox_recorder.decoders import Decoders
    from sandbox_recorder.decoders.found import Decoder, Found
    from sandbox_recorder.failures import Failures
    from sandbox_recorder.incoming import Incoming

LARGEST_BODY = 64 * 1024 * 1024
"""Bytes, for a route that names no limit of its own; more is not read from the wire."""


@dataclass(slots=True)
class Taken:
    """What became of a request, as far as it came.

    `found` is what it held and the backend keeps; `ignored` are the reasons why it does not
    keep the rest; `refusal` is why it took nothing of it.
    """

    route: Route | None = None
    found: list[Found] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    refusal: Refused | None = None


class Intake:
    """Judges requests as the backend would, by its file."""

    def __init__(self, config: Config, failures: Failures, decoders: Decoders) -> None:
        """Make the checks of every route ready.

        Raises:
            ConfigError: If a route names a decoder that is not there.
        """
        self._config = config
        self._failures = failures
        self._paths = Paths(config.routes)
        self._decoders = decoders
        self._rules = {route.name: Rules(route.rules) for route in config.routes}
        self._schemas = {r.schema: EventSchema(r.schema) for r in config.routes if r.schema}
        for route in config.routes:
            self._decoder(route)

    def take(self, request: Incoming, now: datetime) -> Taken:
        """Judge a request.

        Args:
            request: The request, as it came over the wire.
            now: The time, with a zone.
        """
        taken = Taken()
        try:
            self._judge(request, now, taken)
        except Refused as refusal:
            taken.refusal = refusal
        return taken

    def _judge(self, request: Incoming, now: datetime, taken: Taken) -> None:
        """In the order in which a backend's gateway and intake would."""
        self._fail_on_demand(request.path)
        taken.route = route = self._paths.route(request.method, request.path)
        if route.credential and self._config.credential:
            check_credential(self._config.credential, request, now)
        _check_form(route, request)
        body = plain_body(request.body, request.encoding, route.limit or LARGEST_BODY)
        if route.schema:
            self._schemas[route.schema].check(read_json(body))
        decoder = self._decoder(route)
        if decoder:
            found = list(decoder.decode(body, request.content_type))
            self._keep(route, decoder, found, taken)

    def _fail_on_demand(self, path: str) -> None:
        failure = self._failures.take(path)
        if failure:
            after = failure.retry_after
            headers = {} if after is None else {"Retry-After": str(after)}
            raise Refused(failure.status, "failure on demand", headers)

    def _keep(self, route: Route, decoder: Decoder, found: list[Found], taken: Taken) -> None:
        rules = self._rules[route.name]
        if not rules:
            taken.found = found
            return
        reasons = [rules.ignored_for(decoder.item(one.packed)) for one in found]
        taken.found = [one for one, reason in zip(found, reasons, strict=True) if not reason]
        taken.ignored = [reason for reason in reasons if reason]

    def _decoder(self, route: Route) -> Decoder | None:
        if route.decode is None:
            return None
        try:
            return self._decoders[route.decode, str(route.signal)]
        except KeyError as problem:
            message = f"routes.{route.name}: no decoder {route.decode} of {route.signal}"
            raise ConfigError(message) from problem


def _check_form(route: Route, request: Incoming) -> None:
    kind, encoding = request.content_type, request.encoding
    if route.content_types and kind not in route.content_types:
        wanted = " or ".join(route.content_types)
        raise Refused(415, f"content type {kind or 'missing'}, not {wanted}")
    if encoding not in route.encodings:
        raise Refused(415, f"content encoding {encoding}, not {' or '.join(route.encodings)}")
