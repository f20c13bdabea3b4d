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


def _named(namespace: str, dataset: str) -> tuple[str, str]:
    return values.namespace_in_path(namespace), values.name_in_path(dataset)


def _require(connection: Connection, named: tuple[str, str]) -> None:
    namespaces.require(connection, named[0])
    datasets.require(connection, *named)


def _require_field(connection: Connection, named: tuple[str, str], field: str) -> str:
    _require(connection, named)
    name = values.name_in_path(field)
    if not column_lineage.field_exists(connection, *named, name):
        raise error(404, f"Field '{name}' not found for dataset '{named[1]}'.")
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
        named = _named(namespace, dataset)
        with pool.connection() as connection:
            namespaces.require(connection, named[0])
            return answer(datasets.find(connection, *named))

    @routes.delete(_DATASET)
    def hide_dataset(namespace: str, dataset: str) -> Response:
        named = _named(namespace, dataset)
        with pool.connection() as connection:
            namespaces.require(connection, named[0])
            return answer(datasets.hide(connection, *named))


def _add_versions(routes: Blueprint, pool: Pool) -> None:
    @routes.get(f"{_DATASET}/versions")
    def list_dataset_versions(namespace: str, dataset: str) -> Response:
        named = _named(namespace, dataset)
        with pool.connection() as connection:
            _require(connection, named)
            limit, offset = values.unchecked_paging()
            return answer(dataset_versions.page(connection, *named, limit, offset))

    @routes.get(f"{_DATASET}/versions/<version>")
    def show_dataset_version(namespace: str, dataset: str, version: str) -> Response:
        named = _named(namespace, dataset)
        wanted = values.uuid_in_path(version)
        with pool.connection() as connection:
            _require(connection, named)
            return answer(dataset_versions.find(connection, wanted))


def _add_dataset_tags(routes: Blueprint, pool: Pool) -> None:
    @routes.post(f"{_DATASET}/tags/<tag>")
    def tag_dataset(namespace: str, dataset: str, tag: str) -> Response:
        named = _named(namespace, dataset)
        with pool.connection() as connection:
            _require(connection, named)
            tags.attach(connection, "dataset", named, values.name_in_path(tag))
            return answer(datasets.find_bare(connection, *named))

    @routes.delete(f"{_DATASET}/tags/<tag>")
    def untag_dataset(namespace: str, dataset: str, tag: str) -> Response:
        named = _named(namespace, dataset)
        with pool.connection() as connection:
            _require(connection, named)
            tags.detach(connection, "dataset", named, values.name_in_path(tag))
            return answer(datasets.find_bare(connection, *named))


def _add_field_tags(routes: Blueprint, pool: Pool) -> None:
    @routes.post(f"{_DATASET}/fields/<field>/tags/<tag>")
    def tag_field(namespace: str, dataset: str, field: str, tag: str) -> Response:
        named = _named(namespace, dataset)
        with pool.connection() as connection:
            name = _require_field(connection, named, field)
            tags.attach(connection, "field", (*named, name), values.name_in_path(tag).upper())
            return answer(datasets.find_bare(connection, *named))

    @routes.delete(f"{_DATASET}/fields/<field>/tags/<tag>")
    def untag_field(namespace: str, dataset: str, field: str, tag: str) -> Response:
        named = _named(namespace, dataset)
        with pool.connection() as connection:
            name = _require_field(connection, named, field)
            tags.detach(connection, "field", (*named, name), values.name_in_path(tag).upper())
            return answer(datasets.find_bare(connection, *named))
