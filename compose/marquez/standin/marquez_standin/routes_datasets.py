"""Datasets and their versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response

from marquez_standin import (
    column_lineage,
    dataset_versions,
    datasets,
    namespaces,
    tags,
)
from marquez_standin import (
    request_values as values,
)
from marquez_standin.answers import answer
from marquez_standin.errors import error
from marquez_standin.in_namespace import Named, answered, named

if TYPE_CHECKING:
    from marquez_standin.store import Connection, Pool

_DATASETS = "/namespaces/<namespace>/datasets"
_DATASET = f"{_DATASETS}/<dataset>"


def blueprint(pool: Pool) -> Blueprint:
    """The routes, over connections of a pool."""
    routes = Blueprint("datasets", __name__)
    _add_datasets(routes, pool)
    _add_versions(routes, pool)
    _add_dataset_tags(routes, pool)
    _add_field_tags(routes, pool)
    return routes


def _require(connection: Connection, names: Named) -> None:
    namespaces.require(connection, names[0])
    datasets.require(connection, *names)


def _require_field(connection: Connection, names: Named, field: str) -> str:
    _require(connection, names)
    name = values.name_in_path(field)
    if not column_lineage.field_exists(connection, *names, name):
        raise error(404, f"Field '{name}' not found for dataset '{names[1]}'.")
    return name


def _add_datasets(routes: Blueprint, pool: Pool) -> None:
    @routes.get(_DATASETS)
    def list_datasets(namespace: str) -> Response:
        name = values.namespace_in_path(namespace)
        limit, offset = values.paging()
        with pool.connection() as connection:
            namespaces.require(connection, name)
            return answer(datasets.page(connection, name, limit, offset))

    @routes.get(_DATASET)
    def show_dataset(namespace: str, dataset: str) -> Response:
        return answered(pool, named(namespace, dataset), datasets.find)

    @routes.delete(_DATASET)
    def hide_dataset(namespace: str, dataset: str) -> Response:
        return answered(pool, named(namespace, dataset), datasets.hide)


def _add_versions(routes: Blueprint, pool: Pool) -> None:
    @routes.get(f"{_DATASET}/versions")
    def list_dataset_versions(namespace: str, dataset: str) -> Response:
        names = named(namespace, dataset)
        with pool.connection() as connection:
            _require(connection, names)
            limit, offset = values.unchecked_paging()
            return answer(dataset_versions.page(connection, *names, limit, offset))

    @routes.get(f"{_DATASET}/versions/<version>")
    def show_dataset_version(namespace: str, dataset: str, version: str) -> Response:
        names = named(namespace, dataset)
        wanted = values.uuid_in_path(version)
        with pool.connection() as connection:
            _require(connection, names)
            return answer(dataset_versions.find(connection, wanted))


def _add_dataset_tags(routes: Blueprint, pool: Pool) -> None:
    @routes.post(f"{_DATASET}/tags/<tag>")
    def tag_dataset(namespace: str, dataset: str, tag: str) -> Response:
        return _retagged(pool, named(namespace, dataset), tag, tags.attach)

    @routes.delete(f"{_DATASET}/tags/<tag>")
    def untag_dataset(namespace: str, dataset: str, tag: str) -> Response:
        return _retagged(pool, named(namespace, dataset), tag, tags.detach)


def _retagged(pool: Pool, names: Named, tag: str, change: tags.Change) -> Response:
    """The dataset after a tag was put on it, or taken off."""
    with pool.connection() as connection:
        _require(connection, names)
        change(connection, "dataset", names, values.name_in_path(tag))
        return answer(datasets.find_bare(connection, *names))


def _add_field_tags(routes: Blueprint, pool: Pool) -> None:
    @routes.post(f"{_DATASET}/fields/<field>/tags/<tag>")
    def tag_field(namespace: str, dataset: str, field: str, tag: str) -> Response:
        return _field_retagged(pool, named(namespace, dataset), field, tag, tags.attach)

    @routes.delete(f"{_DATASET}/fields/<field>/tags/<tag>")
    def untag_field(namespace: str, dataset: str, field: str, tag: str) -> Response:
        return _field_retagged(pool, named(namespace, dataset), field, tag, tags.detach)


def _field_retagged(
    pool: Pool, names: Named, field: str, tag: str, change: tags.Change
) -> Response:
    """The dataset after a tag was put on one of its fields, or taken off."""
    with pool.connection() as connection:
        name = _require_field(connection, names, field)
        change(connection, "field", (*names, name), values.name_in_path(tag).upper())
        return answer(datasets.find_bare(connection, *names))
