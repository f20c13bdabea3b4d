from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from floe_local.errors import InputError
from floe_local.plan.plugins.registry import PluginRegistry

if TYPE_CHECKING:
    from collections.abc import Callable

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
