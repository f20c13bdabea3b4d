"""Names: which are allowed, how a node is spelled, and the ids that follow from them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, UUID

from marquez_standin.body import BLANK
from marquez_standin.errors import IllegalNameError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DatasetId = tuple[str, str]
"""Namespace and name of a dataset."""

_UUID_TEXT = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_LOOSE_UUID_TEXT = re.compile(r"(?:[0-9a-fA-F]{1,16}-){4}[0-9a-fA-F]{1,16}")
_PART_BITS = (32, 16, 16, 16, 48)


def name_uuid(content: bytes) -> UUID:
    """The MD5 name UUID (version 3, no namespace) of some bytes."""
    return UUID(bytes=hashlib.md5(content, usedforsecurity=False).digest(), version=3)


def as_uuid(text: str) -> UUID | None:
    """The UUID that a text spells, or None; short groups are filled with zeros."""
    if len(text) > len(str(NAMESPACE_URL)) or not _LOOSE_UUID_TEXT.fullmatch(text):
        return None
    number = 0
    for part, bits in zip(text.split("-"), _PART_BITS, strict=True):
        number = (number << bits) | (int(part, 16) & ((1 << bits) - 1))
    return UUID(int=number)


def strict_uuid(text: str) -> UUID | None:
    """The UUID that a text of the full length spells, or None."""
    return UUID(text) if _UUID_TEXT.fullmatch(text) else None


def run_uuid(run_id: str) -> UUID:
    """The id under which a run is stored; a run id that is no UUID gets a name UUID."""
    return as_uuid(run_id) or name_uuid(run_id.encode())


def parent_run_uuid(namespace: str, job_name: str, run_id: str) -> UUID:
    """The id of a parent run; one that is no UUID is told apart by its job, too."""
    return as_uuid(run_id) or conflict_free_uuid(namespace, without_last_part(job_name), run_id)


def conflict_free_uuid(namespace: str, job_name: str, run_id: str) -> UUID:
    """A name UUID in the URL namespace of RFC 4122."""
    return name_uuid(NAMESPACE_URL.bytes + f"{namespace}.{job_name}.{run_id}".encode())


def without_last_part(name: str) -> str:
    """A dotted name without its last part; a name without a dot as it is."""
    return name.rpartition(".")[0] if "." in name else name


def _joined(parts: Iterable[str | None]) -> str:
    return ":".join(part for part in parts if part is not None)


def job_version(
    job: DatasetId,
    inputs: Iterable[DatasetId],
    outputs: Iterable[DatasetId],
    location: str | None,
) -> UUID:
    """The version of a job: the same names, datasets and location give the same version."""
    return name_uuid(
        _joined(
            [*job, _dataset_list(inputs), _dataset_list(outputs), location],
        ).encode()
    )


def _dataset_list(datasets: Iterable[DatasetId]) -> str:
    return ":".join(part for dataset in sorted(set(datasets)) for part in dataset)


def dataset_version(
    dataset: DatasetId,
    *,
    source: str,
    fields: Iterable[Mapping[str, str | None]],
    lifecycle_state: str,
    run: UUID | None,
) -> UUID:
    """The version of a dataset; every run that writes it makes a version of its own."""
    namespace, name = dataset
    described = sorted({_field_key(field) for field in fields})
    columns = ":".join(_joined(value for _, value in key) for key in described)
    run_text = str(run) if run else None
    return name_uuid(
        _joined([namespace, source, name, name, columns, lifecycle_state, run_text]).encode()
    )


def _field_key(field: Mapping[str, str | None]) -> tuple[tuple[bool, str | None], ...]:
    """A field as something that sorts with absent values first."""
    kind = field.get("type")
    values = (field.get("name"), kind.upper() if kind else kind, field.get("description"))
    return tuple((value is not None, value) for value in values)


def schema_version(dataset: DatasetId, fields: Iterable[tuple[str, str | None]]) -> UUID:
    """The version of a dataset's schema: names and types of its fields, in any order."""
    ordered = sorted({((True, name), (kind is not None, kind)) for name, kind in fields})
    columns = ":".join(_joined(value for _, value in key) for key in ordered)
    return name_uuid(_joined([*dataset, columns]).encode())


# Names -------------------------------------------------------------------------

_NAMESPACE = re.compile(r"[a-zA-Z:;=/0-9_\-.@+]{1,1024}")
_NOT_IN_JOB_NAMESPACES = re.compile(r"[^a-z:/A-Z0-9\-_.@+]")
_NODE = re.compile(r"(?:dataset|datasetField|job|run):.*")
# A colon that separates parts, as against one of scheme://authority or host:port.
_SEPARATOR = re.compile(r":(?!//|\d+)")


def checked_namespace(name: str) -> str:
    """A namespace's name, if it is allowed.

    Raises:
        IllegalNameError: If it holds other characters, or none, or over 1,024.
    """
    if not _NAMESPACE.fullmatch(name):
        raise IllegalNameError(name)
    return name


def checked_name(name: str) -> str:
    """The name of a job, dataset, field, source or tag: anything but blank.

    Raises:
        IllegalNameError: If it is blank.
    """
    if not name.strip(BLANK):
        raise IllegalNameError(name)
    return name


def tidy_namespace(name: str) -> str:
    """A namespace with an underscore for every character that is not allowed."""
    return _NOT_IN_JOB_NAMESPACES.sub("_", name)


@dataclass(frozen=True, slots=True)
class Node:
    """A node of a graph as a request names it: `job:namespace:name`, perhaps with `#version`."""

    text: str

    @property
    def kind(self) -> str:
        """`job`, `dataset`, `datasetField` or `run`."""
        return self.text.split(":", 1)[0]

    @property
    def has_version(self) -> bool:
        """Whether the node means one version only."""
        return "#" in self.text

    def parts(self, count: int) -> tuple[str, ...]:
        """The parts after the kind; the last takes what is left.

        Raises:
            ValueError: If there are fewer.
        """
        simple = re.split("[:#]", self.text)
        while simple and not simple[-1]:
            simple.pop()
        if len(simple) < count + 1:
            raise ValueError(self.text)
        if len(simple) == count + 1:
            return tuple(simple[1:])
        parts = _SEPARATOR.split(self.text, count)
        if len(parts) < count + 1:
            raise ValueError(self.text)
        return tuple(parts[1:])

    def named(self) -> tuple[str, str]:
        """Namespace and name of a job or a dataset.

        Raises:
            ValueError: If the node has no two parts, or an illegal one.
        """
        namespace, name = self.parts(2)[:2]
        try:
            return checked_namespace(namespace), checked_name(name)
        except IllegalNameError as problem:
            raise ValueError(self.text) from problem


def parse_node(text: str) -> Node:
    """Read a node's id.

    Raises:
        IllegalNameError: If it does not start with a known kind.
    """
    if not _NODE.fullmatch(text):
        raise IllegalNameError(text)
    return Node(text)
