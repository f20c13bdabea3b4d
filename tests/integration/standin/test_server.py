"""What the recording does not hold: other orders, many at once, what the server says of itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
import requests

pytestmark = pytest.mark.integration

PRODUCER = "https://example.org/producer"


def run_event(kind: str, run: str, job: tuple[str, str], **parts: Any) -> dict[str, Any]:
    minute = {"START": 0, "RUNNING": 1}.get(kind, 2)
    facets = parts.pop("facets", None)
    return {
        "eventType": kind,
        "eventTime": f"2024-05-01T10:0{minute}:00Z",
        "run": {"runId": run} | ({"facets": facets} if facets else {}),
        "job": {"namespace": job[0], "name": job[1]},
        "producer": PRODUCER,
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
    } | parts


def datasets(namespace: str, *names: str) -> list[dict[str, str]]:
    return [{"namespace": namespace, "name": name} for name in names]


@pytest.fixture
def namespace() -> str:
    return f"test-{uuid4().hex[:12]}"


def in_path(text: str) -> str:
    return quote(text, safe="")


def test_a_start_after_the_end_opens_the_run_again(server: Any, namespace: str) -> None:
    run = str(uuid4())
    for kind, state in (("COMPLETE", "COMPLETED"), ("START", "RUNNING")):
        server.send(**run_event(kind, run, (namespace, "late")))
        assert server.get(f"/api/v1/jobs/runs/{run}")["state"] == state


@pytest.mark.parametrize("child_first", [True, False])
def test_a_child_is_stored_under_its_parents_name_in_any_order(
    server: Any, namespace: str, *, child_first: bool
) -> None:
    parent, child = str(uuid4()), str(uuid4())
    link = {
        "_producer": PRODUCER,
        "_schemaURL": PRODUCER,
        "run": {"runId": parent},
        "job": {"namespace": namespace, "name": "dag"},
    }
    events = [
        run_event("COMPLETE", parent, (namespace, "dag")),
        run_event("COMPLETE", child, (namespace, "task"), facets={"parent": link}),
    ]
    for event in reversed(events) if child_first else events:
        server.send(**event)
    job = server.get(f"/api/v1/namespaces/{namespace}/jobs/dag.task")
    assert (job["parentJobName"], job["simpleName"]) == ("dag", "task")
    assert server.ask("GET", f"/api/v1/namespaces/{namespace}/jobs/task").status_code == 404
    assert server.get(f"/api/v1/jobs/runs/{parent}")["state"] == "COMPLETED"


OF_0_1_0 = (
    """CREATE TABLE run_facets (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      run_id uuid NOT NULL, name text NOT NULL, body jsonb NOT NULL,
      event_time timestamptz NOT NULL)""",
    """INSERT INTO run_facets (run_id, name, body, event_time)
      VALUES (gen_random_uuid(), repeat('x', 300), '{}', now())""",
)


def test_a_database_of_an_older_version_takes_no_longer_texts(start_server: Any) -> None:
    older, run = start_server(*OF_0_1_0), str(uuid4())
    facets = {"x" * 256: {"_producer": PRODUCER, "_schemaURL": PRODUCER}}
    event = run_event("COMPLETE", run, ("older", "load"), facets=facets)
    assert older.ask("POST", "/api/v1/lineage", json=event).status_code >= 400


def test_a_run_whose_dataset_has_an_illegal_namespace_cannot_be_read(
    server: Any, namespace: str
) -> None:
    run, job = str(uuid4()), (namespace, "load")
    server.send(**run_event("START", run, job, outputs=datasets(f"{namespace},b", "out")))
    for path in (f"/api/v1/jobs/runs/{run}", f"/api/v1/namespaces/{namespace}/jobs"):
        assert server.ask("GET", path).status_code == 500


def test_a_job_whose_last_run_has_no_state_is_not_listed(server: Any, namespace: str) -> None:
    """As an event without a type leaves it; the job is counted, and shown by its name."""
    sent: dict[str, list[str | None]] = {
        "none": [None],
        "then": [None, "START"],
        "typed": ["COMPLETE"],
    }
    for job, kinds in sent.items():
        run = str(uuid4())
        for kind in kinds:
            server.send(**run_event("START", run, (namespace, job)) | {"eventType": kind})
    listed = server.get(f"/api/v1/namespaces/{namespace}/jobs")
    assert {job["name"] for job in listed["jobs"]} == {"then", "typed"}
    assert listed["totalCount"] == 3
    assert server.get(f"/api/v1/namespaces/{namespace}/jobs/none")["name"] == "none"


@pytest.mark.parametrize(
    ("url", "location"),
    [("https://example.org/a", "https://example.org/a"), ("git@host:a", None), (" ", None)],
)
def test_only_a_url_is_shown_as_a_jobs_location(
    server: Any, namespace: str, url: str, location: str | None
) -> None:
    facet = {"_producer": PRODUCER, "_schemaURL": PRODUCER, "type": "git", "url": url}
    job = {"namespace": namespace, "name": "load", "facets": {"sourceCodeLocation": facet}}
    event = run_event("COMPLETE", str(uuid4()), (namespace, "load"))
    server.send(**event | {"job": job})
    found = server.get(f"/api/v1/namespaces/{namespace}/jobs/load")
    assert found.get("location") == location


def test_the_graph_follows_the_jobs_current_version(server: Any, namespace: str) -> None:
    job, other = (namespace, "load"), (namespace, "report")
    with_b = run_event(
        "COMPLETE",
        str(uuid4()),
        job,
        inputs=datasets(namespace, "a", "b"),
        outputs=datasets(namespace, "c"),
    )
    without_b = with_b | {"run": {"runId": str(uuid4())}, "inputs": datasets(namespace, "a")}
    server.send(**with_b)
    server.send(**run_event("COMPLETE", str(uuid4()), other, inputs=datasets(namespace, "c")))
    assert node_ids(server, f"job:{namespace}:load", depth=0) == nodes(
        namespace, "dataset:a", "dataset:b", "dataset:c", "job:load"
    )
    server.send(**without_b)
    whole = nodes(namespace, "dataset:a", "dataset:c", "job:load", "job:report")
    assert node_ids(server, f"job:{namespace}:load", depth=1) == whole
    assert node_ids(server, f"dataset:{namespace}:c", depth=1) == whole
    server.send(**run_event("ABORT", str(uuid4()), job))
    assert node_ids(server, f"job:{namespace}:load", depth=20) == nodes(namespace, "job:load")


def node_ids(server: Any, node: str, depth: int) -> set[str]:
    graph = server.get(f"/api/v1/lineage?nodeId={in_path(node)}&depth={depth}")["graph"]
    return {part["id"] for part in graph}


def nodes(namespace: str, *short: str) -> set[str]:
    return {part.replace(":", f":{namespace}:") for part in short}


def test_names_with_slashes_colons_and_spaces_keep_them(server: Any, namespace: str) -> None:
    bucket, key = f"s3://{namespace}:9000/bucket", "dir/day=1 ü%2F#1"
    outputs = datasets(bucket, key)
    server.send(**run_event("COMPLETE", str(uuid4()), (namespace, "a/versions"), outputs=outputs))
    path = f"/api/v1/namespaces/{in_path(bucket)}/datasets/{in_path(key)}"
    assert server.get(path)["id"] == {"namespace": bucket, "name": key}
    job = server.get(f"/api/v1/namespaces/{namespace}/jobs/{in_path('a/versions')}")
    assert job["outputs"] == [{"namespace": bucket, "name": key}]


def test_a_run_that_was_never_sent_is_absent(server: Any) -> None:
    assert server.ask("GET", f"/api/v1/jobs/runs/{uuid4()}").status_code == 404


def test_runs_that_arrive_together_are_all_there(server: Any, namespace: str) -> None:
    """Eight senders share a job and its datasets; none is lost, and none waits for ever."""
    runs = [str(uuid4()) for _ in range(80)]

    def send(run: str) -> str:
        shared = {
            "inputs": datasets(namespace, "in", f"in-{run[:2]}"),
            "outputs": datasets(namespace, f"out-{run[:1]}", "out"),
        }
        with requests.Session() as session:
            for kind in ("START", "COMPLETE"):
                event = run_event(kind, run, (namespace, "busy"), **shared)
                answer = session.post(f"{server.api}/api/v1/lineage", json=event, timeout=60)
                assert answer.status_code == 201, answer.text
            return str(
                session.get(f"{server.api}/api/v1/jobs/runs/{run}", timeout=60).json()["state"]
            )

    with ThreadPoolExecutor(8) as senders:
        assert list(senders.map(send, runs)) == ["COMPLETED"] * len(runs)
    listed = server.get(f"/api/v1/namespaces/{namespace}/jobs/busy/runs?limit=100")
    assert {run["id"] for run in listed["runs"]} == set(runs)
    assert listed["totalCount"] == len(runs)


@pytest.fixture
def standin(server: Any) -> Any:
    """The server, if it is the stand-in."""
    if "stand-in" not in server.ask("GET", "/api/v1/namespaces").headers.get("Server", ""):
        pytest.skip("the server that the environment names is no stand-in")
    return server


@pytest.mark.parametrize("path", ["/api/v1/namespaces", "/api/v1/nope", "/nowhere"])
def test_every_answer_says_that_it_is_a_stand_ins(standin: Any, path: str) -> None:
    server_header = standin.ask("GET", path).headers["Server"]
    assert server_header.startswith("floe-local-marquez-stand-in/")


@pytest.mark.parametrize("path", ["/ping", "/healthcheck", "/nowhere"])
def test_the_admin_port_says_so_too(standin: Any, path: str) -> None:
    answer = standin.session.get(standin.admin + path, timeout=10)
    assert answer.headers["Server"].startswith("floe-local-marquez-stand-in/")


def test_the_image_says_so_too(engine: Any, standin_image: str) -> None:
    assert engine.images.get(standin_image).labels["dev.floe.local.origin"] == "stand-in"
