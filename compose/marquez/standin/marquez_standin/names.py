"""Names: which are allowed, and how a node of the graph is spelled."""

from __future__ import annotations

import re
from dataclasses import dataclass

from marquez_standin.errors import IllegalNameError

_NAMESPACE = re.compile(r"[a-zA-Z:;=/0-9_\-.@+]{1,1024}")
_NOT_IN_JOB_NAMESPACES = re.compile(r"[^a-z:/A-Z0-9\-_.@+]")
_NODE = re.compile(r"(?:dataset|datasetField|job|run):.*")
# A colon that separates parts, as against one of scheme://authority or host:port.
_SEPARATOR = re.compile(r":(?!//|\d+)")


def checked_namespace(name: str) -> str:
    """A namespace's name, if it is allowed.

    Raises:
        IllegalNameError: If it holds other characters, or none, or over 1,024.
    """
    if not _NAMESPACE.fullmatch(name):
        raise IllegalNameError(name)
    return name


def checked_name(name: str) -> str:
    """The name of a job, dataset, field, source or tag: anything but blank.

    Raises:
        IllegalNameError: If it is blank.
    """
    if not name.strip():
        raise IllegalNameError(name)
    return name


def tidy_namespace(name: str) -> str:
    """A namespace with an underscore for every character that is not allowed."""
    return _NOT_IN_JOB_NAMESPACES.sub("_", name)


@dataclass(frozen=True, slots=True)
class Node:
    """A node of a graph as a request names it: `job:namespace:name`, perhaps with `#version`."""

    text: str

    @property
    def kind(self) -> str:
        """`job`, `dataset`, `datasetField` or `run`."""
        return self.text.split(":", 1)[0]

    @property
    def has_version(self) -> bool:
        """Whether the node means one version only."""
        return "#" in self.text

    def parts(self, count: int) -> tuple[str, ...]:
        """The parts after the kind; the last takes what is left.

        Raises:
            ValueError: If there are fewer.
        """
        simple = re.split("[:#]", self.text)
        while simple and not simple[-1]:
            simple.pop()
        if len(simple) < count + 1:
            raise ValueError(self.text)
        if len(simple) == count + 1:
            return tuple(simple[1:])
        parts = _SEPARATOR.split(self.text, count)
        if len(parts) < count + 1:
            raise ValueError(self.text)
        return tuple(parts[1:])

    def named(self) -> tuple[str, str]:
        """Namespace and name of a job or a dataset.

        Raises:
            ValueError: If the node has no two parts, or an illegal one.
        """
        namespace, name = self.parts(2)[:2]
        try:
            return checked_namespace(namespace), checked_name(name)
        except IllegalNameError as problem:
            raise ValueError(self.text) from problem


def parse_node(text: str) -> Node:
    """Read a node's id.

    Raises:
        IllegalNameError: If it does not start with a known kind.
    """
    if not _NODE.fullmatch(text):
        raise IllegalNameError(text)
    return Node(text)
