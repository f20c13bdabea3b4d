"""Whatever a manifest holds, it is read, or refused with its place."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from floe_local.errors import InputError
from floe_local.plan.env_refs import references, resolve
from floe_local.plan.manifest.files import ManifestFile
from floe_local.plan.manifest.reader import parse_manifest
from floe_local.plan.yaml_source import parse_source

if TYPE_CHECKING:
    from floe_local.plan.manifest.model import Manifest

PAIR = "plugins: {telemetry_backend: jaeger, lineage_backend: marquez}\n"


def parsed(text: str) -> Manifest:
    source = parse_source(text.encode("utf-8", "surrogatepass"), name="m", code="manifest")
    return parse_manifest(source, ManifestFile(Path("m"), "m", Path()), None, {})


@given(text=st.text() | st.text(alphabet="&*a:[]{}- \n'\"|>!#,?%@`<"))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parsed(text)
    except InputError as error:
        assert error.reason.startswith("m")  # noqa: PT017 - reading may also succeed


keys: st.SearchStrategy[str] = st.sampled_from(
    [
        "type",
        "version",
        "config",
        "telemetry_backend",
        "lineage_backend",
        "observability",
        "sampling",
        "ratio",
        "tail",
        "policies",
        "images",
        "registry",
        "ports",
        "blueprints",
        "deadline",
        "optional",
        "token",
    ]
) | st.text(max_size=4)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=10,
)


@given(plugins=values, local=values)
def test_any_values_are_read_or_refused(plugins: Any, local: Any) -> None:
    try:
        manifest = parsed(yaml.safe_dump({"plugins": plugins, "local": local}))
    except InputError as error:
        lines = error.reason.splitlines()
        assert all(line.startswith("m:") for line in lines)
    else:
        assert manifest.backends


names = st.from_regex(r"[A-Z_][A-Z0-9_]{0,5}", fullmatch=True)
plain = st.text(alphabet="ab$ {}x", max_size=6).filter(lambda t: "${" not in t)


@given(parts=st.lists(names | plain, max_size=4), values=st.dictionaries(names, plain))
def test_resolving_keeps_every_dollar_that_is_no_reference(
    parts: list[str], values: dict[str, str]
) -> None:
    text = "|".join(f"${{env:{p}}}" if p.isupper() else p for p in parts)
    known = {name: values.get(name) or "v" for name in references(text)}

    result = resolve({"k": [text]}, known, "here")

    expected = "|".join(known.get(p, p) if p.isupper() else p for p in parts)
    assert result == {"k": [expected]}


def test_reading_a_manifest_does_not_recurse_deeper_than_its_limit() -> None:
    assert sys.getrecursionlimit() > 500
    assert parsed(PAIR + "x: " + "[" * 39 + "]" * 39).backends
