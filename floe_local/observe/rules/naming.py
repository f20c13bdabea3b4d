"""How sources of data are named, as openlineage-python's naming module has it (spec/naming.md)."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from floe_local.observe.session.lineage import LineageName

_DEFAULT_PORTS = {
    "postgres": "5432", "mysql": "3306", "sqlserver": "1433", "oracle": "1521", "trino": "8080",
    "redshift": "5439", "mssql": "1433", "cassandra": "9042", "hive": "10000", "http": "80",
    "https": "443", "kafka": "9092", "teradata": "1025", "db2": "50000", "mongodb": "27017",
}  # fmt: skip
_ALIASES = {
    "s3a": "s3", "s3n": "s3", "postgresql": "postgres", "gs": "gs", "wasb": "wasbs", "abfs": "abfss",
}  # fmt: skip
_ACCOUNT_DOMAIN = re.compile(r"\.(snowflakecomputing\.com|privatelink\.snowflakecomputing\.com)$")
_HOLE = "\x00"


class Spelling(NamedTuple):
    """What is left of a dataset's name without what producers spell differently."""

    scheme: str
    authority: str
    name: str


def spellings(name: LineageName) -> Spelling:
    """Reduce a name: without case, trailing slashes, default port, account's long form."""
    scheme, found, rest = name.namespace.strip().lower().partition("://")
    if not found:
        scheme, rest = "", scheme
    scheme = _ALIASES.get(scheme, scheme)
    authority = rest.rstrip("/").removesuffix(f":{_DEFAULT_PORTS.get(scheme)}")
    authority = _ACCOUNT_DOMAIN.sub("", authority)
    if scheme == "snowflake":  # an account is `org-account`, or the old `account.region.cloud`
        authority = authority.partition(".")[0]
    return Spelling(scheme, authority, name.name.strip().strip("/").lower().replace('"', ""))


class NamedSource(NamedTuple):
    """How one source is named: patterns, and the form that a reader sees."""

    source: str
    scheme: str
    namespace: re.Pattern[str]
    name: re.Pattern[str]
    form: str


def naming_problem(name: LineageName) -> str:
    """Say why a dataset is not named as its source is; empty where it is, or is no known one.

    A scheme that several sources share lets pass what fits one of them.
    """
    scheme = name.namespace.partition("://")[0].lower() if "://" in name.namespace else ""
    candidates = sources().get(scheme, ())
    if not candidates:
        return ""
    if any(
        s.namespace.fullmatch(name.namespace) and s.name.fullmatch(name.name) for s in candidates
    ):
        return ""
    forms = " or ".join(dict.fromkeys(one.form for one in candidates))
    return f"{name.namespace} {name.name} is not of the form {forms}"


@cache
def sources() -> dict[str, tuple[NamedSource, ...]]:
    """The sources that the naming module has, by the scheme of their namespaces."""
    from openlineage.client.naming import dataset  # noqa: PLC0415 - slow to load

    found: dict[str, tuple[NamedSource, ...]] = {}
    for kind in vars(dataset).values():
        source = _source(kind) if isinstance(kind, type) else None
        if source is not None:
            found[source.scheme] = (*found.get(source.scheme, ()), source)
    return found


def _source(kind: type) -> NamedSource | None:
    """A source's patterns, by naming a dataset whose every part is a hole."""
    fields = getattr(kind, "__attrs_attrs__", ())
    try:
        named = kind(**{one.name: f"{_HOLE}{one.name}{_HOLE}" for one in fields})
        namespace, name = named.get_namespace(), named.get_name()
    except (AttributeError, TypeError, ValueError):
        return None  # one whose parts are of a closed set
    scheme, found, _ = namespace.partition("://")
    if not found or _HOLE in scheme or not fields:
        return None
    form = re.sub(f"{_HOLE}(\\w+){_HOLE}", r"{\1}", f"{namespace} {name}")
    return NamedSource(kind.__name__, scheme.lower(), _pattern(namespace), _pattern(name), form)


def _pattern(template: str) -> re.Pattern[str]:
    """A text with holes as a pattern: a hole is anything, but not nothing."""
    parts = template.split(_HOLE)
    return re.compile("".join(".+" if i % 2 else re.escape(part) for i, part in enumerate(parts)))
