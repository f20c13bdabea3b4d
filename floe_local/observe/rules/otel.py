"""Profile `otel`: can a span be found, is it whole, is it named as others name it?

Sources: the trace data model, and OpenTelemetry's semantic conventions as the package
opentelemetry-semantic-conventions has them.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from functools import cache
from inspect import getsource
from typing import TYPE_CHECKING, Any, Literal

from floe_local.observe.rules.model import Occurrence, Severity, SoundnessRule
from floe_local.observe.session.model import LogRecord, Metric, Span
from floe_local.plan.secrets.recognise import credentials_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from floe_local.observe.rules.model import View

Attributed = Span | Metric | LogRecord

_TRACE_DIGITS, _SPAN_DIGITS = 32, 16
_IS_REMOTE = 0x200
_DAY_NS = 86_400 * 10**9
_DEFAULT_SERVICE = "unknown_service"
_RETIRED = re.compile(
    r'^\w+: Final = "([^"]+)"\n"""\n(Deprecated[:,].*?)\n"""', re.MULTILINE | re.DOTALL
)


def _items(view: View) -> Iterator[Attributed]:
    yield from view.session.spans
    yield from view.session.metrics
    yield from view.session.logs


def _called(item: Attributed) -> str:
    service = item.resource.get("service.name")
    of = f" of {service}" if service else ""
    if isinstance(item, Span):
        return f"span {item.name!r} ({item.span_id}){of}"
    return f"metric {item.name!r}{of}" if isinstance(item, Metric) else f"a log record{of}"


def _service(view: View) -> Iterator[Occurrence]:
    for item in _items(view):
        name = item.resource.get("service.name")
        if not name:
            yield Occurrence(item.place, "a resource has no `service.name`")
        elif str(name).startswith(_DEFAULT_SERVICE):
            yield Occurrence(item.place, f"`service.name` is the SDK's default, {name!r}")


def _ids(view: View) -> Iterator[Occurrence]:
    seen: set[tuple[str, str]] = set()
    for span in view.session.spans:
        for word, value, digits in (
            ("trace", span.trace_id, _TRACE_DIGITS),
            ("span", span.span_id, _SPAN_DIGITS),
        ):
            if len(value) != digits or not value.strip("0"):
                yield Occurrence(span.place, f"{_called(span)}: the {word} id is {value!r}")
        if span.parent_id == span.span_id:
            yield Occurrence(span.place, f"{_called(span)} is its own parent")
        if (span.trace_id, span.span_id) in seen:
            yield Occurrence(span.place, f"{_called(span)} came twice")
        seen.add((span.trace_id, span.span_id))


def _times(view: View) -> Iterator[Occurrence]:
    taken = {request.number: request.at * 10**9 for request in view.session.requests}
    for span in view.session.spans:
        at = taken.get(span.request or 0)
        if not span.start or not span.end:
            yield Occurrence(
                span.place, f"{_called(span)} has no {'end' if span.start else 'start'}"
            )
        elif span.end < span.start:
            yield Occurrence(
                span.place, f"{_called(span)} ends {span.start - span.end} ns before it starts"
            )
        elif at is not None and abs(at - span.end) > _DAY_NS:
            days = (span.end - at) / _DAY_NS
            yield Occurrence(
                span.place, f"{_called(span)} ends {days:+.0f} days from when it was sent"
            )


def _parents(view: View) -> Iterator[Occurrence]:
    for span in view.session.spans:
        parent = (span.trace_id, span.parent_id)
        if span.parent_id and parent not in view.span_ids and not span.flags & _IS_REMOTE:
            yield Occurrence(span.place, f"{_called(span)}: its parent {span.parent_id} never came")


def _remote_parents(view: View) -> Iterator[Occurrence]:
    for span in view.session.spans:
        parent = (span.trace_id, span.parent_id)
        if span.parent_id and parent not in view.span_ids and span.flags & _IS_REMOTE:
            text = f"{_called(span)}: its parent {span.parent_id}, of another process, never came"
            yield Occurrence(span.place, text)


def _names(view: View) -> Iterator[Occurrence]:
    for span in view.session.spans:
        if not span.name:
            yield Occurrence(span.place, f"{_called(span)} has no name")


def _retired(view: View) -> Iterator[Occurrence]:
    told: set[tuple[str, str]] = set()
    for item in _items(view):
        reasons = {
            name: retired_names().get(name) for _, some in _attribute_sets(item) for name in some
        }
        if isinstance(item, Metric):
            reasons[item.name] = retired_names("metrics").get(item.name)
        service = str(item.resource.get("service.name"))
        for name, reason in reasons.items():
            if reason and (service, name) not in told:
                told.add((service, name))
                yield Occurrence(item.place, f"{_called(item)}: `{name}`. {reason}")


def _reasons(view: View) -> Iterator[Occurrence]:
    for span in view.session.spans:
        exception = any(name.split("#")[0] == "exception" for name in span.events)
        says = span.status["message"] or exception or span.attributes.get("error.type")
        if span.status["code"] == "error" and not says:
            yield Occurrence(span.place, _called(span))


def _credentials(view: View) -> Iterator[Occurrence]:
    told: set[tuple[str, ...]] = set()
    for item in _items(view):
        service, named = str(item.resource.get("service.name")), getattr(item, "name", "")
        for what, attributes in _attribute_sets(item):
            for path in credentials_in(attributes):
                name = str(path[0])
                if (service, named, what, name) not in told:
                    told.add((service, named, what, name))
                    yield Occurrence(item.place, f"{_called(item)}: {what} `{name}`")


def _attribute_sets(item: Attributed) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "attribute", item.values if isinstance(item, Metric) else item.attributes
    yield "resource attribute", item.resource
    if isinstance(item, LogRecord):
        yield "the", {"body": item.body}
    if isinstance(item, Span):
        yield from ((f"event {name!r}, attribute", values) for name, values in item.events.items())


@cache
def retired_names(kind: Literal["attributes", "metrics"] = "attributes") -> dict[str, str]:
    """The attributes or metrics that semantic conventions have retired, and what they say of it."""
    package = importlib.import_module(f"opentelemetry.semconv._incubating.{kind}")
    found = {}
    for module in pkgutil.iter_modules(package.__path__):
        source = getsource(importlib.import_module(f"{package.__name__}.{module.name}"))
        for name, reason in _RETIRED.findall(source):
            found[name] = " ".join(reason.removeprefix("Deprecated:").split())
    return found


_E, _W, _N = Severity.ERROR, Severity.WARNING, Severity.NOTE

RULES = (
    SoundnessRule(
        "service-name",
        _W,
        "each resource has a `service.name`",
        "Backends group by it: without one the spans of all programs are one `unknown_service`.",
        _service,
    ),
    SoundnessRule(
        "span-ids",
        _E,
        "trace and span ids are valid, and a span comes once",
        "Backends refuse or overwrite such spans, and whatever refers to them points nowhere.",
        _ids,
    ),
    SoundnessRule(
        "span-times",
        _E,
        "a span ends after it starts, near the time at which it is sent",
        "Backends drop it as too old, or show it with a duration that cannot be.",
        _times,
    ),
    SoundnessRule(
        "span-parent",
        _E,
        "the parent of a span comes, too",
        "The trace falls into pieces: the parent was dropped, not ended, or not flushed.",
        _parents,
    ),
    SoundnessRule(
        "remote-parent",
        _N,
        "the parent that another process has comes, too",
        "Fine where that process sends elsewhere; else its spans are lost.",
        _remote_parents,
    ),
    SoundnessRule(
        "span-name",
        _W,
        "a span has a name",
        "It can be neither searched for nor read.",
        _names,
    ),
    SoundnessRule(
        "retired-name",
        _W,
        "attributes have the names that semantic conventions have today",
        "Dashboards and backends that know the new names do not find the old ones.",
        _retired,
    ),
    SoundnessRule(
        "error-reason",
        _W,
        "a span that failed says why",
        "Whoever reads the trace sees that it failed, and has to look elsewhere for the cause.",
        _reasons,
    ),
    SoundnessRule(
        "credential",
        _E,
        "no attribute holds a credential",
        "Telemetry is stored for weeks, and read by more people than may know a password.",
        _credentials,
    ),
)
