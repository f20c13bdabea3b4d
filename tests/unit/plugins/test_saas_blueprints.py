"""The blueprints of the backends that run elsewhere: do their parts fit each other?"""

from __future__ import annotations

import json
import re
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING

import pytest

from floe_local.plan.blueprint.lookup import find_blueprint, shipped_names
from floe_local.plan.nested import texts
from floe_local.plan.values import Kind, Signal
from floe_local.prove.canaries import deliveries, plan
from floe_local.prove.read.http import Response, target
from floe_local.prove.read.readback import judge_absence, judge_response
from floe_local.prove.targets import Targets
from tests.backends import target_of

if TYPE_CHECKING:
    from floe_local.plan.blueprint.model import Blueprint, Sandbox


@cache
def blueprint(name: str) -> Blueprint:
    located = find_blueprint(name)
    assert located is not None
    return located.blueprint


def sandbox(name: str) -> Sandbox:
    found = blueprint(name).sandbox
    assert found is not None
    return found


PLAYED = [name for name in shipped_names() if blueprint(name).sandbox is not None]


def test_all_are_played() -> None:
    assert {"datadog", "grafana-cloud", "xray", "atlan", "openmetadata"} < set(PLAYED)


@pytest.mark.parametrize("name", PLAYED)
def test_clients_are_given_the_credential_that_the_recorder_wants(name: str) -> None:
    played = sandbox(name)
    assert played.credential is not None
    value = played.credential.value
    wanted = {value} if isinstance(value, str) else set(value.values()) - {value.get("service")}
    places = (played.exporters, played.extensions, played.transport, played.environment)
    given = set(chain.from_iterable(map(texts, places)))
    assert wanted <= given


@pytest.mark.parametrize("name", PLAYED)
def test_the_dummy_has_the_form_of_a_real_credential(name: str) -> None:
    credential = sandbox(name).credential
    assert credential is not None
    value = credential.value
    if credential.form is None:
        assert credential.kind == "sigv4"
        return
    shown = value if isinstance(value, str) else f"{value['username']}:{value['password']}"
    assert re.fullmatch(credential.form, shown)


@pytest.mark.parametrize("name", PLAYED)
def test_each_signal_has_a_route_and_is_read_back(name: str) -> None:
    played = sandbox(name)
    accepted = set(blueprint(name).accepts)
    assert {route.signal for route in played.routes if route.signal} == accepted
    assert set(played.readback) == accepted


@pytest.mark.parametrize("name", PLAYED)
def test_refusals_are_worded(name: str) -> None:
    played = sandbox(name)
    assert played.credential is not None
    limited = {413 for route in played.routes if route.limit}
    refused = {played.credential.missing, played.credential.wrong, 404, 429, 500}
    assert refused | limited <= set(played.answers)


def test_what_openmetadata_ignores_is_not_asked_for() -> None:
    played = sandbox("openmetadata")
    (route,) = played.routes
    wanted = " && ".join(rule.query for rule in route.rules)
    assert {probe.when.query for probe in played.readback[Signal.LINEAGE] if probe.when} == {wanted}
    assert all(rule.status is None for rule in route.rules)


def test_atlan_s_old_path_leads_nowhere_and_its_new_one_to_the_route() -> None:
    (moved,) = blueprint("atlan").moved
    (route,) = sandbox("atlan").routes
    pattern = re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(route.path))
    assert re.fullmatch(pattern, moved.to)
    assert not re.fullmatch(pattern, moved.path)


def found_spans(*spans: tuple[str, str]) -> Response:
    """What Datadog's API is documented to answer for spans of (resource, service)."""
    data = [
        {"id": "x", "type": "spans", "attributes": {"resource_name": name, "service": service}}
        for name, service in spans
    ]
    return Response(
        status=200, body=json.dumps({"data": data, "meta": {"status": "done"}}).encode()
    )


def test_datadog_s_own_api_is_asked_for_each_span() -> None:
    real = blueprint("datadog")
    backend = target_of(
        "datadog",
        Kind.TELEMETRY,
        accepts=(Signal.TRACES,),
        endpoints=real.live.endpoints,
        readback=real.readback,
    )
    targets = Targets(
        stack="s", namespace="ns", otlp_grpc="http://127.0.0.1:1", backends=(backend,)
    )
    canaries = plan("ns", ("grpc",), frozenset({Signal.TRACES}))
    [traces] = [one for one in deliveries(targets, canaries) if one.sending.canary == "traces"]
    *there, absent = traces.questions
    first = there[0]
    values = first.item.values
    wanted = target(first.probe.request, values)
    assert wanted.startswith("/api/v2/spans/events?filter%5Bquery%5D=%40otel.trace_id%3A")
    spans = {(q.item.values["name"], q.item.values["service"]) for q in there}
    for question in there:
        assert judge_response(question.probe, found_spans(*spans), question.item) == []
    for wrong in (found_spans(), found_spans(("other", values["service"])), Response(status=429)):
        assert judge_response(first.probe, wrong, first.item)
    assert judge_absence(absent.probe, found_spans())[0].good
    assert judge_absence(absent.probe, found_spans(*spans))[0].final
