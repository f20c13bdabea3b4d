"""One blueprint service → one compose service; all of them → the compose model."""

from __future__ import annotations

import hashlib
import posixpath
import re
from typing import TYPE_CHECKING, Any

import yaml

from floe_local.errors import InputError
from floe_local.plan.blueprint.model import COLLECTOR_CONFIG, Recording
from floe_local.plan.blueprint.recipe import LABEL_ORIGIN
from floe_local.plan.caller import past_the_proxy
from floe_local.plan.env_refs import references
from floe_local.plan.nested import deep_merge, map_texts
from floe_local.plan.stack.model import BACKEND_LABEL, STACK_LABEL
from floe_local.plan.values import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from floe_local.plan.artifacts import Backend
    from floe_local.plan.blueprint.model import ConfigFile, LocatedBlueprint, Sandbox, Service
    from floe_local.plan.stack.model import (
        PublishedEndpoint,
        StackIdentity,
        StackInputs,
        StackVolume,
    )

_SECRET = re.compile(r"\{secret:([A-Za-z0-9_-]+)\}")
_TELLING = {
    "service": {"telemetry": {"logs": {"level": "debug"}, "metrics": {"level": "detailed"}}}
}
"""What the Collector tells of itself here, and not in a cluster: `status` sees by it who speaks
the wrong protocol. Below debug, gRPC's own log is left out; below detailed, the HTTP server's
requests are not counted."""
_COMPILED = {COLLECTOR_CONFIG, "{openlineage_config}"}
_RECORDING = "{sandbox}"


def compose_model(
    identity: StackIdentity,
    services: Mapping[str, Mapping[str, Any]],
    volumes: Sequence[StackVolume],
) -> dict[str, Any]:
    """The whole compose file. Labels of networks and volumes never change (decision 6)."""

    def labels() -> dict[str, str]:
        return {STACK_LABEL: identity.project}  # one each: YAML would show a shared one as &id001

    model: dict[str, Any] = {
        "name": identity.project,
        "services": dict(services),
        "networks": {"default": {"name": identity.network, "labels": labels()}},
    }
    if volumes:
        model["volumes"] = {v.key: {"name": v.name, "labels": labels()} for v in volumes}
    return model


def compose_service(
    name: str,
    service: Service,
    inputs: StackInputs,
    *,
    endpoints: Sequence[PublishedEndpoint],
    aliases: Sequence[str],
    files: Mapping[str, str],
) -> dict[str, Any]:
    """One compose service. What came from data is escaped: `$` reaches the container.

    Args:
        name: the service's name.
        service: as its blueprint has it.
        inputs: the stack's identity, images and blueprints.
        endpoints: those to publish.
        aliases: names by which other containers call it.
        files: the config files it mounts, by path in the workspace.
    """
    model = {
        "image": literal(inputs.images[name].reference),
        "entrypoint": literal(service.entrypoint),
        "command": literal(service.command),
        "environment": _past_the_proxy(inputs) | _environment(service, inputs),
        "labels": _labels(name, inputs, files),
        "networks": {"default": {"aliases": list(aliases)} if aliases else {}},
        "ports": [_port(endpoint, inputs.bind) for endpoint in endpoints],
        "volumes": _mounts(name, service),
        "depends_on": _dependencies(service, inputs),
        "healthcheck": literal(service.healthcheck),
        "restart": "no",
        "logging": _logging(),
        **_confinement(service),
    }
    return {key: value for key, value in model.items() if value not in (None, [], {})}


def _logging() -> dict[str, Any]:
    """How long a container's log grows: at level debug the Collector writes some 30 MB a day.

    The driver is named with its options: an engine whose own is another one would refuse them.
    """
    return {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}


def _confinement(service: Service) -> dict[str, Any]:
    """What the container may do, and what it is given to do it with."""
    return {
        "user": service.user,
        "read_only": service.read_only or None,
        "tmpfs": list(service.tmpfs),
        "cap_drop": list(service.cap_drop),
        "cap_add": list(service.cap_add),
        "security_opt": ["no-new-privileges:true"],
        "shm_size": service.shm_size,
        "stop_grace_period": service.stop_grace_period,
    }


def literal(value: Any) -> Any:
    """`value` as Compose hands it on unchanged: every `$` doubled."""
    return map_texts(value, lambda text: text.replace("$", "$$"))


def secret_names(service: Service) -> tuple[str, ...]:
    """The names of the generated passwords in a service's environment, each once."""
    values = service.environment.values()
    return tuple(dict.fromkeys(name for value in values for name in _SECRET.findall(value)))


def secret_variables(service: Service) -> tuple[str, ...]:
    """The variables that hold the generated passwords of a service."""
    return tuple(sorted({_variable(name) for name in secret_names(service)}))


def _variable(secret: str) -> str:
    return "FLOE_SECRET_" + secret.upper().replace("-", "_")


def _environment(service: Service, inputs: StackInputs) -> dict[str, str | None]:
    """Its own variables; those that a compiled config of its refers to, by name only."""
    configs = [_compiled(file.source, inputs) for file in service.files if file.source in _COMPILED]
    own = {
        key: _SECRET.sub(lambda m: f"${{{_variable(m[1])}}}", literal(value))
        for key, value in service.environment.items()
    }
    collects = service.reads_collector_config
    return {
        **dict.fromkeys(references(configs)),
        **(_of_exporters(inputs) if collects else {}),
        **own,
    }


def _past_the_proxy(inputs: StackInputs) -> dict[str, str]:
    """Where Compose gives containers a proxy: what they call in the stack goes past it."""
    if inputs.no_proxy is None:
        return {}
    aliases = network_aliases(inputs.compiled.backends, inputs.parts)
    hosts = [inputs.host, *inputs.images, *(name for names in aliases.values() for name in names)]
    return past_the_proxy(literal(inputs.no_proxy), hosts)


def _of_exporters(inputs: StackInputs) -> dict[str, str | None]:
    """What exporters read for themselves: dummies for the sandbox, the user's own if live."""
    variables: dict[str, str | None] = {}
    for part in inputs.parts:
        if part.blueprint.kind is Kind.LINEAGE:
            continue
        if part.sandbox:
            variables |= {k: literal(v) for k, v in part.sandbox.environment.items()}
        elif inputs.live:
            variables |= dict.fromkeys(part.blueprint.live.environment)
    return variables


def _compiled(source: str, inputs: StackInputs) -> dict[str, Any] | None:
    """The compiled config that a placeholder names."""
    compiled = inputs.compiled
    if source != COLLECTOR_CONFIG:
        return compiled.openlineage_config
    config = compiled.otlp_collector_config
    return None if config is None else deep_merge(config, _TELLING)


def _labels(name: str, inputs: StackInputs, files: Mapping[str, str]) -> dict[str, str]:
    labels = {
        STACK_LABEL: inputs.identity.project,
        f"{STACK_LABEL}.name": inputs.identity.name,
        f"{STACK_LABEL}.folder": literal(inputs.identity.folder),
        "dev.floe.local.service": name,
        BACKEND_LABEL: inputs.owner(name).blueprint.name,
        LABEL_ORIGIN: inputs.images[name].origin.value,
    }
    if files:
        labels["dev.floe.local.config-hash"] = _digest(files)
    return labels


def _digest(files: Mapping[str, str]) -> str:
    """Compose does not see a changed bind mount; a changed label it sees."""
    content = "\0".join(f"{path}\0{text}" for path, text in sorted(files.items()))
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _port(endpoint: PublishedEndpoint, bind: str) -> dict[str, Any]:
    return {
        "host_ip": bind,
        "published": str(endpoint.host_port),
        "target": endpoint.container_port,
        "protocol": "tcp",
    }


def _mounts(name: str, service: Service) -> list[dict[str, Any]]:
    volumes = [
        {"type": "volume", "source": f"{name}-{volume}", "target": literal(target)}
        for volume, target in service.volumes.items()
    ]
    files = [
        {
            "type": "bind",
            "source": f"./{workspace_path(name, file)}",
            "target": literal(file.target),
            "read_only": True,
            "bind": {"create_host_path": False},
        }
        for file in service.files
    ]
    return volumes + files


def _dependencies(service: Service, inputs: StackInputs) -> dict[str, dict[str, str]]:
    services = {n: s for part in inputs.parts for n, s in part.blueprint.services.items()}
    return {
        name: {"condition": "service_healthy" if services[name].healthcheck else "service_started"}
        for name in service.depends_on
    }


def workspace_path(service: str, file: ConfigFile) -> str:
    """Where a mounted file lies in the workspace."""
    return f"config/{service}/{posixpath.basename(file.target)}"


def mounted_files(name: str, service: Service, inputs: StackInputs) -> dict[str, str]:
    """The contents of the files that a service mounts, by path in the workspace."""
    return {
        workspace_path(name, file): _content(name, file.source, inputs) for file in service.files
    }


def _content(service: str, source: str, inputs: StackInputs) -> str:
    if source in _COMPILED:
        return yaml.safe_dump(_compiled(source, inputs), sort_keys=False, allow_unicode=True)
    owner = inputs.owner(service)
    name = owner.blueprint.name
    if source == _RECORDING and owner.sandbox:
        return _recording(name, owner.sandbox)
    if (name, source) not in inputs.sources:
        raise InputError(
            "blueprint-file",
            f"blueprint '{name}': service '{service}' mounts '{source}', which is not there",
            "put the file beside blueprint.yaml",
        )
    return inputs.sources[name, source]


def _recording(backend: str, sandbox: Sandbox) -> str:
    """What the recorder is told of the backend that it plays, as YAML."""
    values = sandbox.model_dump(mode="json", by_alias=True, include=set(Recording.model_fields))
    return yaml.safe_dump({"backend": backend, **values}, sort_keys=False, allow_unicode=True)


def network_aliases(
    backends: Sequence[Backend], parts: Sequence[LocatedBlueprint]
) -> dict[str, tuple[str, ...]]:
    """The aliases that each service answers to besides its own name.

    A name is written as the plugin wrote it and in lower case without a trailing dot, which
    is how resolvers ask for it.

    Raises:
        InputError: one name would mean two services (``host-clash``).
    """
    owners = {service: service for part in parts for service in part.blueprint.services}
    aliases: dict[str, list[str]] = {}
    for backend in backends:
        for host, port in backend.hosts:
            service = _service_that_listens(backend, port)
            for alias in _spellings(host) if service else ():
                _claim(alias, service, backend.name, owners)
                aliases.setdefault(service, []).append(alias)
    return {
        service: tuple(n for n in dict.fromkeys(names) if n != service)
        for service, names in aliases.items()
    }


def _service_that_listens(backend: Backend, port: int) -> str:
    """The service of a backend that a plugin's ``host:port`` means; "": it has no service.

    The one that listens on the port, else the one that takes the backend's signals.
    """
    blueprint = backend.blueprint
    listening = [service for service, e in blueprint.endpoints if e.port == port]
    taking = [s for s, e in blueprint.endpoints if e.name in blueprint.ingest.values()]
    named = [service for service in blueprint.services if service == backend.name]
    return next(iter(listening + taking + named), "")


def _spellings(host: str) -> tuple[str, ...]:
    plain = host.rstrip(".")
    return tuple(dict.fromkeys((plain, plain.lower())))


def _claim(alias: str, service: str, backend: str, owners: dict[str, str]) -> None:
    owner = owners.setdefault(alias, service)
    if owner != service:
        raise InputError(
            "host-clash",
            f"backend '{backend}' is called at host '{alias}', which means service '{owner}' "
            f"as well as '{service}'",
            "give one of the two another host name in its plugin's config",
        )
