"""Random sequences of OpenLineage events, the same for the same seed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

Json = dict[str, Any]

_PRODUCER = "https://example.org/producer"
_FACET = {"_producer": _PRODUCER, "_schemaURL": "https://example.org/facet.json"}
_SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"
_FIRST_DAY = datetime(2020, 1, 1, tzinfo=UTC)
_TYPES = ("INT", "VARCHAR", "DECIMAL", "timestamp", None)
_ENDS = ("COMPLETE", "COMPLETE", "COMPLETE", "FAIL", "ABORT")
_NAMES = ("orders", "raw.orders", "mart/daily 100%", "数据", "a:b", "x" * 60, "Ünï", "t")


@dataclass(frozen=True)
class Step:
    """One request: an event, or a change by hand."""

    method: str
    path: str
    body: Json | None = None


@dataclass(frozen=True)
class Sequence:
    """Steps in their order, and the names that they use.

    Attributes:
        name: Tells sequences apart.
        steps: What to send.
        namespaces: Where jobs and datasets were put.
        jobs: Namespace and name of every job that may exist, under each name that it may have.
        datasets: Namespace and name of every dataset.
        runs: The runs' ids as sent.
        day: A moment before all events; they all lie within 24 hours.
        is_settled: Whether each run writes one version of a dataset at most. Of several, the
            real server makes current the one that lies last in its table's pages.
    """

    name: str
    steps: tuple[Step, ...]
    namespaces: tuple[str, ...]
    jobs: tuple[tuple[str, str], ...]
    datasets: tuple[tuple[str, str], ...]
    runs: tuple[str, ...]
    day: datetime
    is_settled: bool

    @property
    def start(self) -> str:
        """Before every event, as a query writes it."""
        return f"{self.day:%Y-%m-%dT%H:%M:%SZ}"

    @property
    def end(self) -> str:
        """After every event."""
        return f"{self.day + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"


@dataclass
class _Writer:
    """What a sequence is made with; it forgets nothing, so that names come back."""

    random: random.Random
    name: str
    day: datetime
    is_settled: bool
    steps: list[Step] = field(default_factory=list)
    jobs: list[tuple[str, str]] = field(default_factory=list)
    datasets: list[tuple[str, str]] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    columns: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    parents: list[tuple[str, str, str]] = field(default_factory=list)

    def moment(self) -> str:
        """A time that no other event of the sequence has; one in ten is out of order."""
        number = len(self.steps) + 1
        shift = self.random.randrange(-40, 0) * 60 if self.random.random() < 0.1 else 0  # noqa: PLR2004 - as said above
        moment = self.day + timedelta(hours=2, minutes=number, seconds=shift, milliseconds=number)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def chance(self, share: float) -> bool:
        """True for that share of the calls."""
        return self.random.random() < share


def make(seed: int, number: int) -> Sequence:
    """Make a sequence.

    Args:
        seed: Of the whole comparison.
        number: Which of its sequences; each has namespaces and a day of its own.

    Returns:
        Between 8 and 30 steps.
    """
    writer = _Writer(
        random.Random(f"{seed}/{number}"),  # noqa: S311 - a repeatable choice, no secret
        f"cmp-{seed}-{number}",
        _FIRST_DAY + timedelta(days=(seed * 211 + number) % 2000),
        is_settled=number % 2 == 0,
    )
    _name_things(writer)
    for _ in range(writer.random.randint(3, 9)):
        _write_anything(writer)
    return Sequence(
        name=writer.name,
        steps=tuple(writer.steps),
        namespaces=tuple(dict.fromkeys(part[0] for part in [*writer.jobs, *writer.datasets])),
        jobs=tuple(dict.fromkeys(writer.jobs)),
        datasets=tuple(writer.datasets),
        runs=tuple(dict.fromkeys(writer.runs)),
        day=writer.day,
        is_settled=writer.is_settled,
    )


def _name_things(writer: _Writer) -> None:
    other = f"s3://{writer.name}:9000/bucket"
    names = writer.random.sample(_NAMES, writer.random.randint(3, 6))
    writer.datasets = [
        (other if writer.chance(0.25) else writer.name, f"{name}.{index}")
        for index, name in enumerate(names)
    ]
    count = writer.random.randint(1, 4)
    writer.jobs = [(writer.name, name) for name in writer.random.sample(_NAMES, count)]


def _write_anything(writer: _Writer) -> None:
    kinds = (_write_run, _write_run, _write_run, _write_run, _write_family)
    rare = (_write_dataset_event, _write_job_event, _write_by_hand, _write_stream)
    writer.random.choice(kinds if writer.chance(0.8) else rare)(writer)


def _event(writer: _Writer, kind: str, content: Json) -> None:
    sent = content | {
        "eventTime": writer.moment(),
        "producer": _PRODUCER,
        "schemaURL": f"{_SCHEMA}{kind}",
    }
    writer.steps.append(Step("POST", "/api/v1/lineage", sent))
    if writer.chance(0.06):
        writer.steps.append(Step("POST", "/api/v1/lineage", sent))


def _run_id(writer: _Writer) -> str:
    if writer.runs and not writer.is_settled and writer.chance(0.07):
        return writer.random.choice(writer.runs)
    number = writer.random.getrandbits(128)
    run_id = str(UUID(int=number, version=4)) if writer.chance(0.9) else f"run-{number % 10**6}"
    writer.runs.append(run_id)
    return run_id


def _write_run(writer: _Writer) -> None:
    job = writer.random.choice(writer.jobs)
    _write_run_of(writer, job, _run_id(writer), {})


def _write_run_of(
    writer: _Writer,
    job: tuple[str, str],
    run_id: str,
    run_facets: Json,
    job_facets: Json | None = None,
) -> None:
    inputs = _some_datasets(writer, 2)
    outputs = _some_datasets(writer, 2)
    kinds = ["START"] if writer.chance(0.8) else []
    kinds += ["RUNNING"] if writer.chance(0.15) else []
    kinds += ["NOPE"] if writer.chance(0.03) else []
    kinds += [writer.random.choice(_ENDS)] if writer.chance(0.9) else []
    settled = _outputs(writer, outputs, inputs)
    for kind in kinds or ["START"]:
        quiet = writer.chance(0.2)
        written = settled if writer.is_settled else _outputs(writer, outputs, inputs)
        facets = run_facets | _run_facets(writer)
        run = {"runId": run_id} | ({"facets": facets} if facets else {})
        of_job = (job_facets or {}) | _job_facets(writer)
        content = {
            "eventType": kind,
            "run": run,
            "job": {"namespace": job[0], "name": job[1]} | ({"facets": of_job} if of_job else {}),
            "inputs": [] if quiet else [_dataset(writer, part, "input") for part in inputs],
            "outputs": [] if quiet else written,
        }
        _event(writer, "RunEvent", content)


def _some_datasets(writer: _Writer, most: int) -> list[tuple[str, str]]:
    return writer.random.sample(writer.datasets, writer.random.randint(0, most))


def _outputs(
    writer: _Writer, outputs: list[tuple[str, str]], inputs: list[tuple[str, str]]
) -> list[Json]:
    written = []
    for name in outputs:
        dataset = _dataset(writer, name, "output")
        if writer.chance(0.6):
            columns = _column_lineage(writer, name, inputs)
            dataset.setdefault("facets", {})["columnLineage"] = _FACET | {"fields": columns}
        written.append(dataset)
    return written


def _column_lineage(
    writer: _Writer, output: tuple[str, str], inputs: list[tuple[str, str]]
) -> Json:
    columns: Json = {}
    for column in [*writer.columns.get(output, ()), "never"]:
        parts = [
            {"namespace": part[0], "name": part[1], "field": writer.random.choice(fields)}
            for part in inputs
            if (fields := writer.columns.get(part)) and writer.chance(0.7)
        ]
        columns[column] = {"inputFields": parts}
        if writer.chance(0.3):
            columns[column] |= {
                "transformationDescription": "as is",
                "transformationType": writer.random.choice(("IDENTITY", "MASKED")),
            }
    return columns


def _dataset(writer: _Writer, name: tuple[str, str], use: str) -> Json:
    facets: Json = {}
    if writer.chance(0.55):
        facets["schema"] = _FACET | {"fields": _fields(writer, name)}
    if writer.chance(0.1):
        facets["documentation"] = _FACET | {"description": f"about {name[1]}"}
    if writer.chance(0.08):
        change = writer.random.choice(("DROP", "CREATE", "TRUNCATE"))
        facets["lifecycleStateChange"] = _FACET | {"lifecycleStateChange": change}
    if writer.chance(0.08):
        uri = "postgres://db:5432/x"
        facets["dataSource"] = _FACET | {"name": f"source-{writer.name}", "uri": uri}
    if writer.chance(0.06):
        facets["custom"] = {"deep": {"list": [1, None, {"a": None}], "n": None, "f": 1.5}}
    if writer.chance(0.05):
        facets["dataQualityMetrics"] = _FACET | {"rowCount": 7}
    dataset: Json = {"namespace": name[0], "name": name[1]}
    if facets:
        dataset["facets"] = facets
    if writer.chance(0.15):
        facet = "dataQualityMetrics" if use == "input" else "outputStatistics"
        dataset[f"{use}Facets"] = {facet: _FACET | {"rowCount": writer.random.randrange(99)}}
    return dataset


def _fields(writer: _Writer, name: tuple[str, str]) -> list[Json]:
    known = writer.columns.setdefault(name, [])
    if not known or writer.chance(0.2):
        known.append(f"c{len(known)}")
    shown = writer.random.sample(known, writer.random.randint(1, len(known)))
    types = random.Random(f"{name}")  # noqa: S311 - a repeatable choice, no secret
    fields = []
    for column in shown:
        kind = types.choice(_TYPES) if writer.chance(0.9) else "TEXT"
        fields.append({"name": column} | ({"type": kind} if kind else {}))
        if writer.chance(0.1):
            fields[-1]["description"] = f"column {column}"
    return fields


def _run_facets(writer: _Writer) -> Json:
    facets: Json = {}
    if writer.chance(0.15):
        facets["nominalTime"] = _FACET | {"nominalStartTime": "2019-12-31T23:00:00+01:00"}
        if writer.chance(0.5):
            facets["nominalTime"]["nominalEndTime"] = "2020-01-01T00:30:15.250Z"
    if writer.chance(0.15):
        facets["errorMessage"] = _FACET | {"message": f"no {writer.random.randrange(9)}"}
    return facets


def _job_facets(writer: _Writer) -> Json:
    facets: Json = {}
    if writer.chance(0.3):
        facets["sql"] = _FACET | {"query": f"select {writer.random.randrange(9)}"}
    if writer.chance(0.1):
        facets["documentation"] = _FACET | {"description": "what it does"}
    if writer.chance(0.1):
        facets["sourceCodeLocation"] = _FACET | {"type": "git", "url": "https://example.org/a.py"}
    if writer.chance(0.1):
        facets["jobType"] = _job_type("BATCH")
    return facets


def _job_type(processing: str) -> Json:
    return _FACET | {"processingType": processing, "integration": "DBT", "jobType": "MODEL"}


def _write_family(writer: _Writer) -> None:
    """A child of a parent that was sent before, is sent afterwards, or never."""
    namespace, parent_job = writer.random.choice(writer.jobs)
    if writer.parents and writer.chance(0.5):
        namespace, parent_job, parent_run = writer.random.choice(writer.parents)
    else:
        parent_run = _run_id(writer)
        if writer.chance(0.5):
            _write_run_of(writer, (namespace, parent_job), parent_run, {})
    writer.parents.append((namespace, parent_job, parent_run))
    child = writer.random.choice(("task", f"{parent_job}.task", f"{parent_job}.deep.step"))
    link = {"run": {"runId": parent_run}, "job": {"namespace": namespace, "name": parent_job}}
    _write_run_of(writer, (namespace, child), _run_id(writer), {"parent": _FACET | link})
    writer.jobs.append((namespace, parent_job))
    for name in (child, f"{parent_job}.{child}", f"{parent_job}.{parent_job}"):
        writer.jobs.append((namespace, name))


def _write_dataset_event(writer: _Writer) -> None:
    name = writer.random.choice(writer.datasets)
    _event(writer, "DatasetEvent", {"dataset": _dataset(writer, name, "output")})


def _write_job_event(writer: _Writer) -> None:
    namespace, name = writer.random.choice(writer.jobs)
    content = {
        "job": {"namespace": namespace, "name": name} | {"facets": _job_facets(writer)},
        "inputs": [_dataset(writer, part, "input") for part in _some_datasets(writer, 2)],
        "outputs": [_dataset(writer, part, "output") for part in _some_datasets(writer, 2)],
    }
    _event(writer, "JobEvent", content)


def _write_stream(writer: _Writer) -> None:
    facets = {"jobType": _job_type("STREAMING")}
    job = (writer.name, "stream")
    writer.jobs.append(job)
    _write_run_of(writer, job, _run_id(writer), {}, facets)


def _write_by_hand(writer: _Writer) -> None:
    """Hide a job or a dataset; it may not be there."""
    kind = writer.random.choice(("jobs", "datasets"))
    namespace, name = writer.random.choice(writer.jobs if kind == "jobs" else writer.datasets)
    path = f"/api/v1/namespaces/{quote(namespace, safe='')}/{kind}/{quote(name, safe='')}"
    writer.steps.append(Step("DELETE", path))
