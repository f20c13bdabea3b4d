"""`urls`, `env`, `render`, `explain`: what a stack is, told without Docker."""

from __future__ import annotations

import json
import os
import re
import shlex
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from floe_local.errors import InputError, writing
from floe_local.operations.request import manifest_blueprints, manifest_of, request_stack
from floe_local.operations.stacks import find_planned, rivals_of
from floe_local.plan.artifacts import Change
from floe_local.plan.env_refs import references, rewritten
from floe_local.plan.helm import ChartUsed, Gap
from floe_local.plan.stack.addresses import (
    JSON_VARIABLES,
    PipelineVariables,
    airflow_variables,
    endpoint_url,
    pipeline_variables,
    resolve_variables,
    spark_settings,
)
from floe_local.plan.values import Frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from floe_local.operations.request import StackRequest
    from floe_local.operations.stacks import Where
    from floe_local.plan.stack.addresses import Viewpoint
    from floe_local.plan.stack.model import StackPlan
    from floe_local.plan.values import OtlpProtocol

EnvForm = Literal["shell", "dotenv", "json"]
EnvFor = Literal["airflow", "spark"]
VALUES_FILE = "values.yaml"


class UrlRow(Frozen):
    """An endpoint, from the host and from containers that join the network."""

    service: str
    endpoint: str
    url: str
    container_url: str
    ui: bool = False


class UrlList(Frozen):
    """Where everything of a stack is reached; `network` is the one to join."""

    network: str
    urls: tuple[UrlRow, ...] = ()


class Environment(Frozen):
    """What a pipeline sets. `text` is in the form that was asked for.

    `omitted` are variables that cannot say what this stack needs: name → reason. `conf` is
    what Spark is given besides. `warnings` name what of the user's own would win.
    """

    form: EnvForm
    network: str | None = None
    variables: dict[str, str] = {}
    omitted: dict[str, str] = {}
    conf: dict[str, str] = {}
    warnings: tuple[str, ...] = ()
    text: str = ""


class Rendered(Frozen):
    """The files of a stack: path → content. `folder` is where they were written, if at all."""

    files: dict[str, str]
    folder: str | None = None
    warnings: tuple[str, ...] = ()


class RenderedHelm(Frozen):
    """Helm values for a cluster: a key for each chart, and what they do not cover.

    `files` is the same as a YAML document; `folder` is where it was written, if at all.
    """

    environment: str
    values: dict[str, Any]
    charts: tuple[ChartUsed, ...] = ()
    not_covered: tuple[Gap, ...] = ()
    files: dict[str, str] = {}
    folder: str | None = None
    warnings: tuple[str, ...] = ()


class Explanation(Frozen):
    """How a stack came to be what it is: every rule that changed something, and the result."""

    stack: str
    namespace: str
    environment: str
    sampling: str
    changes: tuple[Change, ...] = ()
    aliases: dict[str, tuple[str, ...]] = {}
    otlp_collector_config: dict[str, Any] | None = None
    openlineage_config: dict[str, Any] | None = None
    warnings: tuple[str, ...] = ()


def urls(where: Where) -> UrlList:
    """Where the endpoints of a stack are reached.

    Raises:
        MachineError: the stack was never brought up from here (``stack-unknown``).
    """
    plan, _ = find_planned(where)
    rows = tuple(
        UrlRow(
            service=service.name,
            endpoint=e.name,
            url=(endpoint_url(plan, service.name, e.name, "host") or "") + e.path,
            container_url=(endpoint_url(plan, service.name, e.name, "container") or "") + e.path,
            ui=e.ui,
        )
        for service in plan.services
        for e in service.endpoints
    )
    return UrlList(network=plan.network, urls=rows)


def env(
    where: Where,
    form: EnvForm = "shell",
    *,
    container: bool = False,
    protocol: OtlpProtocol | None = None,
    integration: EnvFor | None = None,
    show_secrets: bool = False,
    environ: Mapping[str, str] | None = None,
) -> Environment:
    """What a pipeline's environment holds, so that it reaches the stack.

    Credentials stay references: ``$NAME`` in the shell form. The others need the values,
    and give them only with `show_secrets`.

    Args:
        where: which stack.
        form: ``shell`` (to be eval'ed), ``dotenv``, ``json``.
        container: for pipelines in containers that join the stack's network.
        protocol: how OTLP travels; None: as the manifest says.
        integration: ``airflow`` adds its variables; ``spark`` gives, as text, its settings.
        show_secrets: put credentials' values in.
        environ: where those are read; None: the process's.

    Raises:
        InputError: the form needs a credential's value (``secret-form``), or it is not set.
        MachineError: the stack was never brought up from here (``stack-unknown``).
    """
    plan, _ = find_planned(where)
    known = os.environ if environ is None else environ
    viewpoint: Viewpoint = "container" if container else "host"
    variables, omitted = pipeline_variables(plan, viewpoint, protocol, known)
    if integration == "airflow":
        variables |= airflow_variables(plan, viewpoint)
    spark = integration == "spark"
    conf, unsaid = spark_settings(plan, viewpoint) if spark else PipelineVariables({}, {})
    warnings = rivals_of(plan, variables, known)
    if show_secrets:
        variables, conf = resolve_variables(variables, known), resolve_variables(conf, known)
    elif form != "shell":
        _refuse_secrets(form, references([variables, conf]))
    return Environment(
        form=form,
        network=plan.network if container else None,
        variables=variables,
        omitted=omitted | unsaid,
        conf=conf,
        warnings=(*warnings, *(f"{name} is left out: {why}" for name, why in unsaid.items())),
        text=_SPARK_FORMS[form](conf) if spark else _FORMS[form](variables, omitted),
    )


def _refuse_secrets(form: EnvForm, names: Sequence[str]) -> None:
    if names:
        raise InputError(
            "secret-form",
            f"the {form} form would hold the values of {', '.join(names)}",
            "add --show-secrets, or use the shell form, which refers to them",
        )


def _planned(where: Where) -> tuple[StackRequest, StackPlan]:
    """Plan a stack for paper. Loaded here: what a running stack is takes no planning."""
    from floe_local.operations.layout import plan_on_paper  # noqa: PLC0415

    request = request_stack(where)
    return request, plan_on_paper(request)


def _shell(variables: Mapping[str, str], omitted: Mapping[str, str]) -> str:
    lines = (f"export {assignment(name, value)}\n" for name, value in variables.items())
    return "".join(lines) + _comments(omitted)


def assignment(name: str, value: str) -> str:
    """``NAME=value`` for a POSIX shell, in which references are the shell's own."""
    return f"{name}={_shell_word(value, in_json=name in JSON_VARIABLES)}"


def _comments(omitted: Mapping[str, str]) -> str:
    """Why variables are left out; last, so that they hide nothing where lines are joined."""
    return "".join(f"# {name} is left out: {reason}\n" for name, reason in omitted.items())


def _shell_word(value: str, *, in_json: bool) -> str:
    if not references(value):
        return shlex.quote(value)
    reference = _expansion_in_json if in_json else _expansion
    return f'"{rewritten(value, literal=_inert, reference=reference)}"'


def _expansion(name: str, default: str | None, literal: Callable[[str], str] | None = None) -> str:
    """A reference as the shell has it; `literal` writes what is text in its default."""
    if default is None:
        return f"${{{name}}}"
    nested = partial(_expansion, literal=literal)
    return f"${{{name}:-{rewritten(default, literal=literal or _inert, reference=nested)}}}"


def _expansion_in_json(name: str, default: str | None) -> str:
    """A reference inside JSON: the shell escapes quotes and backslashes of the value."""
    value = _expansion(name, default, lambda text: _inert(str(json.loads(f'"{text}"'))))
    return rf"""$(printf %s "{value}" | sed 's/[\\"]/\\&/g')"""


def _inert(text: str) -> str:
    return re.sub(r'([\\"$`])', r"\\\1", text)


def _dotenv(variables: Mapping[str, str], omitted: Mapping[str, str]) -> str:
    """``NAME=value``, unquoted: ``docker run --env-file`` takes quotes for a part of it."""
    lines = (f"{name}={value}\n" for name, value in variables.items())
    return "".join(lines) + _comments(omitted)


def _json(variables: Mapping[str, str], _omitted: Mapping[str, str]) -> str:
    return json.dumps(dict(variables), indent=2, ensure_ascii=False) + "\n"


_FORMS = {"shell": _shell, "dotenv": _dotenv, "json": _json}


def _spark_options(conf: Mapping[str, str]) -> str:
    """``--conf`` lines for spark-submit."""
    settings = (_shell_word(f"{key}={value}", in_json=False) for key, value in conf.items())
    return "".join(f"--conf {setting}\n" for setting in settings)


def _spark_properties(conf: Mapping[str, str]) -> str:
    """Lines of a properties file (``spark-submit --properties-file``)."""
    return "".join(f"{key} {value}\n" for key, value in conf.items())


def _spark_json(conf: Mapping[str, str]) -> str:
    return _json(conf, {})


_SPARK_FORMS = {"shell": _spark_options, "dotenv": _spark_properties, "json": _spark_json}


def render(where: Where, output: Path | None = None) -> Rendered:
    """The compose file and the configs of a stack, without Docker.

    Images are named as upstream names them; ports are those the stack would like best.

    Args:
        where: which stack.
        output: a folder to write the files to; None: they are only returned.

    Raises:
        InputError: the stack cannot be planned.
        MachineError: `output` cannot be written (``output``).
    """
    from floe_local.run.workspace import workspace_files  # noqa: PLC0415 - no Docker, no YAML

    request, plan = _planned(where)
    files = {p: text for p, text in workspace_files(plan).items() if not p.endswith(".json")}
    if output is None:
        return Rendered(files=files, warnings=request.warnings)
    folder = write_rendered(files, output)
    _write(output / ".env", "".join(f"{name}=\n" for name in plan.secrets))
    return Rendered(files=files, folder=folder, warnings=request.warnings)


def render_helm(where: Where, output: Path | None = None) -> RenderedHelm:
    """The merged Helm values of the Collector and of the backends.

    Backends that run elsewhere are called for real, and nothing is played or moved.

    Args:
        where: which manifest, and which environment.
        output: a folder to write values.yaml to; None: it is only returned.

    Raises:
        InputError: the manifest, a plugin, what it returned, or a blueprint is wrong.
        MachineError: `output` cannot be written (``output``).
    """
    from floe_local.plan.helm import as_yaml, cluster_values  # noqa: PLC0415 - no plugins there
    from floe_local.plan.plugins.host import call_plugins  # noqa: PLC0415

    manifest = manifest_of(where)
    blueprints = manifest_blueprints(manifest, live=True)
    outputs = call_plugins(manifest.backends, limit_s=manifest.local.plugin_deadline)
    result = cluster_values(manifest, outputs, blueprints, os.environ)
    files = {VALUES_FILE: as_yaml(result, manifest.environment)}
    return RenderedHelm(
        environment=manifest.environment,
        values=result.values,
        charts=result.charts,
        not_covered=result.not_covered,
        files=files,
        folder=None if output is None else write_rendered(files, output),
        warnings=manifest.warnings,
    )


def write_rendered(files: Mapping[str, str], output: Path) -> str:
    """Write files (path → content) to a folder; gives its absolute path.

    Raises:
        MachineError: one cannot be written (``output``).
    """
    for path, text in files.items():
        _write(output / path, text)
    return str(output.resolve())


def _write(path: Path, text: str) -> None:
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def explain(where: Where) -> Explanation:
    """Every rule that changed what the plugins returned, and what came out of it.

    Raises:
        InputError: the stack cannot be planned.
    """
    request, plan = _planned(where)
    networks = {n: s.get("networks", {}) for n, s in plan.compose["services"].items()}
    return Explanation(
        stack=plan.name,
        namespace=plan.namespace,
        environment=plan.environment,
        sampling=plan.sampling,
        changes=plan.changes,
        aliases={
            name: tuple(joined["default"]["aliases"])
            for name, joined in networks.items()
            if joined.get("default", {}).get("aliases")
        },
        otlp_collector_config=request.compiled.otlp_collector_config,
        openlineage_config=request.compiled.openlineage_config,
        warnings=request.warnings,
    )
