"""Log records of OTLP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox_recorder.decoders.found import PacksJson, found
from sandbox_recorder.decoders.otlp_values import parse_request, plain, plain_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox_recorder.decoders.found import Found
    from sandbox_recorder.messages import Messages

_SEVERITIES = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
_STEPS = 4  # numbers of each severity: 1 to 4 are TRACE, 5 to 8 DEBUG, …


class OtlpLogs(PacksJson):
    """Reads LogsRequest; an item is one log record."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    def decode(self, body: bytes, content_type: str) -> Iterator[Found]:
        """One item for each record, found by its trace id and by attributes."""
        request = parse_request(self._messages, "sandbox.otlp.LogsRequest", body, content_type)
        for group in request.resource_logs:
            resource = plain(group.resource.attributes)
            for scoped in group.scope_logs:
                for record in scoped.log_records:
                    yield _record(record, resource)


def _record(record: Any, resource: dict[str, Any]) -> Found:
    attributes = plain(record.attributes)
    item = {
        "body": plain_value(record.body),
        "severity": record.severity_text or _severity(record.severity_number),
        "severity_number": record.severity_number,
        "trace_id": record.trace_id.hex(),
        "span_id": record.span_id.hex(),
        "service": resource.get("service.name", ""),
        "time": str(record.time_unix_nano or record.observed_time_unix_nano),
        "attributes": attributes,
        "resource": resource,
    }
    return found([item["trace_id"], *attributes.values(), *resource.values()], item)


def _severity(number: int) -> str:
    step = (number - 1) // _STEPS
    return _SEVERITIES[step] if 0 <= step < len(_SEVERITIES) else ""
