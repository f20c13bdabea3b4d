"""What of the user's own would win over the variables that `env` prints.

Precedence is read at the sources: OpenTelemetry's specification (a signal's own variable
before the general one; a declarative configuration file before all), the OpenLineage clients
(a file before variables), Airflow's OpenLineage provider (its own options before the client's).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from floe_local.plan.stack.addresses import AIRFLOW_TRANSPORT, TRANSPORT
from floe_local.plan.values import Signal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"
_EXPORTERS = {"grpc": {"otlp", "otlp_proto_grpc"}, "http/protobuf": {"otlp", "otlp_proto_http"}}
_CONFIG_FILES = ("OTEL_CONFIG_FILE", "OTEL_EXPERIMENTAL_CONFIG_FILE")
_KEEPS_ALL = {"always_on", "parentbased_always_on"}
_BY_RATIO = {"traceidratio", "parentbased_traceidratio"}
_CLIENTS_OWN = f"{TRANSPORT}__TRANSPORTS__DEFAULT_HTTP__"
"""openlineage-python sets variables of this name itself, from OPENLINEAGE_URL."""

_AIRFLOW = ("transport", "config_path", "config_conn_id", "namespace", "disabled")


def rivals(
    environ: Mapping[str, str],
    files: Mapping[str, str],
    variables: Mapping[str, str],
    signals: Iterable[Signal] = tuple(Signal),
) -> tuple[str, ...]:
    """Name what would win over `variables`, what it overrides, and what to do; a line each.

    Args:
        environ: the shell's variables.
        files: path → text of those of `rival_files` that can be read.
        variables: what `env` prints.
        signals: what the stack takes; a rival of others harms nothing.
    """
    found: list[str] = []
    if _ENDPOINT in variables:
        found += _telemetry(environ, variables, [s for s in signals if s is not Signal.LINEAGE])
    if TRANSPORT in variables:
        found += [*_lineage(environ, files, variables), *_airflow(environ, files, variables)]
    return tuple(found)


def rival_files(environ: Mapping[str, str], folder: Path) -> tuple[Path, ...]:
    """The files that clients look for when a pipeline starts in `folder`."""
    home = Path(environ.get("HOME") or "~").expanduser()
    airflow = (
        environ.get("AIRFLOW_CONFIG") or f"{environ.get('AIRFLOW_HOME', '~/airflow')}/airflow.cfg"
    )
    return (*_client_files(environ, folder, home), Path(airflow.replace("~", str(home), 1)))


def _client_files(environ: Mapping[str, str], folder: Path, home: Path) -> tuple[Path, ...]:
    """The client's, in the order in which it takes the first that is there."""
    named = environ.get("OPENLINEAGE_CONFIG")
    own = (folder / "openlineage.yml", home / ".openlineage" / "openlineage.yml")
    return (folder / named, *own) if named else own


def _telemetry(
    environ: Mapping[str, str], variables: Mapping[str, str], signals: Collection[Signal]
) -> Iterator[str]:
    if _is_on(environ, "OTEL_SDK_DISABLED"):
        yield _unset("OTEL_SDK_DISABLED", "switches OpenTelemetry's SDKs off")
    for name in _CONFIG_FILES:
        if environ.get(name):
            yield _unset(name, "names a file that OpenTelemetry's SDKs read instead of OTEL_*")
    for signal in signals:
        yield from _of_signal(environ, variables, signal)
    if Signal.TRACES in signals and not _keeps_all(environ):
        yield _unset("OTEL_TRACES_SAMPLER", "lets clients drop traces before they are sent")


def _of_signal(
    environ: Mapping[str, str], variables: Mapping[str, str], signal: Signal
) -> Iterator[str]:
    word = signal.value.upper()
    protocol, endpoint = variables[_PROTOCOL], variables[_ENDPOINT]
    whole = endpoint if protocol == "grpc" else f"{endpoint}/v1/{signal.value}"
    own = environ.get(f"OTEL_EXPORTER_OTLP_{word}_ENDPOINT")
    if own and own.rstrip("/") != whole:
        yield _unset(f"OTEL_EXPORTER_OTLP_{word}_ENDPOINT", f"overrides {_ENDPOINT}")
    if environ.get(f"OTEL_EXPORTER_OTLP_{word}_PROTOCOL", protocol) not in {"", protocol}:
        yield _unset(f"OTEL_EXPORTER_OTLP_{word}_PROTOCOL", f"overrides {_PROTOCOL}")
    insecure = f"OTEL_EXPORTER_OTLP_{word}_INSECURE"
    if protocol == "grpc" and environ.get(insecure, "true").strip().lower() not in {"", "true"}:
        yield _unset(insecure, "asks for TLS, which the Collector of the stack does not speak")
    exporters = environ.get(f"OTEL_{word}_EXPORTER") or "otlp"
    if not {one.strip() for one in exporters.split(",")} & _EXPORTERS[protocol]:
        yield _unset(f"OTEL_{word}_EXPORTER", f"sends {signal.value} elsewhere than {_ENDPOINT}")


def _keeps_all(environ: Mapping[str, str]) -> bool:
    sampler = environ.get("OTEL_TRACES_SAMPLER", "").strip().lower()
    if sampler not in _BY_RATIO:
        return not sampler or sampler in _KEEPS_ALL
    try:
        return float(environ.get("OTEL_TRACES_SAMPLER_ARG") or 1) >= 1
    except ValueError:  # SDKs fall back to 1
        return True


def _lineage(
    environ: Mapping[str, str], files: Mapping[str, str], variables: Mapping[str, str]
) -> Iterator[str]:
    if _is_on(environ, "OPENLINEAGE_DISABLED"):
        yield _unset("OPENLINEAGE_DISABLED", "switches OpenLineage's clients off")
    yield from _client_file(environ, files)
    for name in sorted(environ):
        if name.startswith(f"{TRANSPORT}__") and not name.startswith(_CLIENTS_OWN):
            yield _unset(name, f"and {TRANSPORT} are read by turns, as the client likes")
        elif name == "OPENLINEAGE__FILTERS" or name.startswith("OPENLINEAGE__FILTERS__"):
            yield _unset(name, "lets clients drop events before they are sent")
    for name in ("OPENLINEAGE_URL", "OPENLINEAGE_ENDPOINT"):
        if environ.get(name) and name not in variables:
            yield _unset(name, "is from elsewhere: this stack's transport cannot be said by it")


def _client_file(environ: Mapping[str, str], files: Mapping[str, str]) -> Iterator[str]:
    """The file that clients take: the first that is there. `files` are in their order."""
    config = environ.get("OPENLINEAGE_CONFIG")
    path, text = next(((p, t) for p, t in files.items() if not p.endswith(".cfg")), ("", ""))
    if config and not path.endswith(config.removeprefix("./")):
        yield _unset("OPENLINEAGE_CONFIG", "names a file that is not there")
    if not _sets_transport(text):
        return
    if config and path.endswith(config.removeprefix("./")):
        yield _unset("OPENLINEAGE_CONFIG", f"names a file that overrides {TRANSPORT}")
    else:
        yield f"{path} overrides {TRANSPORT}: take `transport` out of it, or rename it"


def _sets_transport(text: str) -> bool:
    """Whether a client's file has a transport; clients pass over what is not YAML."""
    import yaml  # noqa: PLC0415 - slow to load, and hardly anybody has the file

    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError:
        return False
    return isinstance(content, dict) and bool(content.get("transport"))


def _airflow(
    environ: Mapping[str, str], files: Mapping[str, str], variables: Mapping[str, str]
) -> Iterator[str]:
    for option in _AIRFLOW:
        name = f"AIRFLOW__OPENLINEAGE__{option.upper()}"
        if name not in variables and _matters(option, environ.get(name, "")):
            yield _unset(name, _airflow_effect(option))
    for path, text in files.items():
        for option, value in _airflow_section(path, text).items():
            name = f"AIRFLOW__OPENLINEAGE__{option.upper()}"
            if name not in variables and option in _AIRFLOW and _matters(option, value):
                what = f"{path}: [openlineage] {option} {_airflow_effect(option)}"
                yield f"{what}: take it out, or use `floe-local env --for airflow`"


def _airflow_section(path: str, text: str) -> Mapping[str, str]:
    if not path.endswith(".cfg"):
        return {}
    from configparser import ConfigParser, Error  # noqa: PLC0415 - hardly anybody has the file

    parser = ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except Error:
        return {}
    return dict(parser["openlineage"]) if parser.has_section("openlineage") else {}


def _matters(option: str, value: str) -> bool:
    return value.strip().lower() in {"true", "t", "1"} if option == "disabled" else bool(value)


def _airflow_effect(option: str) -> str:
    if option == "disabled":
        return "switches Airflow's lineage off"
    own = "OPENLINEAGE_NAMESPACE" if option == "namespace" else TRANSPORT
    over = f"{own} and {AIRFLOW_TRANSPORT}" if option.startswith("config_") else own
    return f"overrides {over} in Airflow"


def _is_on(environ: Mapping[str, str], name: str) -> bool:
    return environ.get(name, "").strip().lower() in {"true", "1", "yes"}


def _unset(name: str, effect: str) -> str:
    return f"{name} {effect}: `unset {name}`"
