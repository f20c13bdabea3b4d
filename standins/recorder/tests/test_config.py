"""The recorder's file: what floe-local writes is read, what is wrong is named."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from sandbox_recorder import config as reading
from sandbox_recorder.config import ConfigError, parse_config, read_config
from sandbox_recorder.failures import Failures
from sandbox_recorder.intake import Intake

from floe_local.plan.blueprint import model as writing
from floe_local.plan.blueprint.checks import DECODERS_FILE
from floe_local.plan.blueprint.model import Blueprint, Recording

if TYPE_CHECKING:
    from pydantic import BaseModel
    from sandbox_recorder.decoders import Decoders

COMPOSE = Path(__file__).parents[3] / "compose"
BLUEPRINTS = [
    file for file in COMPOSE.glob("*/blueprint.yaml") if "\nsandbox:" in file.read_text("utf-8")
]
SAMPLES = {"kind": "bearer", "value": "x", "query": "a", "reason": "b", "name": "r", "path": "/r"}
ROUTE: dict[str, Any] = {"name": "r", "path": "/r"}


def given(**keys: Any) -> dict[str, Any]:
    return {"backend": "acme", "credential": None, "routes": [ROUTE], "answers": {}, **keys}


def test_what_floe_local_writes_is_read(tmp_path: Path) -> None:
    keys = {
        "credential": {"kind": "bearer", "value": "dummy", "form": "d.+"},
        "routes": [
            {**ROUTE, "schema": "openlineage", "rules": [{"query": "a", "reason": "b"}]},
            {"name": "all", "path": "/all", "decode": "otlp", "signal": "traces", "limit": 5},
        ],
        "answers": {403: {"body": "no"}},
    }
    written = Recording.model_validate(keys).model_dump(mode="json", by_alias=True)
    path = tmp_path / "sandbox.yaml"
    path.write_text(yaml.safe_dump({"backend": "acme", **written}), "utf-8")
    config = read_config(path)
    assert config.backend == "acme"
    assert config.credential is not None
    assert (config.credential.kind, config.credential.value) == ("bearer", "dummy")
    assert [route.schema for route in config.routes] == ["openlineage", None]
    assert config.routes[0].rules[0].reason == "b"
    assert (config.routes[1].limit, config.routes[1].signal) == (5, "traces")
    assert config.routes[0].encodings == ("identity", "gzip")
    assert config.answers[403].body == "no"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (writing.Credential, reading.Credential),
        (writing.Wording, reading.Wording),
        (writing.Rule, reading.Rule),
        (writing.Route, reading.Route),
    ],
)
def test_both_sides_know_the_same_keys_with_the_same_defaults(
    written: type[BaseModel], read: type[Any]
) -> None:
    """A key or a default that one side alone had would be lost, or refused at the start."""
    keys = {field.alias or name: field for name, field in written.model_fields.items()}
    fields = {field.name: field for field in dataclasses.fields(read)}
    assert keys.keys() == fields.keys()
    required = {key for key, field in keys.items() if field.is_required()}
    assert required == {name for name, field in fields.items() if has_no_default(field)}
    least = {key: SAMPLES[key] for key in required}
    one = written.model_validate(least).model_dump(mode="json", by_alias=True)
    assert one == json.loads(json.dumps(dataclasses.asdict(read(**least))))


def has_no_default(field: dataclasses.Field[Any]) -> bool:
    missing = dataclasses.MISSING
    return field.default is missing and field.default_factory is missing


def test_the_file_has_the_backend_and_what_a_recording_holds() -> None:
    names = {field.name for field in dataclasses.fields(reading.Config)}
    assert names == {"backend", *Recording.model_fields}


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ([], "sandbox: not a mapping"),
        ({"backend": "acme"}, "sandbox: "),
        (given(colour="red"), "colour"),
        (given(credential={"kind": "magic", "value": "x"}), "'magic' is none of"),
        (given(credential={"kind": "header"}), "value"),
        (given(credential={"kind": "header", "value": "x", "form": "("}), "credential.form"),
        (given(credential={"kind": "header", "value": {}}), "credential.value: wanted: text"),
        (given(credential={"kind": "basic", "value": "x"}), "wanted: username, password"),
        (given(credential={"kind": "sigv4", "value": {"access_key": "a"}}), "secret_key, service"),
        (given(routes=[5]), "routes.?: not a mapping"),
        (given(routes=[{"name": "r"}]), "routes.r"),
        (given(routes=[{**ROUTE, "decode": "otlp"}]), "routes.r: what is decoded belongs"),
        (given(routes=[{**ROUTE, "rules": [{"query": "((", "reason": ""}]}]), "routes.r.rules"),
        (given(routes=[{**ROUTE, "schema": "x"}]), "routes.r.schema: 'x' is none of"),
        (given(answers={"often": {}}), "'often'"),
        (given(answers={500: {"colour": 1}}), "answers.500"),
    ],
)
def test_what_is_wrong_is_named(keys: Any, reason: str) -> None:
    with pytest.raises(ConfigError, match=r".") as caught:
        parse_config(keys)
    assert reason in str(caught.value)


def test_a_file_that_is_no_yaml_is_named(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.yaml"
    path.write_text("{", "utf-8")
    with pytest.raises(ConfigError, match=r"sandbox\.yaml"):
        read_config(path)


@pytest.mark.parametrize(
    "route",
    [
        {"decode": "smoke-signals", "signal": "traces"},
        {"decode": "datadog-traces", "signal": "logs"},
    ],
)
def test_a_decoder_that_is_not_there_is_named(decoders: Decoders, route: dict[str, Any]) -> None:
    config = parse_config(given(routes=[{**ROUTE, **route}]))
    with pytest.raises(ConfigError, match=r"routes\.r: no .* smoke-signals|no decoder datadog"):
        Intake(config, Failures(), decoders)


@pytest.mark.parametrize("file", BLUEPRINTS, ids=lambda file: file.parent.name)
def test_every_backend_that_is_shipped_can_be_played(file: Path, decoders: Decoders) -> None:
    blueprint = Blueprint.model_validate(yaml.safe_load(file.read_bytes()))
    assert blueprint.sandbox is not None
    keys = blueprint.sandbox.model_dump(
        mode="json", by_alias=True, include=set(Recording.model_fields)
    )
    config = parse_config({"backend": blueprint.name, **keys})
    Intake(config, Failures(), decoders)
    wanted = config.credential
    if wanted is not None and wanted.form is not None:
        dummy = wanted.value if isinstance(wanted.value, str) else ":".join(wanted.value.values())
        assert re.fullmatch(wanted.form, dummy), "the dummy has the form that is asked for"


def test_blueprints_may_name_the_decoders_that_there_are(decoders: Decoders) -> None:
    file = COMPOSE / "sandbox" / DECODERS_FILE
    listed = yaml.safe_load(file.read_text("utf-8"))

    assert {(name, signal) for name, signals in listed.items() for signal in signals} == set(
        decoders
    )
