"""A recorder in this process: its descriptors compiled, its applications with test clients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from grpc_tools import protoc
from sandbox_recorder.backend import create_backend
from sandbox_recorder.config import parse_config
from sandbox_recorder.control import create_control
from sandbox_recorder.decoders import Decoders, make_decoders
from sandbox_recorder.failures import Failures
from sandbox_recorder.messages import Messages
from sandbox_recorder.store import Store, open_store

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

PROTO = Path(__file__).parents[1] / "proto"


@pytest.fixture(scope="session")
def messages(tmp_path_factory: pytest.TempPathFactory) -> Messages:
    """What the Dockerfile has protoc make, made here."""
    path = tmp_path_factory.mktemp("proto") / "messages.binpb"
    files = sorted(str(file) for file in PROTO.glob("*.proto"))
    assert protoc.main(["", f"-I{PROTO}", f"--descriptor_set_out={path}", *files]) == 0
    return Messages.load(path)


@pytest.fixture(scope="session")
def decoders(messages: Messages) -> Decoders:
    return make_decoders(messages)


@dataclass(frozen=True)
class Recorder:
    """Both ports of a recorder, and its store."""

    backend: FlaskClient
    control: FlaskClient
    store: Store

    def post(self, path: str, body: bytes = b"{}", **headers: str) -> TestResponse:
        """POST JSON, unless a header says otherwise; `_` in their names stands for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.backend.post(
            path, data=body, headers={"Content-Type": "application/json", **named}
        )

    def last(self) -> dict[str, Any]:
        """The newest request as the control port tells it."""
        newest: list[dict[str, Any]] = self.ask("/requests?limit=1")
        return newest[0]

    def ask(self, path: str) -> Any:
        return self.control.get(path).get_json()


StartRecorder = Callable[..., Recorder]


@pytest.fixture
def start(decoders: Decoders, tmp_path: Path) -> Iterator[StartRecorder]:
    """Start a recorder that plays what the keys of its file say."""
    opened: list[Store] = []

    def started(*, most_items: int = 1000, most_requests: int = 1000, **keys: Any) -> Recorder:
        config = parse_config({"backend": "acme", "credential": None, "answers": {}, **keys})
        store = open_store(tmp_path / f"{len(opened)}.sqlite", most_items, most_requests)
        opened.append(store)
        failures = Failures()
        return Recorder(
            create_backend(config, store, failures, decoders).test_client(),
            create_control(store, failures, decoders).test_client(),
            store,
        )

    yield started
    for store in opened:
        store.close()
