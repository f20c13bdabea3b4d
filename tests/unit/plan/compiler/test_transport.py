"""Compiled transports, handed to the real OpenLineage client, posting to a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import Job, Run, RunEvent, RunState

from floe_local.errors import InputError
from floe_local.plan.compiler.compile import compile_outputs
from floe_local.plan.compiler.openlineage import target_of
from floe_local.plan.compiler.transport import for_host
from floe_local.plan.env_refs import resolve
from tests.servers import answering

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from floe_local.plan.artifacts import Compiled
    from floe_local.plan.blueprint.model import LocatedBlueprint
    from tests.servers import AnsweringServer

ADR_PATH = "/api/v1/lineage"


@pytest.fixture(scope="module")
def recorder() -> Iterator[AnsweringServer]:
    with answering(status=201) as server:
        yield server


@pytest.fixture
def post(recorder: AnsweringServer) -> Callable[[dict[str, Any]], list[tuple[str, str | None]]]:
    """Post one event with an OpenLineage config, and tell what arrived."""

    def run(config: dict[str, Any]) -> list[tuple[str, str | None]]:
        recorder.requests.clear()
        run_id = "01941f29-7c00-7a56-9c6b-4a2e1c6b2f11"
        event = RunEvent(
            eventType=RunState.START,
            eventTime="2026-01-01T00:00:00Z",
            run=Run(runId=run_id),
            job=Job(namespace="n", name="j"),
            producer="https://example.com/test",
        )
        OpenLineageClient(config=config).emit(event)
        return [(one["path"], one.get("authorization")) for one in recorder.requests]

    return run


SHAPES: dict[str, tuple[dict[str, Any], str]] = {
    "the ADR's Marquez": (
        {"url": "http://marquez:5000/api/v1/lineage", "endpoint": "api/v1/lineage"},
        ADR_PATH,
    ),
    "the ADR's mock": ({"url": "http://marquez:5000/api/v1/lineage"}, ADR_PATH),
    "the published plugin": (
        {
            "url": "https://marquez:5000/api/v1/lineage",
            "timeout": 5.0,
            "drain_timeout": 30.0,
            "api_key": None,
        },
        ADR_PATH,
    ),
    "origin only": ({"url": "http://marquez:5000"}, ADR_PATH),
    "origin with a slash": ({"url": "http://marquez:5000/"}, ADR_PATH),
    "leading slash": ({"url": "http://marquez:5000", "endpoint": "/api/v1/lineage"}, ADR_PATH),
    "base without trailing slash": (
        {"url": "http://marquez:5000/base", "endpoint": "api/v1/lineage"},
        f"/base{ADR_PATH}",
    ),
    "base and leading slash": (
        {"url": "http://marquez:5000/base/", "endpoint": "/api/v1/lineage"},
        f"/base{ADR_PATH}",
    ),
    "base with trailing slash alone": (
        {"url": "http://marquez:5000/events/openlineage/spark/"},
        f"/events/openlineage/spark{ADR_PATH}",
    ),
    "a whole path alone": (
        {"url": "http://marquez:5000/api/service/openlineage/event"},
        "/api/service/openlineage/event",
    ),
    "an empty endpoint": (
        {"url": "http://marquez:5000/api/v1/lineage", "endpoint": ""},
        ADR_PATH,
    ),
    "a colon in the path": (
        {"url": "http://marquez:5000/", "endpoint": "v1:lineage/x"},
        "/v1:lineage/x",
    ),
    "a query": ({"url": "http://marquez:5000/in?tenant=a"}, "/in?tenant=a"),
    "localhost": ({"url": "http://localhost:5000/api/v1/lineage"}, ADR_PATH),
    "another port": ({"url": "http://127.0.0.1:8080/api/v1/lineage"}, ADR_PATH),
    "TLS without a port": ({"url": "https://marquez/api/v1/lineage"}, ADR_PATH),
    "a dotted upper-case name": ({"url": "http://Marquez.Data.svc.:5000/api/v1/lineage"}, ADR_PATH),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_client_posts_where_the_plugin_meant(
    shape: str,
    recorder: AnsweringServer,
    post: Callable[..., list[tuple[str, str | None]]],
    compile_transport: Callable[..., Compiled],
) -> None:
    transport, path = SHAPES[shape]
    compiled = compile_transport({"type": "http", **transport})

    on_host = for_host(
        compiled["openlineage_config"]["transport"],
        dict.fromkeys((*compiled.backends[0].hosts, ("marquez", 5000)), recorder.address),
    )

    assert post({"transport": on_host}) == [(path, None)]


@pytest.mark.parametrize(
    "auth",
    [
        {"auth": {"type": "bearer", "token": "${env:TOKEN}"}},
        {"auth": {"type": "api_key", "api_key": "${env:TOKEN}"}},
        {"auth": {"type": "api_key", "apiKey": "${env:TOKEN}"}},
        {"api_key": "${env:TOKEN}"},
    ],
)
def test_every_form_of_a_token_is_sent_as_bearer(
    auth: dict[str, Any],
    recorder: AnsweringServer,
    post: Callable[..., list[tuple[str, str | None]]],
    compile_transport: Callable[..., Compiled],
) -> None:
    compiled = compile_transport({"type": "http", "url": "http://marquez:5000", **auth})

    assert compiled.secrets == ("TOKEN",)
    on_host = for_host(
        compiled["openlineage_config"]["transport"], {("marquez", 5000): recorder.address}
    )
    resolved = resolve(on_host, {"TOKEN": "a$b"}, "transport")
    assert post({"transport": resolved}) == [(ADR_PATH, "Bearer a$b")]


def test_several_backends_make_a_composite(  # noqa: PLR0917 - fixtures
    recorder: AnsweringServer,
    post: Callable[..., list[tuple[str, str | None]]],
    lineage: Callable[..., Any],
    manifest: Callable[..., Any],
    blueprints: dict[str, LocatedBlueprint],
    adr_marquez: dict[str, Any],
) -> None:
    other = {"type": "http", "url": "http://other.example:81/in"}
    outputs = (lineage(adr_marquez), lineage(other, name="other"))

    compiled = compile_outputs(manifest(), outputs, blueprints)

    transport = compiled["openlineage_config"]["transport"]
    ports = {("marquez", 5000): recorder.address, ("other.example", 81): recorder.address}
    assert post({"transport": for_host(transport, ports)}) == [(ADR_PATH, None), ("/in", None)]


def test_a_plugins_own_composite_is_compiled_part_by_part(
    compile_transport: Callable[..., Compiled], adr_marquez: dict[str, Any]
) -> None:
    file = {"type": "file", "log_file_path": "events"}
    compiled = compile_transport({"type": "composite", "transports": [adr_marquez, file]})

    transports = compiled["openlineage_config"]["transport"]["transports"]
    assert transports[0]["url"] == "http://marquez:5000"
    assert transports[1] == file
    assert compiled.backends[0].hosts == (("marquez", 5000),)


def test_for_host_leaves_a_saas_backend_alone(compile_transport: Callable[..., Compiled]) -> None:
    compiled = compile_transport({"type": "http", "url": "https://t.example.com/events/x"}, "saas")
    transport = compiled["openlineage_config"]["transport"]

    assert for_host(transport, {("marquez", 5000): ("127.0.0.1", 5100)}) == transport


def test_a_reference_as_url_is_left_alone(compile_transport: Callable[..., Compiled]) -> None:
    transport = {"type": "http", "url": "${env:OL_URL}", "endpoint": "x"}

    compiled = compile_transport(transport, "saas")

    assert compiled["openlineage_config"] == {"transport": transport}


@pytest.mark.parametrize(
    ("transport", "expected"),
    [
        (None, "returned NoneType, expected a dict"),
        ({}, "transport.type: is missing"),
        ({"type": "http"}, "transport.url: is missing"),
        ({"type": "http", "url": 5000}, "transport.url: is missing"),
        ({"type": "http", "url": "marquez:5000"}, "transport.url: is not a URL"),
        ({"type": "http", "url": "http://m", "endpoint": 1}, "transport.endpoint: expected text"),
        ({"type": "http", "url": "http://m", "auth": "k"}, "transport.auth: expected a mapping"),
        ({"type": "http", "url": "http://m", "auth": {"type": "bearer"}}, "auth.token: is missing"),
        ({"type": "composite", "transports": []}, "transport.transports: expected"),
        ({"type": "carrierpigeon"}, "transport.type: 'carrierpigeon' is not a transport"),
        (
            {"type": "composite", "transports": {"a": {"type": "htp"}}},
            "transport.transports.a.type: 'htp' is not a transport",
        ),
        (
            {"type": "http", "url": "http://m", "auth": {"type": "basic"}},
            "transport.auth.type: 'basic' is not an authentication",
        ),
        (
            {"type": "http", "url": "http://m", "auth": {"type": "api_key", "apiKey": "s3cret"}},
            "transport.auth.apiKey: holds a credential written out",
        ),
    ],
)
def test_a_transport_that_no_rule_mends(
    transport: Any, expected: str, compile_transport: Callable[..., Compiled]
) -> None:
    with pytest.raises(InputError) as caught:
        compile_transport(transport)

    assert expected in caught.value.reason
    assert "lineage plugin 'marquez' (floe-lineage-marquez 1.2.3)" in caught.value.reason
    assert "s3cret" not in caught.value.reason


def test_the_types_that_are_known_are_told(compile_transport: Callable[..., Compiled]) -> None:
    with pytest.raises(InputError) as caught:
        compile_transport({"type": "carrierpigeon"})
    assert "amazon_datazone_api" in caught.value.hint
    assert "package.module.Class" in caught.value.hint


@pytest.mark.parametrize("kind", ["noop", "msk-iam", "acme.lineage.Transport"])
def test_a_transport_that_the_client_can_make_stays(
    kind: str, compile_transport: Callable[..., Compiled]
) -> None:
    compiled = compile_transport({"type": kind}, live=True)
    assert compiled["openlineage_config"] == {"transport": {"type": kind}}


@pytest.mark.parametrize("auth", [{"type": "jwt"}, {"type": "oauth2"}, {"type": "acme.Token"}, {}])
def test_authentication_that_the_client_knows_stays(
    auth: dict[str, Any], compile_transport: Callable[..., Compiled]
) -> None:
    compiled = compile_transport({"type": "http", "url": "http://marquez:5000", "auth": auth})
    assert compiled["openlineage_config"]["transport"]["auth"] == auth


def test_localhost_without_a_blueprint_is_refused(
    compile_transport: Callable[..., Compiled],
) -> None:
    with pytest.raises(InputError, match="is the container itself"):
        compile_transport({"type": "http", "url": "http://localhost:5000/x"}, "own")


segments = st.text(alphabet="abz019-_.~:@!$&'()*+,;=%", min_size=1, max_size=6)
paths = st.lists(segments.filter(lambda s: s not in {".", ".."}), max_size=4).map("/".join)


@given(
    base=paths,
    endpoint=st.none() | paths,
    slash=st.sampled_from(["", "/"]),
    lead=st.sampled_from(["", "/"]),
)
def test_every_url_and_endpoint_join_to_an_address_below_the_same_origin(
    base: str, endpoint: str | None, slash: str, lead: str
) -> None:
    url = f"http://h:1/{base}{slash if base else ''}"
    relative = f"{lead}{endpoint}" if endpoint else endpoint

    target = target_of(url, relative)

    assert target is not None
    address = urlsplit(target.address)
    assert (address.scheme, address.netloc) == ("http", "h:1")
    wanted = (endpoint if endpoint is not None else base).strip("/")
    assert wanted in target.address
    assert target_of(target.url, target.endpoint) == target


@given(base=paths, endpoint=paths.filter(bool))
def test_the_endpoint_is_never_there_twice_nor_the_base_lost(base: str, endpoint: str) -> None:
    joined = target_of(f"http://h:1/{base}", endpoint)
    held = target_of(f"http://h:1/{base}/{endpoint}", endpoint)

    assert joined is not None
    assert held is not None
    assert held.address.rstrip("/").endswith(endpoint.rstrip("/"))
    assert joined.address.startswith(f"http://h:1/{base}".rstrip("/"))
