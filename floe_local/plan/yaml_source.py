"""YAML that says where each of its values stands.

The loader is safe (plain data only) and has limits: on the file's size, on nesting, and on
what aliases may grow into ("YAML bombs"). A duplicate key is an error.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from floe_local.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import yaml

Path_ = tuple[str | int, ...]

_PLAIN_TAGS = frozenset({"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})
MAX_BYTES = 1_000_000
MAX_DEPTH = 40
MAX_VALUES = 20_000


@dataclass(frozen=True)
class Source:
    """A YAML mapping with the line of each of its values.

    `lines` maps a path, such as ``("plugins", "lineage_backend", 0)``, to a line from 1.
    """

    name: str
    data: dict[str, Any]
    lines: dict[Path_, int] = field(default_factory=dict)

    def line(self, path: Path_) -> int:
        """The line of `path`, or of the nearest value around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def place(self, path: Path_) -> str:
        """Where `path` is, for people: ``manifest.yaml:7``."""
        return f"{self.name}:{self.line(path)}"


class Problems:
    """Mistakes in one file, collected so that all are told at once."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._found: list[tuple[int, str]] = []

    def add(self, path: Path_, what: str, *, advice: str = "") -> None:
        """Note that the value at `path` is wrong; `advice` says what to do."""
        at = f"{self._source.place(path)}: {dotted(path)}: " if path else f"{self._source.name}: "
        text = f"{at}{what}" + (f": {advice}" if advice else "")
        if (self._source.line(path), text) not in self._found:
            self._found.append((self._source.line(path), text))

    def __bool__(self) -> bool:
        return bool(self._found)

    def has(self, path: Path_) -> bool:
        """Whether the file holds a value at `path`."""
        return path in self._source.lines

    def raise_any(self, code: str, hint: str) -> None:
        """Raise one InputError that holds every mistake, in the file's order.

        Raises:
            InputError: there were mistakes.
        """
        if self._found:
            raise InputError(code, "\n".join(text for _, text in sorted(self._found)), hint)


def dotted(path: Path_) -> str:
    """A path as people write it: ``plugins.lineage_backend[0]``; unprintable keys escaped."""
    text = ""
    for step in path:
        name = str(step) if str(step).isprintable() else ascii(step)
        text += f"[{name}]" if isinstance(step, int) else f".{name}" if text else name
    return text


def suggestion(name: str, known: Iterable[str]) -> str:
    """``did you mean 'x'?`` for a name near a known one; else the known names."""
    names = sorted(known)
    near = nearest(name, names)
    return f"did you mean '{near}'?" if near else f"known: {', '.join(names)}"


def nearest(name: str, known: Iterable[str], likeness: float = 0.6) -> str | None:
    """The known name that is most like `name`, if any is; case does not count.

    Args:
        name: as somebody spelt it.
        known: the right names.
        likeness: of 1, how much of two names must be the same.
    """
    from difflib import get_close_matches  # noqa: PLC0415 - only mistakes need it

    by_folded = {one.lower(): one for one in known}
    near = get_close_matches(name.lower(), by_folded, n=1, cutoff=likeness)
    return by_folded[near[0]] if near else None


def read_source(path: Path, *, name: str | None = None, code: str = "yaml") -> Source:
    """Read a YAML file that holds a mapping.

    Raises:
        InputError: unreadable, too large, not UTF-8, or whatever `parse_source` refuses.
    """
    shown = name or str(path)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = f"{shown}: {error.strerror or error}"
        raise InputError(f"{code}-unreadable", reason, "check the path and its rights") from error
    return parse_source(raw, name=shown, code=code)


def parse_source(raw: bytes, *, name: str, code: str = "yaml") -> Source:
    """Parse YAML bytes that hold a mapping; `code` prefixes the errors' codes.

    Raises:
        InputError: too large, not UTF-8, broken YAML, too deep, too many values (aliases
            counted as often as they are used), duplicate keys, or no mapping.
    """
    if len(raw) > MAX_BYTES:
        raise InputError(
            f"{code}-too-large",
            f"{name}: larger than {MAX_BYTES:,} bytes",
            "this is hardly the file that was meant",
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        reason = f"{name}:{line}: not UTF-8 (byte {error.start})"
        raise InputError(f"{code}-not-utf8", reason, "save the file as UTF-8") from error
    return _Reader(name, code).read(text)


class _Reader:
    """Turns the nodes of one document into values and lines."""

    def __init__(self, name: str, code: str) -> None:
        self.name, self.code = name, code
        self.lines: dict[Path_, int] = {}
        self.count = 0
        self.problems: list[str] = []
        self._scalars: yaml.SafeLoader | None = None

    def read(self, text: str) -> Source:
        node = self._compose(text)
        data = {} if node is None else self._value(node, (), ())
        if not isinstance(data, dict):
            raise self._error("not-a-mapping", 1, "the file is not a mapping", "write `key: value`")
        if self.problems:
            hint = "keep one of the two; YAML would silently take the last"
            raise InputError(f"{self.code}-duplicate-key", "\n".join(self.problems), hint)
        return Source(self.name, data, self.lines)

    def _error(self, what: str, line: int, reason: str, hint: str) -> InputError:
        return InputError(f"{self.code}-{what}", f"{self.name}:{line}: {reason}", hint)

    def _compose(self, text: str) -> yaml.Node | None:
        import yaml  # noqa: PLC0415 - `--help` does without

        try:
            # The loader in C, where there is one: it is ten times as fast.
            loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
            self._measure(yaml.parse(text, Loader=loader))
            return yaml.compose(text, Loader=loader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = min(mark.line + 1, max(1, len(text.splitlines()))) if mark else 1
            reason = f"broken YAML: {error.problem or error.context}"
            raise self._error("broken", line, reason, "mend the line that is named") from error
        except yaml.YAMLError as error:  # a character that YAML forbids
            at = getattr(error, "position", 0)
            line = text[:at].count("\n") + 1 if isinstance(at, int) else 1
            reason = "broken YAML: a character that YAML does not allow"
            raise self._error("broken", line, reason, "remove the control character") from error

    def _measure(self, events: Iterable[yaml.Event]) -> None:
        """Refuse deep nesting before anything recursive sees it."""
        import yaml  # noqa: PLC0415

        depth = 0
        for event in events:
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                line = event.start_mark.line + 1 if event.start_mark else 1
                reason = f"nested more than {MAX_DEPTH} levels deep"
                raise self._error("too-deep", line, reason, "flatten it")

    def _value(self, node: yaml.Node, path: Path_, within: tuple[int, ...]) -> Any:
        import yaml  # noqa: PLC0415

        line = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        self.count += 1
        if id(node) in within:
            raise self._error("recursive", line, "an alias holds itself", "write the value out")
        if self.count > MAX_VALUES:
            reason = f"more than {MAX_VALUES:,} values, aliases counted as often as used"
            raise self._error("too-many-values", line, reason, "write fewer aliases")
        inner = (*within, id(node))
        if not isinstance(node, yaml.ScalarNode) and node.tag not in _PLAIN_TAGS:
            reason = "a tag for something other than plain data"
            raise self._error("tag", line, reason, "remove the tag (`!…`)")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, inner)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, (*path, i), inner) for i, item in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: Path_, inner: tuple[int, ...]) -> Any:
        import yaml  # noqa: PLC0415

        merged: dict[Any, Any] = {}
        own: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._error("bad-key", line, "a key is not plain text", "write a plain key")
            if key_node.tag == "tag:yaml.org,2002:merge":
                merged = self._merge(value_node, path, inner, line) | merged
                continue
            key = self._key(key_node)
            if key in own:
                self.problems.append(f"{self.name}:{line}: {dotted((*path, key))}: duplicate key")
            self.lines[(*path, key)] = line
            own[key] = self._value(value_node, (*path, key), inner)
        return merged | own

    def _merge(self, node: yaml.Node, path: Path_, inner: tuple[int, ...], line: int) -> Any:
        value = self._value(node, path, inner)
        parts = value if isinstance(value, list) else [value]
        if not all(isinstance(part, dict) for part in parts):
            raise self._error("broken", line, "`<<` merges mappings only", "write the keys out")
        merged: dict[Any, Any] = {}
        for part in reversed(parts):
            merged |= part
        return merged

    def _key(self, node: yaml.ScalarNode) -> str:
        value = self._scalar(node)
        return value if isinstance(value, str) else str(node.value)

    def _scalar(self, node: yaml.Node) -> Any:
        import yaml  # noqa: PLC0415

        self._scalars = self._scalars or yaml.SafeLoader("")
        line = node.start_mark.line + 1
        try:
            return self._scalars.construct_object(node)
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            reason = f"a value that cannot be read as {node.tag.rsplit(':', 1)[-1]}"
            raise self._error("broken", line, reason, "quote it, or use plain data") from error
