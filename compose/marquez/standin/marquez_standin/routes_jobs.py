"""Jobs, their versions and their runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response

from marquez_standin import job_versions, jobs, namespaces, runs, tags
from marquez_standin import request_values as values
from marquez_standin.answers import answer
from marquez_standin.errors import violations
from marquez_standin.in_namespace import Named, answered, named

if TYPE_CHECKING:
    from marquez_standin.store import Connection, Pool

_JOB = "/namespaces/<namespace>/jobs/<job>"


def blueprint(pool: Pool) -> Blueprint:
    """The routes, over connections of a pool."""
    routes = Blueprint("jobs", __name__)
    _add_jobs(routes, pool)
    _add_versions(routes, pool)
    _add_runs(routes, pool)
    _add_tags(routes, pool)
    return routes


def _require(connection: Connection, names: Named) -> None:
    namespaces.require(connection, names[0])
    jobs.require(connection, *names)


def _add_jobs(routes: Blueprint, pool: Pool) -> None:
    @routes.get("/jobs")
    def list_all_jobs() -> Response:
        states = values.many_of("lastRunStates", jobs.RUN_STATES)
        with pool.connection() as connection:
            return answer(jobs.page(connection, None, states, *values.paging()))

    @routes.get("/namespaces/<namespace>/jobs")
    def list_jobs(namespace: str) -> Response:
        name = values.namespace_in_path(namespace)
        states = values.many_of("lastRunStates", jobs.RUN_STATES)
        with pool.connection() as connection:
            return answer(jobs.page(connection, name, states, *values.paging()))

    @routes.get(_JOB)
    def show_job(namespace: str, job: str) -> Response:
        return answered(pool, named(namespace, job), jobs.find)

    @routes.delete(_JOB)
    def hide_job(namespace: str, job: str) -> Response:
        return answered(pool, named(namespace, job), jobs.hide)


def _add_versions(routes: Blueprint, pool: Pool) -> None:
    @routes.get(f"{_JOB}/versions")
    def list_job_versions(namespace: str, job: str) -> Response:
        names = named(namespace, job)
        with pool.connection() as connection:
            _require(connection, names)
            return answer(job_versions.page(connection, *names, *values.paging()))

    @routes.get(f"{_JOB}/versions/<version>")
    def show_job_version(namespace: str, job: str, version: str) -> Response:
        names = named(namespace, job)
        wanted = values.uuid_in_path(version)
        with pool.connection() as connection:
            _require(connection, names)
            return answer(job_versions.find(connection, *names, wanted))


def _add_runs(routes: Blueprint, pool: Pool) -> None:
    @routes.get(f"{_JOB}/runs")
    def list_runs(namespace: str, job: str) -> Response:
        names = named(namespace, job)
        with pool.connection() as connection:
            _require(connection, names)
            return answer(runs.page(connection, *names, *values.paging()))

    @routes.get("/jobs/runs/<run>")
    def show_run(run: str) -> Response:
        with pool.connection() as connection:
            return answer(runs.find(connection, values.uuid_in_path(run)))

    @routes.get("/jobs/runs/<run>/facets")
    def show_facets(run: str) -> Response:
        identifier = values.uuid_in_path(run)
        kind = values.one_of("type", ("RUN", "JOB", "DATASET"))
        if kind is None:
            raise violations(400, ["query param type must not be null"])
        with pool.connection() as connection:
            runs.require(connection, identifier)
            return answer(runs.facets(connection, identifier, kind))


def _add_tags(routes: Blueprint, pool: Pool) -> None:
    @routes.post(f"{_JOB}/tags/<tag>")
    def tag_job(namespace: str, job: str, tag: str) -> Response:
        return _retagged(pool, named(namespace, job), tag, tags.attach)

    @routes.delete(f"{_JOB}/tags/<tag>")
    def untag_job(namespace: str, job: str, tag: str) -> Response:
        return _retagged(pool, named(namespace, job), tag, tags.detach)


def _retagged(pool: Pool, names: Named, tag: str, change: tags.Change) -> Response:
    """The job after a tag was put on it, or taken off."""
    with pool.connection() as connection:
        _require(connection, names)
        change(connection, "job", names, values.name_in_path(tag))
        return answer(jobs.find_bare(connection, *names))
