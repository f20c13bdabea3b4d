"""What `up` and `down` do to the engine, on stacks that start in a second."""

from __future__ import annotations

import json
import os
import shutil
import socket
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from floe_local.errors import MachineError, NotReadyError
from floe_local.operations.down import down
from floe_local.operations.request import UpSettings
from floe_local.operations.stacks import Where
from floe_local.operations.status import list_stacks, status
from floe_local.plan.manifest.model import LocalSettings
from floe_local.run.compose_cli import find_compose
from floe_local.run.engine import Engine
from floe_local.run.process import run
from floe_local.run.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from floe_local.operations.request import StackRequest
    from floe_local.run.holdings import Container
    from tests.integration.stack.conftest import Stacks

pytestmark = pytest.mark.integration

LISTEN = ["perl", "-MIO::Socket::INET", "-e"]
SERVER = [
    *LISTEN,
    (
        "my $s = IO::Socket::INET->new(LocalPort => 80, Listen => 5, ReuseAddr => 1) or die $!;"
        r"while (my $c = $s->accept) { while (<$c>) { last if /^\r?$/ }"
        r""" print $c "HTTP/1.0 200 OK\r\n\r\nhello" }"""
    ),
]
API = {"name": "api", "port": 80, "host_port": 5100}
WITH_API: dict[str, Any] = {
    "command": SERVER,
    "endpoints": [API],
    "ready": {"endpoint": "api", "path": "/"},
    "cap_add": ["NET_BIND_SERVICE"],
}


def ids(engine: Engine, request: StackRequest) -> dict[str, str]:
    return {c.service: c.id for c in engine.containers(request.identity.project)}


def test_a_stack_comes_up_and_is_reached(stacks: Stacks, tmp_path: Path) -> None:
    result = stacks.up(stacks.request(tmp_path, {"web": WITH_API}))
    assert [(row.service, row.state) for row in result.services] == [("web", "ready")]
    shown = status(Where(folder=tmp_path), stacks.engine)
    assert shown.ready
    assert shown.services[0].urls["api"].startswith("http://127.0.0.1:")


def test_a_second_up_changes_nothing(stacks: Stacks, tmp_path: Path) -> None:
    request = stacks.request(tmp_path, {"a": {}, "web": WITH_API})
    first, before = stacks.up(request), ids(stacks.engine, request)
    second = stacks.up(request)
    assert (first.changed, second.changed) == (True, False)
    assert ids(stacks.engine, request) == before
    assert second.services[1].urls == first.services[1].urls


def test_a_changed_file_reaches_its_container_and_no_other(stacks: Stacks, tmp_path: Path) -> None:
    file = {"files": [{"source": "a.conf", "target": "/etc/a.conf"}]}
    (tmp_path / "a.conf").write_text("first")
    request = stacks.request(tmp_path, {"a": file, "b": {}})
    stacks.up(request)
    before = ids(stacks.engine, request)
    (tmp_path / "a.conf").write_text("second")
    stacks.up(request)
    after = ids(stacks.engine, request)
    assert [name for name in before if before[name] != after[name]] == ["a"]
    assert stacks.inside(request, "a", "cat", "/etc/a.conf") == "second"


def test_dollars_and_passwords_reach_the_container(stacks: Stacks, tmp_path: Path) -> None:
    environment = {"PRICE": "$5 ${HOME} $$", "PASSWORD": "a{secret:db}b"}
    request = stacks.request(tmp_path, {"a": {"environment": environment}})
    stacks.up(request)
    seen = stacks.inside(request, "a", "printenv", "PRICE", "PASSWORD").splitlines()
    secret = Workspace(request.identity).secrets()["FLOE_SECRET_DB"]
    assert seen == ["$5 ${HOME} $$", f"a{secret}b"]


@pytest.mark.parametrize(
    ("host", "asked"),
    [
        ("thing.obs.svc.cluster.local", "thing.obs.svc.cluster.local"),
        ("Thing.Example", "Thing.Example"),
        ("Thing.Example", "thing.example"),
        ("thing.example.", "thing.example."),
        ("thing.example.", "thing.example"),
    ],
)
def test_the_names_that_a_plugin_uses_resolve(
    stacks: Stacks, tmp_path: Path, host: str, asked: str
) -> None:
    services = {"thing": WITH_API, "other": {}}
    request = stacks.request(tmp_path, services, hosts=((host, 80),))
    stacks.up(request)
    assert stacks.inside(request, "other", "getent", "hosts", asked).strip()


def test_a_dropped_service_is_removed(stacks: Stacks, tmp_path: Path) -> None:
    stacks.up(stacks.request(tmp_path, {"a": {}, "b": {}}))
    request = stacks.request(tmp_path, {"a": {}})
    stacks.up(request)
    assert set(ids(stacks.engine, request)) == {"a"}


def test_a_service_that_dies_ends_it_and_leaves_nothing(stacks: Stacks, tmp_path: Path) -> None:
    dying = {"command": ["sh", "-c", "echo out of cheese >&2; exit 3"], "hint": "feed it"}
    request = stacks.request(tmp_path, {"a": {"volumes": {"v": "/v"}}, "b": dying})
    with pytest.raises(NotReadyError) as caught:
        stacks.up(request)
    assert caught.value.code == "container-exited"
    assert "service b ended with status 3" in caught.value.reason
    assert "out of cheese" in caught.value.reason
    assert caught.value.hint == "feed it"
    assert not stacks.engine.holdings(request.identity.project)
    assert not (tmp_path / ".floe-local").exists()


class LateEngine(Engine):
    """Says of containers that have ended for some looks that they run, as a busy engine does."""

    looks = 20

    def containers(self, project: str | None = None) -> tuple[Container, ...]:
        return tuple(map(self._late, super().containers(project)))

    def _late(self, container: Container) -> Container:
        if container.state != "exited" or self.looks == 0:
            return container
        self.looks -= 1
        return container.model_copy(update={"state": "running", "status": "Up 2 seconds"})


def test_a_service_that_the_engine_calls_running_and_is_not(stacks: Stacks, tmp_path: Path) -> None:
    request = stacks.request(tmp_path, {"a": {"command": ["false"]}, "b": {}})
    stacks.engine = LateEngine(stacks.engine.client)
    with pytest.raises(NotReadyError, match="service a ended with status 1"):
        stacks.up(request)
    assert not stacks.engine.holdings(request.identity.project)


def test_a_failed_stack_is_kept_when_asked(stacks: Stacks, tmp_path: Path) -> None:
    request = stacks.request(tmp_path, {"a": {"command": ["false"]}})
    with pytest.raises(NotReadyError):
        stacks.up(request, UpSettings(free_ports=True, retain=True))
    assert stacks.engine.containers(request.identity.project)[0].state == "exited"


def test_a_failed_change_puts_the_running_stack_back(stacks: Stacks, tmp_path: Path) -> None:
    good = stacks.request(tmp_path, {"a": {"volumes": {"v": "/v"}}, "b": {}})
    stacks.up(good)
    before = ids(stacks.engine, good)
    stacks.inside(good, "a", "touch", "/v/kept")
    bad = stacks.request(tmp_path, {"a": {"volumes": {"v": "/v"}}, "b": {"command": ["false"]}})
    with pytest.raises(NotReadyError):
        stacks.up(bad)
    running = stacks.engine.containers(good.identity.project)
    assert {c.service: c.state for c in running} == {"a": "running", "b": "running"}
    assert ids(stacks.engine, good)["a"] == before["a"]
    assert stacks.inside(good, "a", "ls", "/v").strip() == "kept"
    assert not stacks.up(good).changed


def test_a_failed_up_keeps_an_older_volume(stacks: Stacks, tmp_path: Path) -> None:
    good = stacks.request(tmp_path, {"a": {"volumes": {"v": "/v"}}})
    stacks.up(good)
    stacks.inside(good, "a", "touch", "/v/kept")
    assert down(Where(folder=tmp_path), engine=stacks.engine).kept
    bad = stacks.request(tmp_path, {"a": {"volumes": {"v": "/v"}, "command": ["false"]}})
    with pytest.raises(NotReadyError):
        stacks.up(bad)
    stacks.up(good)
    assert stacks.inside(good, "a", "ls", "/v").strip() == "kept"


def test_down_keeps_data_unless_asked_and_leaves_nothing_then(
    stacks: Stacks, tmp_path: Path
) -> None:
    request = stacks.request(tmp_path, {"a": {"volumes": {"v": "/v"}}})
    stacks.up(request)
    kept = down(Where(folder=tmp_path), engine=stacks.engine)
    assert kept.kept == (f"volume {request.identity.project}-a-v",)
    gone = down(Where(folder=tmp_path), volumes=True, engine=stacks.engine)
    assert (gone.removed, gone.kept) == (kept.kept, ())
    assert not stacks.engine.holdings(request.identity.project)
    assert not (tmp_path / ".floe-local").exists()


def test_down_works_when_the_folder_is_gone(stacks: Stacks, tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    request = stacks.request(folder, {"a": {"volumes": {"v": "/v"}}})
    stacks.up(request)
    shutil.rmtree(folder)
    project = request.identity.project
    (shown,) = [s for s in list_stacks(stacks.engine).stacks if s.project == project]
    assert (shown.folder, shown.folder_exists, shown.running) == (str(folder), False, 1)
    elsewhere = Where(folder=tmp_path, stack=project)
    assert status(elsewhere, stacks.engine).services[0].state == "running"
    down(elsewhere, volumes=True, engine=stacks.engine)
    assert not stacks.engine.holdings(project)


def test_down_names_who_still_uses_the_network(stacks: Stacks, tmp_path: Path) -> None:
    request = stacks.request(tmp_path, {"a": {}})
    stacks.up(request)
    pipeline = stacks.engine.client.containers.run(
        stacks.image, ["sleep", "1000"], network=request.identity.network, detach=True
    )
    try:
        with pytest.raises(MachineError) as caught:
            down(Where(folder=tmp_path), engine=stacks.engine)
        assert str(pipeline.name) in caught.value.reason
    finally:
        pipeline.remove(force=True)
    down(Where(folder=tmp_path), engine=stacks.engine)


def test_two_folders_of_one_name_are_two_stacks(stacks: Stacks, tmp_path: Path) -> None:
    folders = [tmp_path / parent / "mon été, shop" for parent in ("a", "b")]
    for folder in folders:
        folder.mkdir(parents=True)
        stacks.up(stacks.request(folder, {"web": WITH_API}))
    urls = {status(Where(folder=f), stacks.engine).services[0].urls["api"] for f in folders}
    assert len(urls) == 2


def test_a_taken_port_names_its_owner_and_changes_nothing(stacks: Stacks, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        request = stacks.request(tmp_path, {"web": WITH_API}).model_copy(
            update={"local": LocalSettings(ports={"web.api": port})}
        )
        with pytest.raises(MachineError) as caught:
            stacks.up(request, UpSettings())
    assert f"port {port}, for web.api" in caught.value.reason
    assert f"process {os.getpid()}" in caught.value.reason
    assert not stacks.engine.holdings(request.identity.project)
    assert not (tmp_path / ".floe-local").exists()


def test_another_stacks_port_names_its_container(stacks: Stacks, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    row = stacks.up(stacks.request(first, {"web": WITH_API})).services[0]
    port = int(row.urls["api"].rpartition(":")[2])
    request = stacks.request(second, {"web": WITH_API}).model_copy(
        update={"local": LocalSettings(ports={"api": port})}
    )
    with pytest.raises(MachineError, match=r"container first-[0-9a-f]{8}-web-1"):
        stacks.up(request, UpSettings())


def make_image(stacks: Stacks, tag: str, change: str) -> None:
    """The base image with one change."""
    made = stacks.engine.client.containers.create(stacks.image, ["true"])
    try:
        made.commit(*tag.split(":"), changes=change)
    finally:
        made.remove()


def test_a_volume_of_another_format_is_refused(stacks: Stacks, tmp_path: Path) -> None:
    service = {"volumes": {"v": "/v"}, "data_version": "MAJOR"}
    request = stacks.request(tmp_path, {"a": service})
    tags = []
    for major in ("15", "16"):
        tags.append(f"floe-test/versioned:{major}")
        make_image(stacks, tags[-1], f"ENV MAJOR={major}")
    try:
        stacks.images = {"a": tags[0]}
        stacks.up(request)
        down(Where(folder=tmp_path), engine=stacks.engine)
        stacks.images = {"a": tags[1]}
        with pytest.raises(MachineError) as caught:
            stacks.up(request)
        assert caught.value.code == "volume-version"
        stacks.images = {"a": tags[0]}
        stacks.up(request)
    finally:
        stacks.remove_all()
        for tag in tags:
            stacks.engine.client.images.remove(tag)


def test_an_image_that_was_built_anew_under_its_name_is_used(
    stacks: Stacks, tmp_path: Path
) -> None:
    request = stacks.request(tmp_path, {"a": {}})
    tag = "floe-test/moving:1"
    stacks.images = {"a": tag}
    try:
        for content in ("one", "two"):
            make_image(stacks, tag, f"ENV CONTENT={content}")
            stacks.up(request)
            assert stacks.inside(request, "a", "printenv", "CONTENT").strip() == content
    finally:
        stacks.remove_all()
        stacks.engine.client.images.remove(tag, force=True)


def test_plain_compose_works_on_the_file(stacks: Stacks, tmp_path: Path) -> None:
    request = stacks.request(
        tmp_path, {"a": {"volumes": {"v": "/v"}, "environment": {"P": "{secret:p}"}}, "b": {}}
    )
    stacks.up(request)
    before = ids(stacks.engine, request)
    plain = [find_compose(), "-f", str(Workspace(request.identity).compose_file)]
    config = yaml.safe_load(run([*plain, "config"]).output)
    assert set(config["services"]) == {"a", "b"}
    shown = run([*plain, "ps", "--format", "json"]).output
    assert {json.loads(line)["Service"] for line in shown.splitlines()} == {"a", "b"}
    stacks.inside(request, "a", "touch", "/v/kept")
    run([*plain, "up", "-d"])
    assert ids(stacks.engine, request) == before
    assert stacks.inside(request, "a", "ls", "/v").strip() == "kept"
    run([*plain, "down"])
    run([*plain, "up", "-d"])
    assert stacks.inside(request, "a", "ls", "/v").strip() == "kept"
    run([*plain, "down", "--volumes"])
    assert not stacks.engine.holdings(request.identity.project)
