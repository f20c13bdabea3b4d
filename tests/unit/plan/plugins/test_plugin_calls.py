from __future__ import annotations

import json
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floe_local.errors import InputError
from floe_local.plan.nested import json_fault
from floe_local.plan.plugins.calls import call_plugin, check_answers
from floe_local.plan.plugins.loading import PluginEntry
from floe_local.plan.values import Kind
from floe_local.plugin_api import LineageBackendPlugin, TelemetryBackendPlugin
from tests.raising import raised

ENTRY = PluginEntry("telemetry", "odd", "odd:Plugin", "odd-dist", "1.2.3")
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=20,
)
NOT_JSON = st.sampled_from(
    [
        object(),
        {1, 2},
        b"bytes",
        float("nan"),
        float("-inf"),
        2**64,
        {1: "int key"},
        {None: 1},
        "\ud800",
        Kind,
        len,
    ]
)


def test_a_mocked_telemetry_plugin_is_called_once_and_untouched() -> None:
    mock = Mock(spec=TelemetryBackendPlugin)
    config: dict[str, Any] = {"exporters": {"mock": {}}}
    mock.get_otlp_exporter_config.return_value = config
    output = call_plugin(mock, Kind.TELEMETRY)
    assert output.exporter_config is config
    assert (output.plugin_version, output.floe_api_version, output.warnings) == ("", "", ())
    assert output.pipeline_config is None
    assert output.name
    mock.get_otlp_exporter_config.assert_called_once_with()
    mock.get_helm_values.assert_called_once_with()
    mock.validate_connection.assert_not_called()


def test_a_mocked_lineage_plugin_is_called_once_and_untouched() -> None:
    mock = Mock(spec=LineageBackendPlugin)
    config = {"type": "http", "url": "http://mock:5000/api/v1/lineage"}
    mock.get_transport_config.return_value = config
    output = call_plugin(mock, Kind.LINEAGE)
    assert output.transport is config
    assert output.namespace_strategy is mock.get_namespace_strategy.return_value
    for method in (mock.get_transport_config, mock.get_namespace_strategy, mock.get_helm_values):
        method.assert_called_once_with()


def test_a_mock_of_nothing_at_all_is_called_too() -> None:
    output = call_plugin(Mock(), Kind.TELEMETRY)
    assert output.pipeline_config is None
    assert output.plugin_version == ""


def test_metadata_and_the_older_contracts_pipelines_are_read() -> None:
    mock = Mock(version="7", floe_api_version="1.0")
    mock.name = "tempo"
    mock.get_pipeline_config.return_value = {"traces": {}}
    output = call_plugin(mock, Kind.TELEMETRY)
    assert (output.name, output.plugin_version, output.floe_api_version) == ("tempo", "7", "1.0")
    assert output.pipeline_config == {"traces": {}}


def test_a_unified_plugin_answers_for_each_kind() -> None:
    mock = Mock(spec=["get_otlp_exporter_config", "get_lineage_config"])
    entry = ENTRY._replace(kind="observability")
    assert call_plugin(mock, Kind.TELEMETRY, entry=entry).exporter_config is not None
    mock.get_lineage_config.assert_not_called()
    output = call_plugin(mock, Kind.LINEAGE, entry=entry)
    assert output.transport is mock.get_lineage_config.return_value
    assert "deprecated" in output.warnings[0]


@pytest.mark.parametrize("error", [RuntimeError("down"), SystemExit(1), RecursionError("deep")])
def test_what_a_method_raises_is_blamed_on_the_plugin(error: BaseException) -> None:
    mock = Mock(spec=TelemetryBackendPlugin)
    mock.get_helm_values.side_effect = error
    with pytest.raises(
        InputError, match=r"'odd' \(odd-dist 1.2.3\): get_helm_values\(\)"
    ) as caught:
        call_plugin(mock, Kind.TELEMETRY, entry=ENTRY)
    assert caught.value.__cause__ is error


def test_a_method_may_import_from_floe_core() -> None:
    class Lazy:
        def get_otlp_exporter_config(self) -> dict[str, Any]:
            from floe_core.plugins import CredentialError  # type: ignore[import-not-found]  # noqa: PLC0415

            return {"exporters": {CredentialError.__name__: {}}}

        def get_helm_values(self) -> dict[str, Any]:
            return {}

    output = call_plugin(Lazy(), Kind.TELEMETRY)
    assert output.exporter_config == {"exporters": {"CredentialError": {}}}


def test_an_interrupt_stays_one() -> None:
    mock = Mock(spec=TelemetryBackendPlugin)
    mock.get_helm_values.side_effect = KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        call_plugin(mock, Kind.TELEMETRY)


def test_credentials_in_what_a_plugin_raises_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODD_API_KEY", "s3cr3t-value")
    mock = Mock(spec=TelemetryBackendPlugin)
    mock.get_helm_values.side_effect = ValueError("key s3cr3t-value at https://me:pw@odd/ refused")
    with pytest.raises(InputError) as caught:
        call_plugin(mock, Kind.TELEMETRY)
    assert "key *** at https://me:***@odd/ refused" in caught.value.reason


@given(value=JSON)
def test_json_has_no_fault_and_survives(value: Any) -> None:
    assert json_fault(value) == ""
    assert json.loads(json.dumps(value)) == value
    json.dumps(value, ensure_ascii=False).encode()


@given(
    good=st.lists(JSON, max_size=3),
    bad=NOT_JSON,
    key=st.text(st.characters(categories=["Ll"]), min_size=1),
)
def test_a_fault_is_found_wherever_it_is_and_named(good: list[Any], bad: Any, key: str) -> None:
    fault = json_fault({"first": good, key: [*good, {"last": bad}]})
    assert f"{key}[{len(good)}].last" in fault
    assert "object at 0x" not in fault


def test_endless_and_deep_values_are_faults() -> None:
    endless: dict[str, Any] = {}
    endless["again"] = endless
    assert "nested more than 100 deep" in json_fault(endless)


@pytest.mark.parametrize("answer", [None, [], "text", Mock(), 7])
def test_no_dict_is_refused(answer: Any) -> None:
    with pytest.raises(InputError, match=r"get_otlp_exporter_config\(\) returned .*, not a dict"):
        check_answers({"exporter_config": answer, "helm_values": {}}, "telemetry", ENTRY)


def test_a_namespace_strategy_that_is_no_dict_passes() -> None:
    entry = ENTRY._replace(kind="lineage")
    answers: dict[str, Any] = {"transport": {}, "namespace_strategy": None, "helm_values": {}}
    assert raised(InputError, check_answers, answers, "lineage", entry) is None


def test_what_json_cannot_hold_is_refused_by_place_and_not_by_value() -> None:
    answers: dict[str, Any] = {
        "exporter_config": {"exporters": {"odd": {"key": b"hunter2"}}},
        "helm_values": {},
    }
    with pytest.raises(InputError) as caught:
        check_answers(answers, "telemetry", ENTRY)
    assert "exporters.odd.key is a bytes" in caught.value.reason
    assert "hunter2" not in caught.value.reason


def test_what_no_terminal_should_get_is_escaped_in_what_a_plugin_raises() -> None:
    mock = Mock(spec=TelemetryBackendPlugin)
    mock.get_helm_values.side_effect = ValueError("é \x1b[31m \x00 \u202e \ud800")
    with pytest.raises(InputError) as caught:
        call_plugin(mock, Kind.TELEMETRY)
    assert r"ValueError: é \x1b[31m \x00 \u202e \ud800" in caught.value.reason


@given(text=st.text(st.characters(codec=None)))
def test_an_error_can_always_be_written(text: str) -> None:
    told = InputError("a", text, text).as_dict()
    assert all(part.encode().decode() == part for part in told.values())
    assert "\x1b" not in told["reason"]
    assert InputError("a", told["reason"]).reason == told["reason"]
