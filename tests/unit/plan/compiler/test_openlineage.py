"""Keys of transports that are not texts: made right where one thing can be meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attr
import pytest
from openlineage.client.transport import get_default_factory
from openlineage.client.utils import import_from_string

from floe_local.errors import InputError
from floe_local.plan.compiler.openlineage import typed_keys
from tests.unit.plan.compiler.reading import rules_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from floe_local.plan.artifacts import Compiled

RIGHT: list[tuple[str, Any, Any]] = [
    ("timeout", "5.0", 5.0),
    ("timeout", "5", 5),
    ("timeout", 5, 5),
    ("timeout", "${env:NO:-2.5}", 2.5),
    ("timeout", "${env:NO:-${env:NOR:-7}}", 7),
    ("verify", "false", False),
    ("verify", "True", True),
    ("verify", "/etc/ssl/ca.pem", "/etc/ssl/ca.pem"),
    ("verify", "${env:NO:-false}", False),
    ("compression", "GZIP", "gzip"),
    ("custom_headers", {"X-Org": 5, "X-On": True}, {"X-Org": "5", "X-On": "True"}),
    ("custom_headers", {"X-Key": "${env:KEY}"}, {"X-Key": "${env:KEY}"}),
    ("retry", {"total": "3", "backoff_factor": "0.3"}, {"total": 3, "backoff_factor": 0.3}),
    ("retry", {"status_forcelist": ["500", 502]}, {"status_forcelist": [500, 502]}),
    ("retry", {"allowed_methods": None, "total": 1}, {"allowed_methods": None, "total": 1}),
]


@pytest.mark.parametrize("nesting", [(), ("composite",), ("transform", "composite")])
@pytest.mark.parametrize(("key", "given", "expected"), RIGHT)
def test_one_thing_that_can_be_meant_is_written(
    nesting: tuple[str, ...],
    key: str,
    given: Any,
    expected: Any,
    compile_transport: Callable[..., Compiled],
) -> None:
    transport: dict[str, Any] = {"type": "http", "url": "http://marquez:5000", key: given}
    if "transform" in nesting:
        transport = {"type": "transform", "transport": transport, "transformer_class": "acme.T"}
    if "composite" in nesting:
        transport = {"type": "composite", "transports": [transport]}

    done = compile_transport(transport)["openlineage_config"]["transport"]
    while key not in done:
        done = done["transport"] if "transport" in done else done["transports"][0]

    assert done[key] == expected
    assert type(done[key]) is type(expected)


def test_a_change_of_a_type_is_on_record(compile_transport: Callable[..., Compiled]) -> None:
    http = {"type": "http", "url": "http://marquez:5000"}
    assert "typed-key" in rules_of(compile_transport({**http, "timeout": "5.0"}))
    assert "typed-key" not in rules_of(compile_transport({**http, "timeout": 5.0}))


def test_headers_of_other_clients_are_python_s_too(
    compile_transport: Callable[..., Compiled],
) -> None:
    http = {"type": "http", "url": "http://marquez:5000", "headers": {"X-Org": "a"}}
    transport = compile_transport(http)["openlineage_config"]["transport"]
    assert transport["custom_headers"] == transport["headers"] == {"X-Org": "a"}


@pytest.mark.parametrize(
    ("key", "given", "expected"),
    [
        ("timeout", "soon", "transport.timeout: expected a number, got the text 'soon'"),
        ("timeout", True, "transport.timeout: expected a number"),
        ("timeout", "nan", "transport.timeout: expected a number"),
        ("timeout", 0, "transport.timeout: expected seconds, more than 0"),
        ("timeout", [5], "transport.timeout: expected a number"),
        ("timeout", "${env:NO:-soon}", "transport.timeout: expected a number, and NO is not"),
        ("verify", 2, "transport.verify: expected true or false"),
        ("compression", "brotli", "transport.compression: expected gzip"),
        ("custom_headers", ["X: y"], "transport.custom_headers: expected a mapping"),
        ("retry", 3, "transport.retry: expected a mapping"),
        (
            "retry",
            {"totl": 3},
            "transport.retry: 'totl' is not one of its keys: did you mean 'total'?",
        ),
        ("retry", {"total": "many"}, "transport.retry: total: expected a number"),
        ("retry", {"total": 1.5}, "transport.retry: total: expected a whole number"),
        ("headers", "X: y", "transport.custom_headers: expected a mapping"),
    ],
)
def test_what_cannot_be_meant_names_the_key(
    key: str, given: Any, expected: str, compile_transport: Callable[..., Compiled]
) -> None:
    with pytest.raises(InputError) as caught:
        compile_transport({"type": "http", "url": "http://marquez:5000", key: given})
    assert expected in caught.value.reason


def test_a_composites_switches_are_switches(compile_transport: Callable[..., Compiled]) -> None:
    composite = {"type": "composite", "transports": [{"type": "console"}]}
    done = compile_transport({**composite, "continue_on_failure": "false"})
    assert done["openlineage_config"]["transport"]["continue_on_failure"] is False


def test_every_typed_key_of_the_client_is_known() -> None:
    texts = {"str", "str | None", "None | str", "bool | str"}
    made_elsewhere = {"auth", "session", "adapter", "ssl_context", "config", "transports"}
    made_elsewhere |= {"transport", "transformer_properties", "async_transport_rules"}
    for kind, found in get_default_factory().transports.items():
        cls: Any = import_from_string(found) if isinstance(found, str) else found
        fields = [f.name for f in attr.fields(cls.config_class) if str(f.type) not in texts]
        assert set(fields) - made_elsewhere <= set(typed_keys(kind)), kind
