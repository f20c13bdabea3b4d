"""Protobuf messages, by the descriptors that `protoc` made of proto/."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pb2, message_factory
from google.protobuf.message import DecodeError

from sandbox_recorder.refusals import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Messages:
    """Message classes by their full name, such as `sandbox.otlp.TracesRequest`."""

    def __init__(self, classes: Mapping[str, Any]) -> None:
        self._classes = classes

    @classmethod
    def load(cls, path: Path) -> Messages:
        """Read what `protoc --descriptor_set_out` wrote.

        Raises:
            OSError: If the file cannot be read.
            google.protobuf.message.DecodeError: If it holds no descriptors.
        """
        files = descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes()).file
        return cls(message_factory.GetMessages(list(files)))

    def empty(self, name: str) -> Any:
        """A new message."""
        return self._classes[name]()

    def parsed(self, name: str, body: bytes) -> Any:
        """The message in a body.

        Raises:
            Refused: 400, if it does not hold one.
        """
        try:
            return self._classes[name].FromString(body)
        except DecodeError as problem:
            what = name.rpartition(".")[2]
            raise Refused(400, f"the body is no protobuf {what}: {problem}") from problem
