"""What is wrong in a blueprint that its model cannot say: names, queries, paths, credulity."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

from floe_local.plan.blueprint.model import SANDBOX, SPAN_FIELDS, compose_folder, placeholders
from floe_local.plan.nested import scalars
from floe_local.plan.secrets.mask import names_a_credential
from floe_local.plan.values import Signal
from floe_local.plan.yaml_source import nearest, read_source, suggestion
from floe_local.signals.shared.model import module_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from floe_local.plan.blueprint.model import (
        Blueprint,
        Credential,
        Endpoint,
        Probe,
        Request,
        Sandbox,
    )
    from floe_local.plan.yaml_source import Path_

CHART_PLACEHOLDERS = frozenset({"{host}", "{otlp_collector_config}", "{environment}"})
"""What a text in `chart.values` may be, besides ``{image:SERVICE}``."""
_CHART_PLACEHOLDER = re.compile(r"^\{[a-z_]+(:[^}]*)?\}$")

REPLACED = frozenset({"sandbox", "path"})
"""What a text that the sandbox puts into a plugin's config may refer to."""
STORED_JOB = frozenset({"job", "parent_job"})
"""What `naming.child_job` may refer to."""
COMPILED_FILES = frozenset({"{otlp_collector_config}", "{openlineage_config}", "{sandbox}"})
RECORDER_ENDPOINTS = frozenset({SANDBOX, "control"})
"""The endpoints of the recorder (compose/sandbox), which a sandbox's read-back may ask."""
DECODERS_FILE = "decoders.yaml"
"""In compose/sandbox: the recorder's decoders, and for which signals each is."""
_CONTROL_PATH = re.compile(rf"/received/({'|'.join(Signal)})/.+")
"""Where the recorder's control port has what arrived; every probe needs a key."""
SPEAKERS = {
    "otlp-grpc": ("otlp-grpc",),
    "otlp-http": ("otlp-http", "http"),
    "openlineage": ("http",),
}
"""Protocol of `ingest` → the endpoint's `protocol` that serves it."""
_NICKNAMES = {
    "otlp": "otlp-grpc",
    "grpc": "otlp-grpc",
    "http": "otlp-http",
    "lineage": "openlineage",
}
_ALIKE = 0.8
_SUCCESS = 2
_PARTS = {
    "header": (),
    "bearer": (),
    "basic": ("username", "password"),
    "sigv4": ("access_key", "secret_key", "service"),
}
"""Kind of credential → what its `value` is made of; nothing: it is text."""
_VOLUME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_SECRET = re.compile(r"\{([a-z_]+:?[\w-]*)\}")


def problems_in(blueprint: Blueprint, folder: Path) -> Iterator[tuple[Path_, str]]:
    """Yield each mistake: the path to it in blueprint.yaml, and what it is.

    Args:
        blueprint: as its model read it.
        folder: where blueprint.yaml lies.
    """
    yield from _unknown_endpoints(blueprint)
    yield from _misfit_ingest(blueprint)
    yield from _misfit_signals(blueprint)
    yield from _unknown_services(blueprint)
    yield from _broken_queries(blueprint)
    yield from _unknown_placeholders(blueprint)
    yield from _probes_without_negative(blueprint)
    yield from _unknown_losses(blueprint)
    yield from _paths_outside(blueprint, folder)
    yield from _sandbox_with_services(blueprint)
    if blueprint.sandbox:
        yield from _wrong_sandbox(blueprint.sandbox)
        yield from _differing_credentials(blueprint.sandbox)
    yield from _misfit_chart(blueprint)


def _unknown_endpoints(blueprint: Blueprint) -> Iterator[tuple[Path_, str]]:
    own = {endpoint.name for _, endpoint in blueprint.endpoints}
    used: list[tuple[Path_, str]] = [
        (("ingest", protocol), name) for protocol, name in blueprint.ingest.items()
    ]
    used += [((*path, "endpoint"), request.endpoint) for path, _, request in _requests(blueprint)]
    for path, name in used:
        known = RECORDER_ENDPOINTS if path[0] == SANDBOX else own | set(blueprint.live.endpoints)
        if name not in known:
            yield path, f"there is no endpoint '{name}': {suggestion(name, known)}"
    for name, service in blueprint.services.items():
        own = {e.name for e in service.endpoints}
        if service.ready and service.ready.endpoint not in own:
            path = ("services", name, "ready", "endpoint")
            yield path, f"the service has no endpoint '{service.ready.endpoint}'"


def _misfit_ingest(blueprint: Blueprint) -> Iterator[tuple[Path_, str]]:
    """Protocols that are not known, and endpoints that are declared to speak another."""
    endpoints = {endpoint.name: endpoint for _, endpoint in blueprint.endpoints}
    for protocol, name in blueprint.ingest.items():
        path: Path_ = ("ingest", protocol)
        if protocol not in SPEAKERS:
            meant = _meant_protocol(protocol)  # else it is an exporter's type, which serves, too
            if meant:
                yield path, f"there is no protocol '{protocol}': did you mean '{meant}'?"
        elif name in endpoints and _speaks_another(endpoints[name], protocol):
            declared = f"'{name}' is declared as protocol: {endpoints[name].protocol}"
            yield path, f"{declared}: name the endpoint that takes {protocol}, or mend `protocol`"


def _meant_protocol(text: str) -> str | None:
    folded = re.sub(r"[^a-z0-9]", "", text.lower())
    by_folded = {re.sub(r"[^a-z]", "", name): name for name in SPEAKERS} | _NICKNAMES
    near = nearest(folded, by_folded, _ALIKE)
    return by_folded[near] if near else None


def _speaks_another(endpoint: Endpoint, protocol: str) -> bool:
    """Whether an endpoint says, by `protocol` or by its name, that it speaks another one."""
    if endpoint.name in SPEAKERS and endpoint.name != protocol:
        return True
    return "protocol" in endpoint.model_fields_set and (endpoint.protocol not in SPEAKERS[protocol])


def _misfit_signals(blueprint: Blueprint) -> Iterator[tuple[Path_, str]]:
    """Probes that are never made, and those that ask for another signal's canary."""
    for path, probe in _probes(blueprint):
        signal = Signal(str(path[-2]))
        if blueprint.kind and signal not in blueprint.accepts:
            yield path[:-1], f"`accepts` does not list {signal}: it is never asked"
        kinds = module_of(signal).PLACEHOLDERS
        if probe.each not in kinds:
            listed = " or ".join(kinds)
            yield (*path, "each"), f"'{probe.each}' is never sent as {signal}: write {listed}"


def _unknown_services(blueprint: Blueprint) -> Iterator[tuple[Path_, str]]:
    for index, rule in enumerate(blueprint.helm):
        if rule.service is not None and rule.service not in blueprint.services:
            yield ("helm", index, "service"), f"there is no service '{rule.service}'"
    if blueprint.requires:
        return  # a service of theirs may be meant; the stack's planner sees them all
    for name, service in blueprint.services.items():
        for other in service.depends_on:
            if other not in blueprint.services:
                path = ("services", name, "depends_on")
                yield path, f"there is no service '{other}', and nothing is required"


def _requests(blueprint: Blueprint) -> Iterator[tuple[Path_, str, Request]]:
    """Every request, with what it is made for."""
    for path, probe in _probes(blueprint):
        yield (*path, "request"), probe.each, probe.request
    for index, cleanup in enumerate(blueprint.cleanup):
        yield ("cleanup", index, "request"), cleanup.each, cleanup.request
        yield ("cleanup", index, "verify"), cleanup.each, cleanup.verify


def _readbacks(blueprint: Blueprint) -> Iterator[tuple[Path_, tuple[Probe, ...]]]:
    """The probes for each signal: the backend's own, and those of the sandbox."""
    for signal, probes in blueprint.readback.items():
        yield ("readback", str(signal)), probes
    for signal, probes in blueprint.sandbox.readback.items() if blueprint.sandbox else ():
        yield (SANDBOX, "readback", str(signal)), probes


def _probes(blueprint: Blueprint) -> Iterator[tuple[Path_, Probe]]:
    for path, probes in _readbacks(blueprint):
        for index, probe in enumerate(probes):
            yield (*path, index), probe


def _queries(blueprint: Blueprint) -> Iterator[tuple[Path_, str | None]]:
    for name, service in blueprint.services.items():
        yield ("services", name, "ready", "query"), service.ready.query if service.ready else None
    for path, probe in _probes(blueprint):
        yield (*path, "when", "query"), probe.when.query if probe.when else None
        yield (*path, "select"), probe.select
        yield (*path, "absent", "query"), probe.absent.query if probe.absent else None
        for at, expectation in enumerate(probe.expect):
            yield (*path, "expect", at, "query"), expectation.query
    for index, route in enumerate(blueprint.sandbox.routes if blueprint.sandbox else ()):
        for at, rule in enumerate(route.rules):
            yield (SANDBOX, "routes", index, "rules", at, "query"), rule.query
    for index, cleanup in enumerate(blueprint.cleanup):
        yield ("cleanup", index, "gone", "query"), cleanup.gone.query


def _broken_queries(blueprint: Blueprint) -> Iterator[tuple[Path_, str]]:
    import jmespath  # noqa: PLC0415 - only a blueprint with queries needs it
    from jmespath.exceptions import JMESPathError  # noqa: PLC0415
    from jmespath.functions import Functions  # noqa: PLC0415

    known = Functions.FUNCTION_TABLE
    for path, query in _queries(blueprint):
        if query is None:
            continue
        # Placeholders are filled in before the expression is evaluated.
        try:
            expression = jmespath.compile(_PLACEHOLDER.sub("x", query))
        except JMESPathError as error:
            yield path, f"no JMESPath: {str(error).splitlines()[0]}"
            continue
        for name in _functions(expression.parsed):
            if name not in known:
                yield path, f"unknown function {name}(): {suggestion(name, known)}"


def _functions(node: Mapping[str, Any]) -> Iterator[str]:
    """The names of the functions that a parsed JMESPath expression calls."""
    if node["type"] == "function_expression":
        yield node["value"]
    for child in node["children"]:
        if isinstance(child, dict):  # a slice has numbers
            yield from _functions(child)


def _unknown_placeholders(blueprint: Blueprint) -> Iterator[tuple[Path_, str]]:
    for path, text, known in _texts(blueprint):
        for name in _PLACEHOLDER.findall(text):
            if name not in known:
                yield path, f"unknown placeholder {{{name}}}: {suggestion(name, known)}"
    for service, model in blueprint.services.items():
        for key, value in model.environment.items():
            for name in _SECRET.findall(value):
                if not name.startswith("secret:"):
                    path = ("services", service, "environment", key)
                    yield path, f"unknown placeholder {{{name}}}: known: {{secret:NAME}}"


def _texts(blueprint: Blueprint) -> Iterator[tuple[Path_, str, frozenset[str]]]:
    """Every text with placeholders, with the names that it may hold."""
    for path, each, request in _requests(blueprint):
        known = placeholders()[each]
        yield (*path, "path"), request.path, known
        for part, values in (("query", request.query), ("headers", request.headers)):
            for key, value in values.items():
                yield (*path, part, key), value, known
    for path, probe in _probes(blueprint):
        for at, e in enumerate(probe.expect):
            known, here = placeholders()[probe.each], (*path, "expect", at)
            yield (*here, "query"), e.query, known
            for where, value in scalars(e.equals, (*here, "equals")):
                if isinstance(value, str):
                    yield where, value, known
    yield ("naming", "child_job"), blueprint.naming.child_job, STORED_JOB


def _probes_without_negative(blueprint: Blueprint) -> Iterator[tuple[Path_, str]]:
    """Probes that prove nothing: they would believe any answer."""
    for path, probes in _readbacks(blueprint):
        if not any(probe.absent for probe in probes):
            yield path, "no probe has `absent`: it could not say no"
    for path, probe in _probes(blueprint):
        if probe.decode and probe.each != "trace":
            yield (*path, "decode"), f"is for each: trace, not for each: {probe.each}"
        if probe.absent and probe.absent.status // 100 == _SUCCESS and not probe.absent.query:
            yield (*path, "absent"), "holds of every answer: write the status or add a `query`"
        if not probe.decode and not probe.expect:
            yield path, "expects nothing: it would believe any answer"


def _unknown_losses(blueprint: Blueprint) -> Iterator[tuple[Path_, str]]:
    for path, probe in _probes(blueprint):
        for at, name in enumerate(probe.loses.fields):
            here = (*path, "loses", "fields", at)
            if "traces" not in path:
                yield here, "is a field of a span, and this probe reads none"
            elif name not in SPAN_FIELDS:
                yield here, f"there is no field '{name}': {suggestion(name, SPAN_FIELDS)}"


def _paths_outside(blueprint: Blueprint, folder: Path) -> Iterator[tuple[Path_, str]]:
    for name, service in blueprint.services.items():
        base: Path_ = ("services", name)
        if service.image.recipe is None and service.image.upstream is None:
            yield (*base, "image"), "names neither an `upstream` nor a `recipe`"
        for volume in service.volumes:
            if not _VOLUME.fullmatch(volume):
                yield (*base, "volumes", volume), "is not a valid volume name"
        if service.image.recipe is not None and not _inside(folder, service.image.recipe):
            yield (*base, "image", "recipe"), "a path outside the blueprint's folder"
        for index, file in enumerate(service.files):
            path = (*base, "files", index, "source")
            if file.source in COMPILED_FILES:
                continue
            if not _inside(folder, file.source):
                yield path, "a path outside the blueprint's folder"
            elif not (folder / file.source).is_file():
                yield path, f"there is no file '{file.source}' beside the blueprint"


def _inside(folder: Path, relative: str) -> bool:
    """Whether a relative path stays below `folder`, symbolic links followed."""
    root = folder.resolve()
    target = (root / relative).resolve()
    return target != root and target.is_relative_to(root)


def _sandbox_with_services(blueprint: Blueprint) -> Iterator[tuple[Path_, str]]:
    """A sandbox beside services: it would be neither the one nor the other."""
    sandbox = blueprint.sandbox
    if sandbox is None:
        return
    if blueprint.services:
        yield (SANDBOX,), "a backend is played by the sandbox or has services, not both"
    if not sandbox.routes:
        yield (SANDBOX, "routes"), "is empty: the recorder would answer nothing"
    for index, route in enumerate(sandbox.routes):
        if route.decode and route.signal is None:
            yield (SANDBOX, "routes", index, "signal"), "is missing: decoded as which signal?"
    if sandbox.credential and sandbox.credential.form:
        try:
            re.compile(sandbox.credential.form)
        except re.error as error:
            yield (SANDBOX, "credential", "form"), f"no regular expression: {error}"


def _wrong_sandbox(sandbox: Sandbox) -> Iterator[tuple[Path_, str]]:
    """What the recorder would refuse, or nobody would fill in."""
    decoders = read_source(compose_folder() / SANDBOX / DECODERS_FILE).data
    for index, route in enumerate(sandbox.routes):
        here: Path_ = (SANDBOX, "routes", index, "decode")
        if route.decode and route.decode not in decoders:
            yield here, f"unknown decoder '{route.decode}': {suggestion(route.decode, decoders)}"
    for signal, probes in sandbox.readback.items():
        for at, probe in enumerate(probes):
            request = probe.request
            if request.endpoint == "control" and _is_misspelt(request.path):
                here = (SANDBOX, "readback", str(signal), at, "request", "path")
                yield (
                    here,
                    f"is not one of the recorder's paths: write /received/{signal}/ and a key",
                )
    for path, _, value in _replacements(sandbox):
        for name in _PLACEHOLDER.findall(value):
            if name not in REPLACED:
                advice = suggestion(name, REPLACED)
                yield path, f"unknown placeholder {{{name}}}: {advice}"


def _is_misspelt(path: str) -> bool:
    """Whether a path means what arrived at the recorder, and is not where that is."""
    first = path.strip("/").partition("/")[0]
    return bool(nearest(first, ["received"])) and not _CONTROL_PATH.fullmatch(path)


def _replacements(sandbox: Sandbox) -> Iterator[tuple[Path_, Path_, str]]:
    """Every text that stands in a plugin's config, with its component's path."""
    components: list[tuple[Path_, Mapping[str, Any]]] = [
        ((SANDBOX, "transport"), sandbox.transport),
        ((SANDBOX, "environment"), sandbox.environment),
    ]
    for section in ("exporters", "extensions"):
        components += [((SANDBOX, section, k), v) for k, v in getattr(sandbox, section).items()]
    for component, values in components:
        for path, value in scalars(values, component):
            if isinstance(value, str):
                yield path, component, value


def _differing_credentials(sandbox: Sandbox) -> Iterator[tuple[Path_, str]]:
    """A dummy that is put in, where the recorder expects another: every request is refused."""
    credential = sandbox.credential
    if credential is None:
        return
    here: Path_ = (SANDBOX, "credential", "value")
    parts, value = _PARTS[credential.kind], credential.value
    if isinstance(value, str) if parts else not isinstance(value, str):
        yield here, f"for kind: {credential.kind}, write {', '.join(parts) or 'a text'}"
        return
    if isinstance(value, dict) and not set(parts) <= set(value):
        yield here, f"for kind: {credential.kind}, write {', '.join(parts)}"
        return
    if not _has_its_form(credential):
        yield here, f"is not of the `form` {credential.form}"
    expected = [value] if isinstance(value, str) else list(value.values())
    dummies = [
        (path, component, text)
        for path, component, text in _replacements(sandbox)
        if _is_credential(str(path[-1]).rpartition(".")[2], credential) and "{" not in text
    ]
    right = {c for _, c, text in dummies if any(one in text for one in expected)}
    for path, component, text in dummies:
        if component not in right and not _in_base64(text, value):
            yield path, f"is '{text}', and the recorder expects `credential.value`: write the same"


def _is_credential(key: str, credential: Credential) -> bool:
    return names_a_credential(key) or key.lower() == credential.header.lower()


def _has_its_form(credential: Credential) -> bool:
    """Whether the dummy is what the recorder would take; a form that is none is named elsewhere."""
    value = credential.value
    if credential.form is None or credential.kind == "sigv4":
        return True
    text = value if isinstance(value, str) else f"{value['username']}:{value['password']}"
    try:
        return re.fullmatch(credential.form, text) is not None
    except re.error:
        return True


def _in_base64(text: str, value: str | Mapping[str, str]) -> bool:
    """Whether a header holds user and password as HTTP's basic authentication has them."""
    if isinstance(value, str) or "username" not in value:
        return False
    pair = f"{value['username']}:{value.get('password', '')}"
    return base64.b64encode(pair.encode()).decode() in text


def _misfit_chart(blueprint: Blueprint) -> Iterator[tuple[Path_, str]]:
    """What is wrong in `chart` that its model cannot say."""
    chart = blueprint.chart
    if chart is None:
        return
    known = CHART_PLACEHOLDERS | {f"{{image:{name}}}" for name in blueprint.services}
    for path, text in scalars(chart.values, ("chart", "values")):
        if not isinstance(text, str):
            continue
        if _CHART_PLACEHOLDER.match(text) and text not in known:
            yield path, f"unknown placeholder {text}: {suggestion(text, known)}"
        if text == "{environment}" and chart.secret is None:
            yield path, "from which Secret? name it in `chart.secret`"
    for index, lacking in enumerate(chart.lacks):
        if lacking.path in chart.takes:
            where = chart.takes[lacking.path]
            yield ("chart", "lacks", index, "path"), f"`takes` has it, too: at {where}"
