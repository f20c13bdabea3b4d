"""A manifest that is wrong: what, where and what to do are told, and nothing is changed."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.cli.conftest import Ended

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "\n".join(
    f"{name}: &{name} [{', '.join([f'*{below}'] * 9)}]"
    for below, name in zip("abcdefgh", "bcdefghi", strict=True)
)
JAEGER = "plugins:\n  telemetry_backend: jaeger\n"
JAEGER_BLOCK = "plugins:\n  telemetry_backend:\n    type: jaeger\n    config:\n"
SECRET = "hunter2-not-to-be-told"

CASES = {
    "broken": ("plugins: [", "manifest-broken", ["manifest.yaml:1: broken YAML"]),
    "tab": ("plugins:\n\t- a", "manifest-broken", ["manifest.yaml:2: broken YAML"]),
    "control": ("a: b\nplugins: \x07", "manifest-broken", ["manifest.yaml:2:"]),
    "two documents": ("a: b\n---\nc: d\n", "manifest-broken", ["manifest.yaml:2:"]),
    "bomb": (BOMB, "manifest-too-many-values", ["manifest.yaml:", "20,000 values"]),
    "large": ("a: " + "x" * 1_100_000, "manifest-too-large", ["1,000,000 bytes"]),
    "deep": ("plugins: " + "[" * 5000, "manifest-too-deep", ["manifest.yaml:1: nested"]),
    "recursive": ("plugins: &a\n  b: *a\n", "manifest-recursive", ["manifest.yaml:1:"]),
    "tag": ("a: !!python/object/apply:os.system [ls]", "manifest-tag", ["manifest.yaml:1:"]),
    "twice": (
        f"{JAEGER}plugins: {{}}\n",
        "manifest-duplicate-key",
        ["manifest.yaml:3: plugins: duplicate key"],
    ),
    "list": ("- plugins", "manifest-not-a-mapping", ["manifest.yaml:1: the file is not a mapping"]),
    "nothing": ("plugins: {}\n", "manifest-invalid", ["names no backend", "telemetry_backend"]),
    "plugins a list": ("plugins: [jaeger]\n", "manifest-invalid", ["manifest.yaml:1: plugins: "]),
    "a number": (
        "plugins:\n  telemetry_backend: 3\n",
        "manifest-invalid",
        ["manifest.yaml:2: plugins.telemetry_backend: expected a name, got the number 3"],
    ),
    "unknown plugin key": (
        "plugins:\n  telemetri_backend: jaeger\n",
        "manifest-invalid",
        ["manifest.yaml:2: plugins.telemetri_backend: unknown key", "'telemetry_backend'?"],
    ),
    "unknown backend key": (
        "plugins:\n  telemetry_backend:\n    type: jaeger\n    confg: {}\n",
        "manifest-invalid",
        ["manifest.yaml:4: plugins.telemetry_backend.confg: unknown key", "'config'?"],
    ),
    "unknown local key": (
        f"{JAEGER}local:\n  sampeling: 1\n",
        "manifest-invalid",
        ["manifest.yaml:4: local.sampeling: unknown key", "'sampling'?"],
    ),
    "wrong types, all told": (
        f"{JAEGER}local:\n  sampling: 3\n  ports: {{query: http}}\n  deadline: soon\n",
        "manifest-invalid",
        ["manifest.yaml:4: local.sampling", "yaml:5: local.ports.query", "yaml:6: local.deadline"],
    ),
    "port too high": (
        f"{JAEGER}local:\n  ports:\n    jaeger.query: 70000\n",
        "manifest-invalid",
        ["manifest.yaml:5: local.ports.jaeger.query", "70000"],
    ),
    "no such port": (
        f"{JAEGER}local: {{ports: {{nope: 1}}}}\n",
        "unknown-service",
        ["manifest.yaml:3: local.ports.nope: 'nope'"],
    ),
    "no such service": (
        f"{JAEGER}local: {{images: {{nope: x}}}}\n",
        "unknown-service",
        ["manifest.yaml:3: local.images.nope: 'nope'"],
    ),
    "no such option": (
        f"{JAEGER}local: {{optional: [nope]}}\n",
        "unknown-service",
        ["manifest.yaml:3: local.optional[0]: 'nope'"],
    ),
    "blueprint folder": (
        f"{JAEGER}local:\n  blueprints: [nowhere]\n",
        "manifest-invalid",
        ["manifest.yaml:4: local.blueprints[0]:"],
    ),
    "old beside new": (
        f"{JAEGER}  observability: jaeger\n",
        "manifest-invalid",
        ["manifest.yaml:3: plugins.observability: the old key beside the new ones", "ADR-0035"],
    ),
    "unknown plugin": (
        "plugins:\n  telemetry_backend: jeager\n",
        "plugin-unknown",
        ["manifest.yaml:2: no telemetry plugin for 'jeager'", "Did you mean 'jaeger'?"],
    ),
    "wrong kind": (
        "plugins:\n  lineage_backend: jaeger\n",
        "plugin-unknown",
        ["manifest.yaml:2:", "name it under telemetry_backend"],
    ),
    "config": (
        "plugins:\n  telemetry_backend: {type: jaeger, config: {nope: 1}}\n",
        "plugin-config",
        ["manifest.yaml:2: telemetry plugin 'jaeger' (floe-telemetry-jaeger", "nope"],
    ),
    "credential": (
        f"plugins:\n  telemetry_backend:\n    type: jaeger\n    config:\n      api_key: {SECRET}\n",
        "manifest-invalid",
        ["manifest.yaml:5: plugins.telemetry_backend.config.api_key: a credential", "${env:NAME}"],
    ),
    "unset": (
        JAEGER_BLOCK + "      headers: {authorization: '${env:FLOE_TEST_UNSET}'}\n",
        "variable-unset",
        ["manifest.yaml:5: ", "FLOE_TEST_UNSET", "export FLOE_TEST_UNSET="],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_wrong_manifest_is_told_with_its_line(
    case: str, project: Path, floe: Callable[..., Ended]
) -> None:
    text, code, told = CASES[case]
    (project / "manifest.yaml").write_text(text, encoding="utf-8")
    ended = floe("up")
    assert (ended.code, ended.out) == (2, ""), ended.err
    assert f"[{code}]\n  hint: " in ended.err
    missing = [words for words in told if words not in ended.err]
    assert not missing, ended.err
    _changed_nothing(project, ended)
    as_json = floe("up", "--json")
    assert (as_json.code, as_json.err) == (2, "")
    assert as_json.error["code"] == code
    assert as_json.error["hint"]


def _changed_nothing(project: Path, ended: Ended) -> None:
    assert [path.name for path in project.iterdir()] == ["manifest.yaml"]
    assert "Traceback" not in ended.err
    assert SECRET not in ended.err


def test_not_utf_8(project: Path, floe: Callable[..., Ended]) -> None:
    (project / "manifest.yaml").write_bytes(b"a: b\nplugins: \xff\n")
    ended = floe("up")
    assert ended.code == 2
    assert "manifest.yaml:2: not UTF-8" in ended.err


def test_a_folder_in_place_of_a_file(project: Path, floe: Callable[..., Ended]) -> None:
    (project / "manifest.yaml").mkdir()
    ended = floe("up")
    assert ended.code == 2
    assert "manifest.yaml: Is a directory [manifest-unreadable]" in ended.err


def test_a_missing_file_or_environment(project: Path, floe: Callable[..., Ended]) -> None:
    (project / "prod").mkdir()
    (project / "prod" / "manifest.yaml").write_text(JAEGER)
    for arguments, told in {
        ("-m", "nowhere.yaml"): "nowhere.yaml: there is not such a file",
        ("-e", "prd"): "environments here: prod",
        ("-e", "../prod"): "not a valid environment name",
    }.items():
        ended = floe("up", *arguments)
        assert ended.code == 2
        assert told in ended.err


@pytest.mark.parametrize(
    "name", ["../../x", "..", "/etc", "a/b", "A", "", " ", "a" * 50, "ä", "-a"]
)
@pytest.mark.parametrize("command", ["up", "down", "status", "env"])
def test_a_stack_name_that_is_none(
    name: str, command: str, project: Path, floe: Callable[..., Ended]
) -> None:
    ended = floe(command, f"--stack={name}")
    assert (ended.code, ended.out) == (2, "")
    assert "[stack-name]" in ended.err
    assert not list(project.iterdir())
    assert not list(project.parent.glob("*/x"))


def test_variables_matter_only_where_they_are_used(
    project: Path, floe: Callable[..., Ended]
) -> None:
    (project / "manifest.yaml").write_text(dedent(CASES["unset"][0]))
    for command in ("render", "explain"):
        ended = floe(command)
        assert ended.code == 0, ended.err
        assert "${env:FLOE_TEST_UNSET}" in ended.out or command == "explain"
