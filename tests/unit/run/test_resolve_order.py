from __future__ import annotations

import shutil
import threading
from typing import TYPE_CHECKING

import pytest

from floe_local.errors import InputError, MachineError
from floe_local.plan.blueprint.model import ImageSource, compose_folder
from floe_local.plan.blueprint.recipe import Debootstrap, DockerBuild, GoBuild, Recipe, Step
from floe_local.plan.stack.model import ImageNeed
from floe_local.plan.values import Origin
from floe_local.run.build import _remove, build_all, named_causes
from floe_local.run.build_steps import Machine, missing_needs
from floe_local.run.images import _refuse_unknown_components, candidates, origin_of
from tests.fake_engine import FakeEngine
from tests.raising import raised

if TYPE_CHECKING:
    from pathlib import Path

BUILT = "floe-local/tiny:0123456789abcdef"


def need(upstream: str | None = "some/tiny:1", override: str | None = None) -> ImageNeed:
    source = ImageSource(upstream=upstream, recipe="image")
    return ImageNeed(service="tiny", source=source, folder="/nowhere", override=override)


def order(need: ImageNeed, registry: str | None = None) -> list[tuple[str, bool]]:
    return [(c.reference, c.may_pull) for c in candidates(need, registry, [BUILT])]


def test_upstream_goes_before_what_is_built() -> None:
    assert order(need()) == [("some/tiny:1", True), (BUILT, False)]


def test_a_mirror_is_pulled_from_and_upstreams_own_name_is_looked_for_too() -> None:
    assert order(need(), registry="mirror.example") == [
        ("mirror.example/some/tiny:1", True),
        ("some/tiny:1", False),
        (BUILT, False),
    ]


def test_the_manifests_own_image_is_the_only_one() -> None:
    assert order(need(override="mine:2"), registry="mirror.example") == [("mine:2", True)]


def test_without_upstream_there_is_only_the_recipe() -> None:
    assert order(need(upstream=None)) == [(BUILT, False)]


@pytest.mark.parametrize(
    ("labels", "origin"),
    [
        ({}, Origin.UPSTREAM),
        ({"maintainer": "somebody"}, Origin.UPSTREAM),
        ({"dev.floe.local.origin": "built"}, Origin.BUILT),
        ({"dev.floe.local.origin": "stand-in"}, Origin.STAND_IN),
    ],
)
def test_the_label_says_what_an_image_is(labels: dict[str, str], origin: Origin) -> None:
    assert origin_of(labels) is origin


def lacking(*steps: Step, machine: Machine) -> str:
    return ", ".join(missing_needs(Recipe(recipe=1, name="tiny", steps=steps), machine))


GO = (GoBuild(step="go-build", output="x"), DockerBuild(step="docker-build"))
ROOTFS = (Debootstrap(step="debootstrap", suite="bookworm"),)


@pytest.mark.parametrize(
    ("steps", "machine", "said"),
    [
        (GO, Machine(go=(1, 25)), ""),
        (GO, Machine(go=(1, 19)), "Go 1.21 or newer"),
        (GO, Machine(root=True), "Go 1.21 or newer"),
        (GO[1:], Machine(), ""),
        (ROOTFS, Machine(root=True, debootstrap=True), ""),
        (ROOTFS, Machine(debootstrap=True), "root, for debootstrap (`sudo`)"),
        (ROOTFS, Machine(root=True), "debootstrap (`apt-get install debootstrap`)"),
    ],
)
def test_what_a_machine_lacks_is_named(
    steps: tuple[Step, ...], machine: Machine, said: str
) -> None:
    assert lacking(*steps, machine=machine) == said


@pytest.mark.parametrize(
    ("output", "code"),
    [
        ("compile: writing output: write /tmp/b001/_pkg_.a: no space left on device", "disk-full"),
        ("github.com/x/y: /usr/lib/go/compile: signal: killed", "out-of-memory"),
        ("go: x@v1: Get https://…: dial tcp: lookup proxy: no such host", "unreachable"),
        ("E: Failed to fetch http://…: Temporary failure resolving", "unreachable"),
        ("main.go:3: undefined: x", None),
    ],
)
def test_a_build_that_fails_for_lack_of_something_says_of_what(
    output: str, code: str | None
) -> None:
    with pytest.raises(MachineError) as caught, named_causes("tiny"):
        raise MachineError("command-failed", f"status 1 from: go build\n  {output}")

    assert caught.value.code == (f"build-{code}" if code else "command-failed")
    assert output in caught.value.reason
    assert ("`floe-local images get --build`" in caught.value.hint) is bool(code)


def test_a_component_that_no_build_has_is_named_before_anything_is_built() -> None:
    collector = ImageNeed(
        service="otel-collector",
        source=ImageSource(upstream="some/collector:1", recipe="image"),
        folder=str(compose_folder() / "collector"),
        components=frozenset({"exporters/otlp_grpc", "exporters/datdog"}),
    )

    with pytest.raises(InputError) as caught:
        _refuse_unknown_components([collector])

    assert "the config uses exporters/datdog, which no build" in caught.value.reason
    assert "did you mean 'exporters/datadog'?" in caught.value.hint
    assert "local.images.otel-collector" in caught.value.hint


def test_what_the_manifest_names_itself_is_not_judged() -> None:
    own = need(override="mine:2").model_copy(update={"components": frozenset({"exporters/x"})})

    assert raised(InputError, _refuse_unknown_components, [own]) is None


def test_a_folder_that_others_empty_meanwhile_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    for number in range(300):
        (folder / str(number)).mkdir(parents=True)
    rival = threading.Thread(target=shutil.rmtree, args=(folder,), kwargs={"ignore_errors": True})
    rival.start()

    _remove(folder)

    rival.join()
    assert not folder.exists()


def test_no_tool_is_run_where_nothing_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`up` asked Go for its version each time."""
    go = tmp_path / "go"
    go.write_text(f"#!/bin/sh\necho ran > {tmp_path}/ran\n")
    go.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    build_all([], FakeEngine())

    assert not (tmp_path / "ran").exists()
