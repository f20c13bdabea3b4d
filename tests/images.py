"""The images that tests run: those that `up` would run, whosever they are."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, cast

from floe_local.plan.blueprint.lookup import find_blueprint
from floe_local.plan.stack.model import ImageNeed
from floe_local.run.engine import Engine
from floe_local.run.images import Policy, resolve
from floe_local.testing.stack import BUILD_VARIABLE, Build

if TYPE_CHECKING:
    from collections.abc import Collection

    import docker


def image_of(
    service: str, blueprint: str, client: docker.DockerClient, components: Collection[str] = ()
) -> str:
    """Find, pull or build the image of a blueprint's service as `up` does.

    `components` are those that a Collector has to have. $FLOE_LOCAL_BUILD says whether to build.
    """
    located = find_blueprint(blueprint)
    assert located, f"there is no blueprint {blueprint}"
    need = ImageNeed(
        service=service,
        source=located.blueprint.services[service].image,
        folder=str(located.folder),
        components=frozenset(components),
    )
    policy = Policy(build=cast("Build", os.environ.get(BUILD_VARIABLE, "ask")))
    return resolve([need], policy, Engine(client))[service].reference
