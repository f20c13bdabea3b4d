"""What of the caller's machine a subprocess, a client or a container may see (decision 19).

The caller's shell holds much that is meant for other programs, and would change what runs
here: COMPOSE_FILE, DOCKER_DEFAULT_PLATFORM, TAR_OPTIONS, GOFLAGS, PYTHONWARNINGS, OTEL_*. So
what is let in is named, here and nowhere else. A plugin is the exception: it may read any
variable, as only its author knows which, but for those that would mislead it.
"""

from __future__ import annotations

import ipaddress
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


BASICS = _names(
    "PATH HOME USER LOGNAME TZ TMPDIR LANG LANGUAGE LC_ALL LC_CTYPE LC_MESSAGES "
    "XDG_RUNTIME_DIR XDG_CONFIG_HOME XDG_CACHE_HOME SSL_CERT_FILE SSL_CERT_DIR SSH_AUTH_SOCK"
)
ENGINE = _names(
    "DOCKER_HOST DOCKER_CONTEXT DOCKER_CONFIG DOCKER_TLS DOCKER_TLS_VERIFY DOCKER_CERT_PATH "
    "DOCKER_API_VERSION DOCKER_CUSTOM_HEADERS"
)
"""Which engine is used, and how it is reached; not what it runs."""

GO = _names(
    "GOPATH GOROOT GOCACHE GOMODCACHE GOPROXY GONOPROXY GOSUMDB GONOSUMDB GOPRIVATE GOINSECURE "
    "GOTOOLCHAIN GOAUTH GOVCS GOMAXPROCS GOMEMLIMIT NETRC"
)
"""Where Go finds modules and keeps what it made; not what it makes of them."""

PROXIES = frozenset({"http_proxy", "https_proxy", "all_proxy", "ftp_proxy", "no_proxy"})
"""In either case."""

NOT_FOR_PLUGINS = ("OTEL_", "OPENLINEAGE_")
"""Meant for the caller's own SDKs; a plugin that reads them would send the Collector to itself."""

PYTHON = _names(
    "PYTHONHOME PYTHONHASHSEED PYTHONUTF8 PYTHONIOENCODING PYTHONPYCACHEPREFIX "
    "PYTHONDONTWRITEBYTECODE PYTHONPLATLIBDIR"
)
"""What another Python needs to start as this one did; not what makes it warn, stop or profile."""

CLIENTS = PYTHON | _names(
    "PATH LD_LIBRARY_PATH DYLD_LIBRARY_PATH TMPDIR LANG LC_ALL "
    "SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE"
)
"""What a program needs to start, and whose certificates this machine trusts."""

LOOPBACK = ("localhost", "127.0.0.1", "::1")
_INJECTED = ("httpProxy", "httpsProxy", "ftpProxy", "allProxy")


def for_tools(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of a tool that builds or checks: go, debootstrap, tar, otelcol."""
    return _only(environ, BASICS | GO)


def for_compose(environ: Mapping[str, str], names: Iterable[str] = ()) -> dict[str, str]:
    """The environment of Compose.

    Args:
        environ: the caller's.
        names: variables that services take from the caller by name.
    """
    return _only(environ, BASICS | ENGINE | set(names))


def for_plugins(
    environ: Mapping[str, str], path: Sequence[str], *, proxies: bool = True
) -> dict[str, str]:
    """The environment of a plugin's process.

    Args:
        environ: the caller's.
        path: where Python finds modules.
        proxies: whether it may see the caller's proxies; else it sees that there are none.
    """
    kept = {name: value for name, value in environ.items() if _for_plugin(name)}
    if not proxies:
        kept = {k: v for k, v in kept.items() if k.lower() not in PROXIES} | {"NO_PROXY": "*"}
    return kept | {"PYTHONPATH": os.pathsep.join(filter(None, path))}


def for_clients(
    environ: Mapping[str, str], path: Sequence[str], home: str, variables: Mapping[str, str]
) -> dict[str, str]:
    """The environment of a client that knows what `floe-local env` prints, and nothing else.

    Args:
        environ: the caller's.
        path: where Python finds modules.
        home: a folder in which no client finds a file of the caller's.
        variables: what `env` prints, resolved.
    """
    kept = {name: environ[name] for name in CLIENTS & environ.keys()}
    own = {"HOME": home, "PYTHONPATH": os.pathsep.join(filter(None, path))}
    return {**kept, **own, **variables}


def _for_plugin(name: str) -> bool:
    if name.startswith("PYTHON"):
        return name in PYTHON
    return not name.startswith(NOT_FOR_PLUGINS)


def _only(environ: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    let_in = {*names, *PROXIES, *(proxy.upper() for proxy in PROXIES)}
    return {name: value for name, value in environ.items() if name in let_in}


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself, which is asked through no proxy: as Go has it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def injected_no_proxy(docker_config: Mapping[str, Any], engine: str) -> str | None:
    """The `noProxy` that goes with a proxy which Compose puts into every container.

    Args:
        docker_config: the docker command's config.json.
        engine: the engine's URL, for which config.json may have proxies of its own.

    Returns:
        None: no proxy is put there.
    """
    proxies = docker_config.get("proxies")
    section = proxies.get(engine, proxies.get("default")) if isinstance(proxies, dict) else None
    if not isinstance(section, dict) or not any(section.get(key) for key in _INJECTED):
        return None
    return str(section.get("noProxy") or "")


def past_the_proxy(no_proxy: str, hosts: Iterable[str]) -> dict[str, str]:
    """NO_PROXY, in both cases, with these hosts and the machine's own besides what it held."""
    listed = [part.strip() for part in no_proxy.split(",") if part.strip()]
    # Some clients know `*` only where it stands alone.
    value = "*" if "*" in listed else ",".join(dict.fromkeys([*listed, *LOOPBACK, *hosts]))
    return {"NO_PROXY": value, "no_proxy": value}
