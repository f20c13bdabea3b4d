"""The plugin contract of ADR-0035: all that the author of a backend plugin needs.

A plugin is a class with the methods of one of the ABCs below, found by an entry point::

    [project.entry-points."floe.telemetry_backends"]
    my-backend = "my_package:MyBackendPlugin"

    [project.entry-points."floe.lineage_backends"]
    my-catalog = "my_package:MyCatalogPlugin"

The name of the entry point is what a manifest writes. Plugins are recognised by their
methods, so one that derives from ``floe_core.plugins`` works unchanged.

How a plugin is configured: the manifest's ``config`` for it becomes keyword arguments of
the class; or, where the plugin has both ``get_config_schema()`` (returns a pydantic model)
and ``configure(model)``, the class is made without arguments and given the validated model.
`Configured` has all of these.

Credentials never appear in what a plugin returns: write ``${env:NAME}``. `resolved` puts in
the value at the moment of use, and `ask_backend` makes the HTTP request of a
``validate_connection()`` with the errors that the contract wants.
"""

from __future__ import annotations

import os
import warnings
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from floe_local.references import filled, missing, parse, references

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Configured",
    "CredentialError",
    "LineageBackendPlugin",
    "ObservabilityPlugin",
    "TelemetryBackendPlugin",
    "ask_backend",
    "only_by_reference",
    "resolved",
]

_LARGEST_ANSWER = 2**20

Config = TypeVar("Config")


class CredentialError(Exception):
    """The backend was reached, or need not be asked: the credentials are missing or wrong.

    Raised by ``validate_connection()``; the message says which variable to set.
    """


class BackendPlugin(ABC):
    """What plugins of both kinds have. Derive from one of the two below, not from this.

    Attributes:
        name: what a manifest calls the backend, e.g. ``"tempo"``.
        version: the plugin's own version (semver).
        floe_api_version: the floe API that the plugin was written for; 1.x and 2.x load.
    """

    name: str
    version: str
    floe_api_version: str

    @abstractmethod
    def get_helm_values(self) -> dict[str, Any]:
        """Give the values of the backend's Helm chart; empty for a backend that is SaaS."""

    @abstractmethod
    def validate_connection(self) -> bool:
        """Ask the backend whether it is there and takes the credentials.

        Returns:
            True when it does, False when it does not (an exception can say why).

        Raises:
            ConnectionError: it cannot be reached; the message says what to do.
            CredentialError: credentials are missing or refused.
        """


class TelemetryBackendPlugin(BackendPlugin):
    """A backend that takes traces, metrics or logs through the OpenTelemetry Collector."""

    @abstractmethod
    def get_otlp_exporter_config(self) -> dict[str, Any]:
        """Give the Collector's ``exporters`` section, and the pipelines that use it.

        Returns:
            A part of a Collector config: ``{"exporters": {id: {...}}, "service":
            {"pipelines": {"traces": {"receivers": [...], "processors": [...],
            "exporters": [id]}}}}``. Receivers and processors are the compiler's business.
        """


class LineageBackendPlugin(BackendPlugin):
    """A backend that takes OpenLineage events over HTTP, directly from the pipelines."""

    @abstractmethod
    def get_transport_config(self) -> dict[str, Any]:
        """Give the OpenLineage transport.

        Returns:
            ``{"type": "http", "url": base, "endpoint": path, "timeout": seconds}``; with
            ``"auth": {"type": "api_key", "apiKey": "${env:NAME}"}`` where one is needed.
        """

    @abstractmethod
    def get_namespace_strategy(self) -> dict[str, Any]:
        """Say how the namespace of lineage events is made.

        Returns:
            ``{"strategy": "environment_based", "template": "floe-{environment}",
            "environment_var": "FLOE_ENVIRONMENT"}``; ``{"strategy": "custom",
            "namespace": ...}``; ``{"strategy": "centralized", "environment": ...,
            "platform": ...}``; or ``{"strategy": "backend_managed"}``.
        """


class Configured(Generic[Config]):
    """A plugin whose config is a pydantic model; stands before the ABC of its kind.

    Example::

        class MyBackendPlugin(Configured[MyConfig], TelemetryBackendPlugin):
            config_model = MyConfig

    Attributes:
        config_model: the model.
        config: the config.

    Args:
        config: the model's fields.

    Raises:
        pydantic.ValidationError: the model refuses a field or a value.
    """

    config_model: type[Config]
    config: Config

    def __init__(self, **config: Any) -> None:
        self.configure(cast("Any", self.config_model)(**config))

    @classmethod
    def get_config_schema(cls) -> type[Config]:
        """Give the pydantic model of the config."""
        return cls.config_model

    def configure(self, config: Config) -> None:
        """Replace the whole config."""
        self.config = config


_DEPRECATED = (
    "ObservabilityPlugin is deprecated (ADR-0035) and leaves with floe-core 3.0.0: "
    "write a TelemetryBackendPlugin and a LineageBackendPlugin instead"
)


class ObservabilityPlugin(ABC):
    """Deprecated: one plugin for both telemetry and lineage (entry points ``floe.observability``).

    Deriving from it, and making an instance, warns. Write a `TelemetryBackendPlugin` and
    a `LineageBackendPlugin` instead.
    """

    name: str
    version: str
    floe_api_version: str

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        warnings.warn(f"{cls.__name__}: {_DEPRECATED}", DeprecationWarning, stacklevel=2)

    def __init__(self) -> None:
        warnings.warn(_DEPRECATED, DeprecationWarning, stacklevel=2)

    @abstractmethod
    def get_otlp_exporter_config(self) -> dict[str, Any]:
        """Give what `TelemetryBackendPlugin.get_otlp_exporter_config` gives."""

    @abstractmethod
    def get_lineage_config(self) -> dict[str, Any]:
        """Give what `LineageBackendPlugin.get_transport_config` gives."""


def resolved(text: str) -> str:
    """Replace each ``${env:NAME}`` by the variable's value. Use the result, never return it.

    ``${env:NAME:-default}`` is the default where the variable is not set, or empty.

    Raises:
        CredentialError: a variable without a default is not set, or empty.
    """
    parts = parse(text)
    # By name: the contract's checks see which variables a plugin reads, and mark those.
    names = [one.variable for one in references(parts) if one.variable]
    values = {name: value for name in names if (value := os.environ.get(name))}
    for name in missing(parts, values):
        message = f"{name} is not set: export {name}=…"
        raise CredentialError(message)
    return filled(parts, values)


def only_by_reference(text: str) -> str:
    """Refuse a credential that is written out. For the validators of a plugin's config.

    Raises:
        ValueError: `text` holds no ``${env:NAME}``, or one with a default.
    """
    found = [r for r in references(parse(text)) if r.variable]
    if not found or any(reference.default for reference in found):
        message = "a credential is given as ${env:NAME}, never written out"
        raise ValueError(message)
    return text


def ask_backend(
    url: str,
    *,
    backend: str,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = 5.0,
    post: bytes | None = None,
    verify: bool = True,
) -> Any:
    """GET a JSON document from a backend, for ``validate_connection()``.

    Args:
        url: what to ask for, http or https; ``${env:NAME}`` in it is replaced. Errors tell it
            as it is given.
        backend: the backend's name, for errors.
        headers: sent along; ``${env:NAME}`` in their values is replaced.
        timeout_s: seconds to wait for the connection, and for the answer.
        post: a JSON document; it is sent with POST, to a backend that answers nothing else.
        verify: whether the server's certificate is verified.

    Returns:
        The decoded JSON.

    Raises:
        ConnectionError: it cannot be reached, does not answer as it should, or answers with a
            redirect: that is not followed, for the credentials would go along.
        CredentialError: it refuses the credentials, or a variable is not set.
    """
    from urllib.error import HTTPError  # noqa: PLC0415 - compiling a config needs no HTTP client
    from urllib.request import Request  # noqa: PLC0415

    asked = resolved(url)
    if not asked.startswith(("http://", "https://")):
        message = f"{backend}: '{url}' is not an http(s) URL"
        raise ConnectionError(message)
    sent = {name: resolved(value) for name, value in (headers or {}).items()}
    request = Request(asked, post, {"Content-Type": "application/json", **sent} if post else sent)  # noqa: S310
    try:
        with _opener(verify=verify).open(request, timeout=timeout_s) as answer:
            body = answer.read(_LARGEST_ANSWER)
    except HTTPError as error:
        error.close()  # it is the answer, too
        raise _refused(backend, url, error.code) from error
    except OSError as error:
        raise _unreachable(backend, url, getattr(error, "reason", error)) from error
    except ValueError:
        raise _unsendable(backend, url) from None  # it quotes the header
    return _decoded(body, backend, url)


def _opener(*, verify: bool) -> Any:
    """What opens URLs as `urlopen` does, and follows no redirect."""
    import ssl  # noqa: PLC0415
    from urllib.request import HTTPRedirectHandler, HTTPSHandler, build_opener  # noqa: PLC0415

    class Unmoved(HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            """Leave the redirect as the error that it then is."""

    if verify:
        return build_opener(Unmoved)
    unverified = ssl.create_default_context()
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    return build_opener(Unmoved, HTTPSHandler(context=unverified))


def _refused(backend: str, url: str, status: int) -> Exception:
    if status in (401, 403):
        return CredentialError(
            f"{backend} at {url} refuses the credentials (HTTP {status}): check the variables "
            "that the plugin's config refers to"
        )
    what = f"{backend} at {url} answered HTTP {status}"
    if status // 100 == 3:  # noqa: PLR2004 - the class of HTTP statuses
        return ConnectionError(
            f"{what}, a redirect, which is not followed: configure the URL that it leads to"
        )
    return ConnectionError(f"{what}: is this its URL, and is it healthy?")


def _unsendable(backend: str, url: str) -> Exception:
    return CredentialError(
        f"{backend} at {url} was not asked: the URL or a header is not valid in HTTP: does one of "
        "the variables that the plugin's config refers to hold a line break?"
    )


def _unreachable(backend: str, url: str, why: object) -> ConnectionError:
    return ConnectionError(
        f"{backend} cannot be reached at {url} ({why}): is it up, and is this its URL?"
    )


def _decoded(body: bytes, backend: str, url: str) -> Any:
    from json import loads  # noqa: PLC0415

    try:
        return loads(body)
    except ValueError as error:
        message = f"what answers at {url} is not {backend}: its response is not JSON"
        raise ConnectionError(message) from error
