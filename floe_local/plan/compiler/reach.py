"""What a config reaches: the addresses in it, wherever they stand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from floe_local.errors import InputError
from floe_local.plan.artifacts import ENDS_IN_COLLECTOR, SCRAPED
from floe_local.plan.compiler.address import parse_address
from floe_local.plan.compiler.draft import SECTIONS, type_of
from floe_local.plan.env_refs import references
from floe_local.plan.nested import scalars
from floe_local.plan.yaml_source import dotted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from floe_local.plan.compiler.draft import Config
    from floe_local.plan.yaml_source import Path_

STAYING = ENDS_IN_COLLECTOR | SCRAPED
"""Types of exporters that call nobody: what they take ends in the Collector, or is fetched."""

_ONLY_DATA = frozenset(
    {
        *("attributes", "filter", "metricstransform", "redaction", "resource", "span"),
        *("tail_sampling", "transform", "count", "routing", "spanmetrics"),
    }
)
"""Types of processors and connectors in which an address is a value of telemetry."""

_NEVER_CALLED = frozenset({"headers", "labels", "const_labels", "external_labels"})
"""Keys under which an address is told to others, and not called."""

_ADDRESS = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*://[^\s,;\"'<>]*"
    r"|(?<![\w.:/{-])(?:\[[0-9A-Fa-f:.]+\]|(?=[\w.-]*[A-Za-z.])\w[\w.-]*):\d{1,5}(?![\w:.@-])"
)
_BARE_DOMAIN = re.compile(r"^[A-Za-z0-9][\w-]*(?:\.[\w-]+)*\.(?:[A-Za-z]{2,}|\d+\.\d+\.\d+)(?=/|$)")
_ADDRESS_KEY = re.compile(
    r"(?:endpoint|url|uri|addr|address|host|server|broker|dsn|connection_?string"
    r"|endpointoverride)(?:e?s)?$",
    re.IGNORECASE,
)


class Found(NamedTuple):
    """An address, and the dotted path to it; `text` may be a reference, ``${env:URL}``."""

    place: str
    text: str


def reaching_components(config: Config) -> Iterator[tuple[str, str, Any]]:
    """Section, id and config of the components that may call somebody."""
    for section in SECTIONS:
        for key, component in config[section].items():
            kind = type_of(key)
            stays = section == "exporters" and kind in STAYING
            if not stays and not (section in {"processors", "connectors"} and kind in _ONLY_DATA):
                yield section, key, component


def addresses(value: Any, place: tuple[str, ...]) -> Iterator[Found]:
    """URLs and ``host:port`` in any text; names and references under a key that holds them."""
    for path, text in scalars(value, place):
        if isinstance(text, str) and not _NEVER_CALLED.intersection(path):
            yield from (found_at(path, found) for found in _in_text(path, text))


def found_at(path: Path_, text: str) -> Found:
    """An address that stands at a path of keys and indices."""
    return Found(dotted(tuple(map(str, path))), text)


def holds_address(path: Path_) -> bool:
    """Whether the key at the end of a path is one that holds an address."""
    return bool(_ADDRESS_KEY.search(last_key(path)))


def last_key(path: Path_) -> str:
    """The last step of a path that is no index."""
    return next((str(step) for step in reversed(path) if isinstance(step, str)), "")


def leak(who: str, place: str, what: str, key_of: str = "`sandbox`") -> InputError:
    """The error for what would reach a real account without ``--live``."""
    hint = f"name it under {key_of} in the plugin's blueprint.yaml, or use --live"
    return InputError("sandbox-leak", f"{who}: {place}: {what}", hint)


def _in_text(path: Path_, text: str) -> list[str]:
    if not holds_address(path):
        return _ADDRESS.findall(text)
    if references(text) and parse_address(text) is None:
        return [text]
    return _ADDRESS.findall(text) or ([text] if _BARE_DOMAIN.match(text) else [])
