from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

import pytest

from floe_local.errors import InputError, MachineError
from floe_local.plan.manifest.model import LocalSettings
from floe_local.plan.stack.model import MovedPort, PortRequest
from floe_local.plan.stack.requirements import port_requests, refuse_unknown, required_blueprints
from floe_local.run.ports import choose_ports, listening, process_on

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.conftest import Builder


def port_request(name: str, preferred: int | None = None) -> PortRequest:
    return PortRequest(service=name, endpoint="api", preferred=preferred)


def free(_: int) -> str | None:
    return None


def taken(*ports: int) -> Callable[[int], str | None]:
    return lambda port: "container rival" if port in ports else None


def chosen(
    *requests: PortRequest,
    taken_by: Callable[[int], str | None] = free,
    free_only: bool = False,
    strict: bool = False,
) -> dict[str, int]:
    found = choose_ports(
        requests, project="p", held={}, taken_by=taken_by, free_only=free_only, strict=strict
    )
    return found.ports


def test_preferred_ports_are_taken() -> None:
    assert chosen(port_request("a", 80)) == {"a.api": 80}


def test_other_ports_are_the_same_in_every_run() -> None:
    assert chosen(port_request("a"), port_request("b")) == chosen(
        port_request("a"), port_request("b")
    )


def test_other_ports_differ_between_stacks() -> None:
    one = choose_ports([port_request("a")], project="one", held={}, taken_by=free).ports
    two = choose_ports([port_request("a")], project="two", held={}, taken_by=free).ports
    assert one != two


def test_a_port_that_is_in_use_is_passed_over() -> None:
    first = chosen(port_request("a"))["a.api"]
    assert chosen(port_request("a"), taken_by=taken(first)) == {"a.api": first + 1}


def test_free_ports_ignore_preferences() -> None:
    assert chosen(port_request("a", 80), taken_by=taken(80), free_only=True)["a.api"] != 80


def test_ports_that_the_stack_holds_stay_whatever_a_blueprint_prefers() -> None:
    held = {"a.api": 25000, "b.api": 26000}
    found = choose_ports(
        [port_request("a"), port_request("b", 80)], project="p", held=held, taken_by=free
    ).ports
    assert found == held
    busy = choose_ports(
        [port_request("a"), port_request("b", 80)], project="p", held=held, taken_by=taken(80)
    ).ports
    assert busy == held


def test_the_manifests_wish_goes_before_what_the_stack_holds() -> None:
    asked = port_request("b", 80).model_copy(update={"is_fixed": True})
    held = {"a.api": 80, "b.api": 26000}
    found = choose_ports([port_request("a"), asked], project="p", held=held, taken_by=free).ports
    assert found["b.api"] == 80 != found["a.api"]


def test_a_held_port_that_another_took_meanwhile_is_given_up() -> None:
    held = {"a.api": 25000}
    found = choose_ports(
        [port_request("a", 80)], project="p", held=held, taken_by=taken(25000)
    ).ports
    assert found == {"a.api": 80}


def test_suggested_ports_are_distinct_and_in_nobodys_way() -> None:
    with pytest.raises(MachineError) as caught:
        chosen(
            port_request("a", 80),
            port_request("b", 81),
            port_request("c", 82),
            taken_by=taken(80, 81),
            strict=True,
        )
    assert "{ports: {a.api: 83, b.api: 84}}" in caught.value.hint


def test_every_taken_port_is_named_with_its_owner_and_a_way_out() -> None:
    with pytest.raises(MachineError) as caught:
        chosen(
            port_request("a", 80), port_request("b", 90), taken_by=taken(80, 81, 90), strict=True
        )
    assert "port 80, for a.api, is used by container rival" in caught.value.reason
    assert "port 90, for b.api" in caught.value.reason
    assert "{ports: {a.api: 82, b.api: 91}}" in caught.value.hint


def test_an_endpoint_whose_port_is_taken_moves_and_says_so() -> None:
    found = choose_ports(
        [port_request("a", 80), port_request("b", 81), port_request("c")],
        project="p",
        held={},
        taken_by=taken(80),
    )
    assert found.ports["a.api"] == 82
    assert found.ports["b.api"] == 81
    assert found.moved == (MovedPort(key="a.api", preferred=80, port=82, owner="container rival"),)


def test_a_port_that_the_manifest_asks_for_never_moves() -> None:
    asked = port_request("a", 80).model_copy(update={"is_fixed": True})
    with pytest.raises(MachineError, match=r"port 80, for a\.api, is used by container rival"):
        chosen(asked, port_request("b", 81), taken_by=taken(80, 81))


@pytest.mark.parametrize(("rivals", "port"), [((), 82), ((80,), 82), ((82,), 80), ((80, 82), 81)])
def test_where_an_endpoint_moved_to_is_remembered_while_it_is_free(
    rivals: tuple[int, ...], port: int
) -> None:
    before = MovedPort(key="a.api", preferred=80, port=82, owner="container rival")
    found = choose_ports(
        [port_request("a", 80)],
        project="p",
        held={"a.api": 82},
        taken_by=taken(*rivals),
        moved_before=[before],
    )
    assert found.ports == {"a.api": port}
    assert [one.port for one in found.moved] == ([port] if port != 80 else [])


def test_of_two_backends_that_prefer_one_port_the_first_gets_it() -> None:
    found = chosen(port_request("a", 80), port_request("b", 80))
    assert found["a.api"] == 80 != found["b.api"]


def test_the_manifests_wish_goes_before_a_blueprints() -> None:
    asked = port_request("b", 80).model_copy(update={"is_fixed": True})
    found = chosen(port_request("a", 80), asked)
    assert found["b.api"] == 80 != found["a.api"]


def test_the_manifest_cannot_ask_for_one_port_twice() -> None:
    asked = [port_request(name, 80).model_copy(update={"is_fixed": True}) for name in "ab"]
    with pytest.raises(MachineError, match=r"port 80 is asked for by a.api and b.api"):
        chosen(*asked)


def test_a_listener_is_seen_and_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert listening(port)
        assert f"(process {os.getpid()})" in process_on(port)
    assert not listening(port)


def test_a_listener_on_all_interfaces_is_in_the_way_too() -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:  # noqa: S104 - what others do
        assert listening(server.getsockname()[1])


@pytest.mark.parametrize("key", ["query", "traces.query"])
def test_the_manifest_may_choose_a_port(build: Builder, key: str) -> None:
    parts = required_blueprints(build.compiled(), build.located())
    found = {w.key: w.preferred for w in port_requests(parts, build.compiled(), {key: 7})}
    assert found["traces.query"] == 7


def test_the_manifest_may_publish_what_nobody_needs(build: Builder) -> None:
    parts = required_blueprints(build.compiled(), build.located())
    found = {w.key: w.preferred for w in port_requests(parts, build.compiled(), {"admin": 7})}
    assert found["traces.admin"] == 7


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"ports": {"nope": 1}}, "local.ports.nope"),
        ({"images": {"nope": "x"}}, "local.images.nope"),
        ({"optional": ["nope"]}, "local.optional[0]"),
    ],
)
def test_an_unknown_endpoint_or_service_is_refused(
    build: Builder, settings: dict[str, Any], field: str
) -> None:
    parts = required_blueprints(build.compiled(), build.located())
    with pytest.raises(InputError) as caught:
        refuse_unknown(parts, LocalSettings(**settings), lambda field: f"m:{len(field)}")
    assert caught.value.reason.startswith(f"m:{len(field)}: {field}: 'nope' is not in this stack")
