"""An engine, tiny recipes, and a registry on loopback."""

from __future__ import annotations

import shutil
import socket
import subprocess
import uuid
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

import pytest
import requests

from floe_local.plan.blueprint.recipe import LABEL_RECIPE, load_recipe
from floe_local.run.engine import Engine
from floe_local.run.process import run
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from floe_local.plan.blueprint.recipe import LocatedRecipe

NAME_PREFIX = "test-"
DEADLINE_S = 15.0
REGISTRY = "docker-registry"
HTPASSWD = "nobody:$2y$05$no-password-has-this-hash\n"


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """Give the engine; what tests built from recipes of their own is removed at the end."""
    with closing(Engine()) as engine:
        yield engine
        made = engine.client.images.list(filters={"label": LABEL_RECIPE})
        # The newest first: an image that another stands on cannot be removed before it.
        for image in sorted(made, key=lambda one: str(one.attrs["Created"]), reverse=True):
            if image.labels[LABEL_RECIPE].startswith(NAME_PREFIX):
                engine.client.api.remove_image(str(image.id), force=True)


@pytest.fixture
def make_recipe(tmp_path: Path) -> Callable[..., LocatedRecipe]:
    """Give a function that writes a recipe of its own name, and loads it.

    ``{name}`` in the Dockerfile becomes that name.
    """

    def make(
        dockerfile: str = "FROM scratch\nCOPY recipe.yaml /\n", extra: str = ""
    ) -> LocatedRecipe:
        name = f"{NAME_PREFIX}{uuid.uuid4().hex[:12]}"
        folder = tmp_path / name
        folder.mkdir()
        text = f"recipe: 1\nname: {name}\nsteps: [{{step: docker-build}}]\n{extra}"
        (folder / "recipe.yaml").write_text(text, encoding="utf-8")
        (folder / "Dockerfile").write_text(dockerfile.format(name=name), encoding="utf-8")
        return load_recipe(folder)

    return make


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """Give the address of an empty registry."""
    with serving(tmp_path, "") as address:
        yield address


@pytest.fixture
def closed_registry(tmp_path: Path) -> Iterator[str]:
    """Give the address of a registry that wants a login."""
    users = tmp_path / "users"
    users.write_text(HTPASSWD, encoding="utf-8")
    with serving(tmp_path, f"auth: {{htpasswd: {{realm: floe, path: {users}}}}}\n") as address:
        yield address


@pytest.fixture
def nobody(registry: str) -> str:
    """Give the address of a port on which nothing listens."""
    del registry  # so that the two are never the same
    return f"127.0.0.1:{free_port()}"


@contextmanager
def serving(folder: Path, more: str) -> Iterator[str]:
    """Debian's docker-registry as a child process, on a free port of loopback."""
    if not shutil.which(REGISTRY):
        pytest.skip(f"{REGISTRY} is not installed (Debian's package of that name)")
    address = f"127.0.0.1:{free_port()}"
    config = folder / "registry.yml"
    storage = f"storage: {{filesystem: {{rootdirectory: {folder / 'storage'}}}}}\n"
    text = f"version: 0.1\nlog: {{level: error}}\n{storage}http: {{addr: '{address}'}}\n{more}"
    config.write_text(text, encoding="utf-8")
    with (folder / "registry.log").open("w") as log:
        process = subprocess.Popen([REGISTRY, "serve", str(config)], stdout=log, stderr=log)
        try:
            wait_for(lambda: answers(address), f"the registry at {address}", DEADLINE_S)
            yield address
        finally:
            process.terminate()
            process.wait()


def answers(address: str) -> bool:
    with suppress(requests.ConnectionError):
        return requests.get(f"http://{address}/v2/", timeout=2).status_code in {200, 401}
    return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def publish(engine: Engine, make_recipe: Callable[..., LocatedRecipe]) -> Callable[[str], None]:
    """Give a function that pushes a tiny image without our labels, and forgets it here."""

    def push(name: str) -> None:
        source = make_recipe()
        context = str(source.folder)
        run(["docker", "build", "--quiet", "--tag", name, context])
        run(["docker", "push", "--quiet", name])
        engine.client.api.remove_image(name, force=True)

    return push
