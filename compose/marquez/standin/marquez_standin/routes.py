"""Events, graphs, namespaces, sources, tags and search."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from marquez_standin import (
    body,
    column_lineage,
    event,
    events,
    intake,
    lineage,
    namespaces,
    runs,
    search,
    sources,
    tags,
    upstream,
)
from marquez_standin import (
    request_values as values,
)
from marquez_standin.answers import answer
from marquez_standin.errors import BareError, error, violations

if TYPE_CHECKING:
    from marquez_standin.store import Pool

_DEPTH = 20
_DATE_PATTERN = r"^\d{4}-\d{2}-\d{2}$"


def blueprint(pool: Pool) -> Blueprint:
    """The routes, over connections of a pool."""
    routes = Blueprint("routes", __name__)
    _add_events(routes, pool)
    _add_graphs(routes, pool)
    _add_namespaces(routes, pool)
    _add_sources(routes, pool)
    _add_tags(routes, pool)
    _add_search(routes, pool)
    return routes


def _add_events(routes: Blueprint, pool: Pool) -> None:
    @routes.post("/lineage")
    def receive() -> Response:
        received = event.parse(values.json_text())
        refused: BareError | None = None
        with pool.connection() as connection:
            try:
                intake.take_in(connection, received)
            except BareError as problem:
                refused = problem  # what was written before stays: the block commits
        if refused:
            raise refused
        return answer(None, 201)

    @routes.get("/events/lineage")
    def list_events() -> Response:
        between = (
            values.moment("after", "1970-01-01T00:00:00+00:00"),
            values.moment("before", "2030-01-01T00:00:00+00:00"),
        )
        newest_first = values.one_of("sortDirection", ("DESC", "ASC")) != "ASC"
        limit, offset = values.paging()
        with pool.connection() as connection:
            return answer(
                events.page(connection, between, limit, offset, newest_first=newest_first)
            )


def _add_graphs(routes: Blueprint, pool: Pool) -> None:
    @routes.get("/lineage")
    def show_graph() -> Response:
        node, depth = values.node(), values.integer("depth", _DEPTH)
        with pool.connection() as connection:
            return answer(lineage.graph(connection, node, depth))

    @routes.get("/column-lineage")
    def show_columns() -> Response:
        node, depth = values.node(), values.integer("depth", _DEPTH)
        with_downstream = request.args.get("withDownstream", "").lower() == "true"
        if node.has_version and with_downstream:
            raise BareError(400, "Node version cannot be specified when withDownstream is true")
        with pool.connection() as connection:
            return answer(
                column_lineage.graph(connection, node, depth, with_downstream=with_downstream)
            )

    @routes.get("/runlineage/upstream")
    def show_upstream() -> Response:
        text = request.args.get("runId")
        if text is None:
            raise violations(400, ["query param runId must not be null"])
        run = values.uuid_in_path(text)
        with pool.connection() as connection:
            runs.require(connection, run)
            return answer(upstream.runs(connection, run, values.integer("depth", _DEPTH)))


def _add_namespaces(routes: Blueprint, pool: Pool) -> None:
    @routes.get("/namespaces")
    def list_namespaces() -> Response:
        with pool.connection() as connection:
            return answer(namespaces.page(connection, *values.paging()))

    @routes.get("/namespaces/<namespace>")
    def show_namespace(namespace: str) -> Response:
        with pool.connection() as connection:
            return answer(namespaces.find(connection, values.namespace_in_path(namespace)))

    @routes.put("/namespaces/<namespace>")
    def put_namespace(namespace: str) -> Response:
        name = values.namespace_in_path(namespace)
        text, meta = values.json_object()
        owner = _owner(text, meta.get("ownerName"))
        with pool.connection() as connection:
            return answer(namespaces.put(connection, name, owner, meta.get("description")))

    @routes.delete("/namespaces/<namespace>")
    def hide_namespace(namespace: str) -> Response:
        with pool.connection() as connection:
            return answer(namespaces.hide(connection, values.namespace_in_path(namespace)))


def _owner(text: str, owner: object) -> str:
    model = "marquez.service.models.NamespaceMeta"
    if owner is None:
        message = f"Cannot construct instance of `{model}`, problem: "
        message += "ownerName is marked non-null but is null"
        raise body.unreadable(message, text, body.end_of(text))
    if not str(owner).strip():
        chain = f'(through reference chain: {model}["ownerName"])'
        raise error(500, f"value must not be blank {chain}", code=400)
    return str(owner)


def _add_sources(routes: Blueprint, pool: Pool) -> None:
    @routes.get("/sources")
    def list_sources() -> Response:
        with pool.connection() as connection:
            return answer(sources.page(connection, *values.paging()))

    @routes.get("/sources/<source>")
    def show_source(source: str) -> Response:
        with pool.connection() as connection:
            return answer(sources.find(connection, values.name_in_path(source)))

    @routes.put("/sources/<source>")
    def put_source(source: str) -> Response:
        _, meta = values.json_object()
        with pool.connection() as connection:
            return answer(sources.put(connection, values.name_in_path(source), meta))


def _add_tags(routes: Blueprint, pool: Pool) -> None:
    @routes.get("/tags")
    def list_tags() -> Response:
        with pool.connection() as connection:
            return answer(tags.page(connection, *values.paging()))

    @routes.put("/tags/<tag>")
    def put_tag(tag: str) -> Response:
        _, meta = values.json_object()
        with pool.connection() as connection:
            return answer(tags.put(connection, values.name_in_path(tag), meta.get("description")))


def _add_search(routes: Blueprint, pool: Pool) -> None:
    @routes.get("/search")
    def find() -> Response:
        text = request.args.get("q", "")
        if not text.strip():
            raise violations(400, ["query param q must not be blank"])
        kind = values.one_of("filter", ("DATASET", "JOB"))
        values.one_of("sort", ("NAME", "UPDATE_AT"))
        limit, _ = values.paging(10)
        dates = (_date("before"), _date("after"))
        with pool.connection() as connection:
            namespace = request.args.get("namespace")
            return answer(
                search.find(
                    connection, text, kind=kind, namespace=namespace, dates=dates, limit=limit
                )
            )


def _date(name: str) -> str | None:
    text = request.args.get(name)
    if text is None:
        return None
    parts = text.split("-")
    if [len(part) for part in parts] != [4, 2, 2] or not "".join(parts).isdigit():
        raise violations(400, [f'query param {name} must match "{_DATE_PATTERN}"'])
    return text
