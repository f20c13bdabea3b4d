"""Ids and versions that follow from names, so that the same thing gets the same id again."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, UUID

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
