"""Components that the Collector no longer has, and what took their place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from floe_local.plan.compiler.draft import renamed, type_of
from floe_local.plan.compiler.endpoints import parse_address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from floe_local.plan.compiler.draft import CollectorConfig, Draft


_JAEGER = "removed in Collector 0.86; the backend takes OTLP"


@dataclass(frozen=True)
class Retired:
    """What replaces an exporter type.

    `ports` maps ports of the old protocol to the new's; `path` is the URL's path there, if
    it is another.
    """

    by: str
    why: str
    ports: Mapping[int, int] = field(default_factory=dict)
    same_component: bool = False
    path: str | None = None


EXPORTERS: Mapping[str, Retired] = {
    "otlp": Retired("otlp_grpc", "called otlp_grpc since Collector 0.144", same_component=True),
    "otlphttp": Retired("otlp_http", "called otlp_http since Collector 0.144", same_component=True),
    "logging": Retired("debug", "removed in Collector 0.111; debug does its work"),
    "jaeger": Retired("otlp_grpc", _JAEGER, {14250: 4317}),
    "jaeger_thrift": Retired("otlp_http", _JAEGER, {14268: 4318}, path=""),
    "loki": Retired(
        "otlp_http", "removed in Collector 0.131; the backend takes OTLP", path="/otlp"
    ),
    "opencensus": Retired(
        "otlp_grpc", "removed in Collector 0.133; OTLP replaced it", {55678: 4317}
    ),
}
"""Exporter types that were renamed or removed: the only names of products in floe_local."""

_TLS_KEYS = ("insecure", "insecure_skip_verify", "ca_file", "cert_file", "key_file")
_VERBOSITY = {"debug": "detailed", "info": "normal"}


def modernised(draft: Draft) -> Draft:
    """Rule retired-component: exporters that a current Collector does not have."""
    for old in tuple(draft.config["exporters"]):
        entry = EXPORTERS.get(type_of(old))
        if entry is not None:
            draft = _replaced(draft, old, entry)
    return _without_ballast(_nested_tls(draft))


def _without_ballast(draft: Draft) -> Draft:
    """Rule retired-component: the extension memory_ballast, which has no successor."""
    extensions = draft.config["extensions"]
    kept = {i: c for i, c in extensions.items() if type_of(i) != "memory_ballast"}
    for dropped in extensions.keys() - kept.keys():
        why = "removed in Collector 0.115; the Go runtime limits memory itself"
        draft = draft.record(
            "retired-component", f"extensions.{dropped}", dropped, None, why, level="warning"
        )
    return draft.with_sections(extensions=kept)


def _nested_tls(draft: Draft) -> Draft:
    """Rule retired-key: TLS settings of OTLP exporters, under ``tls``."""
    for key, before in draft.config["exporters"].items():
        flat = {name: before[name] for name in _TLS_KEYS if name in before}
        if flat and type_of(key) in {"otlp_grpc", "otlp_http"}:
            rest = {name: value for name, value in before.items() if name not in flat}
            after = {**rest, "tls": {**flat, **(before.get("tls") or {})}}
            why = "TLS settings stand under `tls`"
            place = f"exporters.{key}"
            exporters = {**draft.config["exporters"], key: after}
            draft = draft.with_sections(exporters=exporters).record(
                "retired-key", place, before, after, why, level="warning"
            )
    return draft


def _replaced(draft: Draft, old: str, entry: Retired) -> Draft:
    new = _new_id(draft, old, entry)
    before = draft.config["exporters"][old]
    after = _settings(draft, before, entry)
    config = renamed(draft.config, "exporters", {old: new})
    config["exporters"][new] = after
    place = f"exporters.{old}"
    changed = draft.with_sections(**config)
    return changed.record(
        "retired-component", place, {old: before}, {new: after}, entry.why, level="warning"
    )


def _new_id(draft: Draft, old: str, entry: Retired) -> str:
    """``otlp/x`` → ``otlp_grpc/x``; a component of another name keeps it in the id."""
    name = old.partition("/")[2] if entry.same_component else old.replace("/", "_")
    new = f"{entry.by}/{name}" if name else entry.by
    if new in draft.config["exporters"]:
        new = f"{entry.by}/{old.replace('/', '_')}_retired"
    return new


def _settings(draft: Draft, before: CollectorConfig, entry: Retired) -> CollectorConfig:
    after = dict(before)
    if entry.by == "debug":
        level = str(after.pop("loglevel", after.pop("logLevel", "")))
        return {"verbosity": _VERBOSITY.get(level, "basic"), **after} if level else after
    given = address = parse_address(draft.seen(after.get("endpoint")))
    if address is not None and address.port is not None:
        address = address.at(port=entry.ports.get(address.port, address.port))
    if address is not None and entry.path is not None:
        address = address.at(rest=entry.path)
    return after if address == given else {**after, "endpoint": str(address)}
