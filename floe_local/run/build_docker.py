"""One `docker build`, through the engine's API, that leaves nothing when it is interrupted.

The SDK's own call keeps the connection open for as long as an exception is under way, and so
the engine goes on building. Here the connection is closed first, which ends the build.
"""

from __future__ import annotations

import json
import stat
import tarfile
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from floe_local.errors import MachineError
from floe_local.plan.values import Frozen
from floe_local.run.process import TAIL_LINES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import docker
    import requests

CLEAN_UP_S = 10.0
"""How long the engine may take to end a build whose connection was closed."""


class DockerBuildRequest(Frozen):
    """What is built: a Dockerfile in a context, with arguments and labels."""

    context: Path
    dockerfile: str
    arguments: dict[str, str] = {}
    labels: dict[str, str] = {}


def docker_build(
    request: DockerBuildRequest, client: docker.DockerClient, tell: Callable[[str], None]
) -> str:
    """Build an image that has no name yet.

    Returns:
        The image's id.

    Raises:
        MachineError: ``build-failed``, with the end of what the build printed.
    """
    lines: list[str] = []
    image = ""
    try:
        for message in _messages(request, client):
            text = str(message.get("stream") or message.get("error") or "").strip()
            if text:
                lines.append(text)
                tell(text)
            image = message.get("aux", {}).get("ID", image)
        if not image:
            last = "".join(f"\n  {line}" for line in lines[-TAIL_LINES:])
            raise MachineError("build-failed", f"docker build in {request.context}:{last}")
    finally:
        if not image:
            remove_unnamed([layer for line in lines for layer in _layer(line)], client)
    return image


def remove_unnamed(images: list[str], client: docker.DockerClient) -> None:
    """Remove images that have no name, the last first; unnamed parents go with them."""
    deadline = time.monotonic() + CLEAN_UP_S
    for image in reversed(images):
        while not _gone(image, client) and time.monotonic() < deadline:
            time.sleep(0.1)


def _gone(image: str, client: docker.DockerClient) -> bool:
    """Remove an image without a name; False while the engine still uses it."""
    from docker.errors import APIError, ImageNotFound  # noqa: PLC0415

    try:
        if not client.images.get(image).tags:
            client.api.remove_image(image)
    except ImageNotFound:
        return True
    except APIError as error:
        return error.status_code != 409  # noqa: PLR2004 - a container of the build has it yet
    return True


def _messages(request: DockerBuildRequest, client: docker.DockerClient) -> Iterator[dict[str, Any]]:
    with closing(_post(request, client)) as response:
        if not response.ok:
            yield {"error": response.json()["message"]}
            return
        for line in response.iter_lines():
            yield json.loads(line)


def _post(request: DockerBuildRequest, client: docker.DockerClient) -> requests.Response:
    api = client.api
    parameters = {
        "dockerfile": request.dockerfile,
        "buildargs": json.dumps(request.arguments),
        "labels": json.dumps(request.labels),
        "networkmode": "host",  # as this machine reaches the registries, also through its proxy
        "rm": "true",
        "forcerm": "true",
    }
    with _packed(request.context) as context:
        return api.post(
            f"{api.base_url}/v{api.api_version}/build",
            params=parameters,
            data=context,
            headers={"Content-Type": "application/tar"},
            stream=True,
            timeout=None,
        )


def _packed(folder: Path) -> IO[bytes]:
    """A build context: files as anybody may read them, whatever the caller's umask made of them.

    A file that its owner may run, anybody may; owner and times are nobody's. So the same
    files give the same image on every machine.
    """
    packed = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(folder, arcname=".", filter=_plain)
    packed.seek(0)
    return packed


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    mode = 0o755 if entry.isdir() or entry.mode & stat.S_IXUSR else 0o644
    return entry.replace(mode=mode, uid=0, gid=0, uname="", gname="", deep=False)


def _layer(line: str) -> list[str]:
    """The image id in a line of the builder such as ``---> 3f5a1b2c4d6e``."""
    arrow, _, image = line.partition("---> ")
    return [image] if not arrow and image and " " not in image else []
