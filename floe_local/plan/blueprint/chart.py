"""The `chart` section of a blueprint: how a public Helm chart deploys the backend."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import StringConstraints

from floe_local.plan.values import Frozen

Dotted = Annotated[str, StringConstraints(pattern=r"^[^.\s]+(\.[^.\s]+)*$")]
SecretName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]


class Lacking(Frozen):
    """A Helm value of the plugin that the chart has no key for.

    It is `path` (dotted; with all below it). One of `already` says what the chart does
    anyway; of another, `why` says what to do about it.
    """

    path: Dotted
    already: tuple[Any, ...] = ()
    why: str


class NamedSecret(Frozen):
    """A Secret that must be in the cluster, called as the chart's value `at` says.

    `keys` are those that it must hold. `when` are values of the chart (dotted key → value,
    or a list of possible ones) with which it is used.
    """

    at: Dotted
    keys: tuple[str, ...]
    when: dict[Dotted, Any] = {}


class Note(Frozen):
    """What the chart's values leave to their reader; `when` is as in `NamedSecret`."""

    text: str
    when: dict[Dotted, Any] = {}


class Chart(Frozen):
    """A public Helm chart, and how a plugin's Helm values read in its layout.

    `name` is the chart's, and so the key of its values in an umbrella chart. `version` is
    the one that was read for this, `source` the repository that it is in. `values` are set
    whatever the plugin returns, below what it returns; a text there may be one placeholder:
    ``{host}`` (the host name in the plugin's endpoint), ``{image:SERVICE}`` (a mapping with
    repository and tag), ``{otlp_collector_config}``, ``{environment}`` (what that config
    refers to, each from the Secret `secret`). `takes` maps paths in the plugin's values to
    the chart's; everything below a path goes with it, and the longest path decides.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    version: str
    source: str
    values: dict[str, Any] = {}
    takes: dict[Dotted, Dotted] = {}
    lacks: tuple[Lacking, ...] = ()
    secret: SecretName | None = None
    secrets: tuple[NamedSecret, ...] = ()
    notes: tuple[Note, ...] = ()
