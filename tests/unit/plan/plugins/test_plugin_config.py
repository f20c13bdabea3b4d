from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from floe_local.errors import InputError
from floe_local.plan.plugins.host import call_plugins
from floe_local.plan.plugins.loading import load_plugin
from floe_local.plan.plugins.output import BackendRef
from floe_local.plan.plugins.registry import PluginRegistry
from floe_local.plan.values import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from floe_local.plan.plugins.loading import Loaded

TELEMETRY = "floe.telemetry_backends"

KEYWORDS = """
def __init__(self, endpoint="odd:4317", *, level=1, **kwargs_are_not_here) -> None:
    self.endpoint, self.level = endpoint, level
""".replace(", **kwargs_are_not_here", "")

REQUIRED = "def __init__(self, account): self.account = account"

SCHEMA = """
model = None
def __init__(self, **anything):
    self.anything = anything
def get_config_schema(self):
    from pydantic import BaseModel
    class Config(BaseModel, extra="forbid"):
        level: int = 1
        endpoint: str = "odd:4317"
    return Config
def configure(self, model):
    if model.level == 13:
        raise ValueError("13 is unlucky")
    self.model = model
"""

NO_SCHEMA = """
def __init__(self, level=1): self.level = level
def get_config_schema(self): return None
def configure(self, model): raise AssertionError
"""


@pytest.fixture
def load(plugin_site: Any, telemetry_source: Any) -> Callable[..., Any]:
    def load_with(members: str, config: dict[str, object]) -> Any:
        source = telemetry_source(members)
        plugin_site.add(source, module="odd", points={TELEMETRY: {"odd": "Plugin"}})
        return PluginRegistry().get("telemetry", "odd", config)

    return load_with


def refused(load: Any, members: str, config: dict[str, object]) -> InputError:
    with pytest.raises(InputError) as caught:
        load(members, config)
    assert caught.value.code == "plugin-config"
    assert "'odd' (odd 1.2.3)" in caught.value.reason
    return caught.value


def test_config_becomes_keywords(load: Any) -> None:
    plugin = load(KEYWORDS, {"level": 3})
    assert (plugin.endpoint, plugin.level) == ("odd:4317", 3)


def test_config_becomes_the_model_where_there_is_a_schema(load: Any) -> None:
    plugin = load(SCHEMA, {"level": "4"})
    assert (plugin.model.level, plugin.anything) == (4, {})


def test_no_config_leaves_the_plugins_own_defaults(load: Any) -> None:
    assert load(SCHEMA, {}).model is None


def test_a_schema_of_none_means_keywords(load: Any) -> None:
    assert load(NO_SCHEMA, {"level": 5}).level == 5


def test_a_misspelt_keyword(load: Any) -> None:
    error = refused(load, KEYWORDS, {"endpont": "x"})
    assert "'endpont' is unknown (did you mean 'endpoint'?)" in error.reason
    assert error.hint == "It takes: endpoint, level."


def test_a_missing_keyword(load: Any) -> None:
    assert "'account' is required" in refused(load, REQUIRED, {}).reason


def test_config_for_a_plugin_that_takes_none(load: Any) -> None:
    error = refused(load, "", {"level": 3})
    assert "'level' is unknown" in error.reason
    assert "takes no config" in error.hint


def test_a_model_that_refuses_names_the_field_and_not_the_value(load: Any) -> None:
    error = refused(load, SCHEMA, {"level": "hunter2"})
    assert "level: Input should be a valid integer" in error.reason
    assert "hunter2" not in error.reason + error.hint


def test_a_misspelt_field_of_the_model(load: Any) -> None:
    error = refused(load, SCHEMA, {"levle": 1})
    assert "levle: Extra inputs are not permitted" in error.reason
    assert "did you mean 'level'?" in error.hint


def test_a_configure_that_raises(load: Any) -> None:
    assert (
        "configure() raised ValueError: 13 is unlucky"
        in refused(load, SCHEMA, {"level": 13}).reason
    )


def test_a_constructor_that_raises(load: Any) -> None:
    members = "def __init__(self, level=1): raise RuntimeError('no level')"
    assert "RuntimeError: no level" in refused(load, members, {"level": 1}).reason


LAX = """
def get_config_schema(self):
    from pydantic import AliasChoices, BaseModel, Field, model_validator
    class Config(BaseModel{settings}):
        endpoint: str = "odd:4317"
        level: int = Field(1, alias="Level")
        key: str = Field("", validation_alias=AliasChoices("key", "api_key"))
        @model_validator(mode="before")
        @classmethod
        def renamed(cls, values):
            return {{("endpoint" if k == "address" else k): v for k, v in values.items()}}
    return Config
def configure(self, model): self.model = model
"""


@pytest.mark.parametrize("typo", ["endpont", "level"])
def test_an_unknown_key_is_refused_where_the_model_ignores_it(load: Any, typo: str) -> None:
    error = refused(load, LAX.format(settings=""), {typo: 1})
    assert f"{typo}: Extra inputs are not permitted" in error.reason
    assert f"'{typo}' is unknown (did you mean" in error.hint


@pytest.mark.parametrize("key", ["endpoint", "Level", "api_key", "key", "address"])
def test_a_model_that_ignores_keys_takes_what_it_knows(load: Any, key: str) -> None:
    model = load(LAX.format(settings=""), {key: "7"}).model
    assert "7" in map(str, model.model_dump().values())
    assert type(model).__mro__[1].__name__ == "BaseModel"


def test_a_model_may_take_any_key(load: Any) -> None:
    model = load(LAX.format(settings=", extra='allow'"), {"endpont": "x"}).model
    assert model.endpont == "x"


def test_a_default_by_a_name_that_only_the_model_uses_is_left_out(load_over: Any) -> None:
    defaults = {"level": 2, "api_key": "k"}
    plugin, ignored_keys = load_over(LAX.format(settings=""), {}, defaults)
    assert (plugin.model.level, plugin.model.key, ignored_keys) == (1, "k", ("level",))


REQUIRED_FIELD = """
from floe_local.plugin_api import Configured
from pydantic import BaseModel
class Config(BaseModel):
    endpoint: str
    level: int = 1
"""


@pytest.mark.parametrize(
    ("config", "defaults"),
    [({"endpoint": "here:1"}, {}), ({}, {"endpoint": "here:1", "other": 1})],
    ids=["by the manifest", "by the blueprint"],
)
def test_a_field_that_the_model_requires_can_be_given(
    plugin_site: Any, telemetry_source: Any, config: Any, defaults: Any
) -> None:
    source = telemetry_source("config_model = Config", top=REQUIRED_FIELD)
    source = source.replace("class Plugin(", "class Plugin(Configured[Config], ")
    plugin_site.add(source, module="odd", points={TELEMETRY: {"odd": "Plugin"}})
    entry = PluginRegistry().find("telemetry", "odd")
    loaded = load_plugin(entry, config, defaults)
    assert loaded.plugin.config.endpoint == "here:1"
    assert loaded.ignored_keys == tuple(defaults)[1:]
    wrongs: tuple[dict[str, Any], ...] = ({"endpoint": []}, {"endpoint": "x", "levle": 2})
    for wrong in wrongs:
        with pytest.raises(InputError, match=r"endpoint: Input should|levle: Extra") as caught:
            load_plugin(entry, wrong)
        assert caught.value.code == "plugin-config"


NO_MODELS = {
    "a model of pydantic 1": "from pydantic.v1 import BaseModel as Config",
    "a dataclass": "from dataclasses import dataclass\n    @dataclass\n    class Config: level: int",
    "a JSON schema": "Config = {'type': 'object'}",
}


@pytest.mark.parametrize("case", NO_MODELS)
@pytest.mark.filterwarnings("ignore:Core Pydantic V1")
def test_a_schema_that_is_no_model(load: Any, case: str) -> None:
    members = f"""
def get_config_schema(self):
    {NO_MODELS[case]}
    return Config
def configure(self, model): raise AssertionError
"""
    with pytest.raises(InputError) as caught:
        load(members, {"level": 1})
    assert caught.value.code == "plugin-config-schema"
    assert "'odd' (odd 1.2.3): get_config_schema() returned" in caught.value.reason
    assert "pydantic 2" in caught.value.hint
    assert PluginRegistry().get("telemetry", "odd").name == "odd"


ANY_KEYWORD = """
def __init__(self, **anything): self.anything = anything
"""
ALIASED = """
def get_config_schema(self):
    from pydantic import BaseModel, Field
    class Config(BaseModel):
        level: int = Field(1, alias="Level")
    return Config
def configure(self, model): self.model = model
"""
WHOLE = """
name = version = floe_api_version = "1.0"
def get_otlp_exporter_config(): return {"exporters": {"nop": {}}}
def get_helm_values(): return {}
def validate_connection(): return True
"""


@pytest.fixture
def load_over(plugin_site: Any, telemetry_source: Any) -> Callable[..., Loaded]:
    def load_with(members: str, config: dict[str, object], defaults: dict[str, object]) -> Loaded:
        source = telemetry_source(members)
        plugin_site.add(source, module="odd", points={TELEMETRY: {"odd": "Plugin"}})
        return load_plugin(PluginRegistry().find("telemetry", "odd"), config, defaults)

    return load_with


def test_a_default_lies_under_the_config(load_over: Any) -> None:
    plugin, ignored_keys = load_over(KEYWORDS, {"level": 3}, {"level": 2, "endpoint": "here:1"})
    assert (plugin.endpoint, plugin.level, ignored_keys) == ("here:1", 3, ())


def test_a_default_that_the_signature_does_not_name_is_left_out(load_over: Any) -> None:
    plugin, ignored_keys = load_over(KEYWORDS, {}, {"level": 2, "plain_http": True})
    assert (plugin.level, ignored_keys) == (2, ("plain_http",))


def test_a_default_that_the_model_does_not_name_is_left_out(load_over: Any) -> None:
    plugin, ignored_keys = load_over(SCHEMA, {}, {"level": 2, "plain_http": True})
    assert (plugin.model.level, ignored_keys) == (2, ("plain_http",))


def test_defaults_that_are_all_unknown_leave_the_plugin_as_it_is(load_over: Any) -> None:
    plugin, ignored_keys = load_over(SCHEMA, {}, {"plain_http": True})
    assert (plugin.model, ignored_keys) == (None, ("plain_http",))


def test_a_default_may_go_by_the_model_s_alias(load_over: Any) -> None:
    plugin, ignored_keys = load_over(ALIASED, {}, {"Level": 2})
    assert (plugin.model.level, ignored_keys) == (2, ())


def test_a_default_needs_a_name_of_its_own_among_keywords(load_over: Any) -> None:
    plugin, ignored_keys = load_over(ANY_KEYWORD, {"level": 3}, {"plain_http": True})
    assert (plugin.anything, ignored_keys) == ({"level": 3}, ("plain_http",))


def test_a_schema_of_none_takes_defaults_as_keywords(load_over: Any) -> None:
    plugin, ignored_keys = load_over(NO_SCHEMA, {}, {"level": 5, "endpoint": "x"})
    assert (plugin.level, ignored_keys) == (5, ("endpoint",))


def test_a_plugin_without_config_takes_no_default(load_over: Any) -> None:
    assert load_over("", {}, {"level": 5}).ignored_keys == ("level",)


def test_a_plugin_that_is_a_module_takes_no_default(plugin_site: Any) -> None:
    plugin_site.add(WHOLE, module="whole", points={})
    plugin_site.add("import whole", module="holder", points={TELEMETRY: {"w": "whole"}})
    loaded = load_plugin(PluginRegistry().find("telemetry", "w"), {}, {"level": 5})
    assert loaded.ignored_keys == ("level",)


@pytest.mark.parametrize("members", [KEYWORDS, SCHEMA, ""])
def test_an_unknown_key_of_the_manifest_stays_an_error(load_over: Any, members: str) -> None:
    with pytest.raises(InputError, match="plain_http") as caught:
        load_over(members, {"plain_http": True}, {"plain_http": False})
    assert caught.value.code == "plugin-config"


def test_the_host_tells_what_was_left_out(load_over: Any) -> None:
    load_over(KEYWORDS, {}, {})
    defaults = {"level": 2, "plain_http": True}
    ref = BackendRef(kind=Kind.TELEMETRY, name="odd", defaults=defaults)
    assert call_plugins([ref])[0].ignored_keys == ("plain_http",)


def test_a_default_that_cannot_be_passed_on_is_the_blueprint_s(load_over: Any) -> None:
    load_over(KEYWORDS, {}, {})
    ref = BackendRef(kind=Kind.TELEMETRY, name="odd", defaults={"level": {1, 2}})
    with pytest.raises(InputError, match="the blueprint's config for telemetry plugin 'odd'"):
        call_plugins([ref])
