"""The real Collector, asked in containers that end by themselves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from docker.errors import ContainerError

from floe_local.plan.blueprint.model import compose_folder
from floe_local.plan.blueprint.recipe import load_recipe
from floe_local.run.engine import Engine
from tests.images import image_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import docker

    Ask = Callable[..., "Answer"]


class Answer(NamedTuple):
    """What the Collector said of a config."""

    accepted: bool
    printed: str


@pytest.fixture(scope="session")
def client() -> Iterator[docker.DockerClient]:
    engine = Engine()
    yield engine.client
    engine.close()


@pytest.fixture(scope="session")
def image(client: docker.DockerClient) -> str:
    """The Collector's image, with all that a compiled config can name."""
    recipe = load_recipe(compose_folder() / "collector" / "image")
    return image_of("otel-collector", "collector", client, recipe.components)


@pytest.fixture(scope="session")
def ask(client: docker.DockerClient, image: str) -> Ask:
    """Run one command of the Collector's on a config; it goes in as a variable."""

    def run(command: list[str], config: dict[str, Any], environ: dict[str, str]) -> Answer:
        text = json.dumps(config)  # which is YAML
        start: Any = client.containers.run  # its overloads do not know `**`
        options = {"remove": True, "stderr": True, "network_mode": "none", "read_only": True}
        options["user"] = "0:0"
        try:
            printed = start(
                image,
                [*command, "--config=env:ASKED"],
                environment={**environ, "ASKED": text},
                tmpfs={"/var/lib/otelcol": ""},
                **options,
            )
        except ContainerError as error:
            said = error.stderr or b""
            text = said if isinstance(said, str) else said.decode("utf-8", "replace")
            return Answer(accepted=False, printed=text)
        return Answer(accepted=True, printed=printed.decode("utf-8", "replace"))

    return run
