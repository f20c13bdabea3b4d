"""The matrix of real clients, without running any."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from docs.clients import committed, page, row
from floe_local.errors import CheckFailedError
from floe_local.plan.values import Signal
from tests.clients.harness import (
    ECOSYSTEMS,
    HERE,
    Sent,
    Way,
    arrives,
    clients,
    ecosystems,
    pinned,
    run,
)

if TYPE_CHECKING:
    from floe_local.testing import FloeLocal

PINS = {
    "requirements.txt": "one==1.0\nacme-client==2.3.4\n",
    "package.json": '{"dependencies": {"other": "1.0.0", "acme-client": "2.3.4"}}',
    "pom.xml": "<artifactId>acme-client</artifactId>\n      <version>2.3.4</version>",
    "go.mod": "module x\n\nrequire (\n\tone v1.0.0\n\tacme-client v2.3.4\n)\n",
}
LOCKS = {"package-lock.json", "yarn.lock", "uv.lock", "poetry.lock"}


@pytest.mark.parametrize("file", ECOSYSTEMS)
def test_the_version_is_the_one_that_the_ecosystem_pins(file: str, tmp_path: Path) -> None:
    (tmp_path / file).write_text(PINS[file])
    assert pinned(tmp_path, "acme-client").removeprefix("v") == "2.3.4"
    with pytest.raises(LookupError, match="no file pins acme"):
        pinned(tmp_path, "acme")


def test_every_client_is_pinned_and_can_be_installed() -> None:
    assert {c.folder for c in clients()} == {
        f for f in HERE.iterdir() if (f / "client.yaml").exists()
    }
    for client in clients():
        assert client.version[-1].isdigit()
        assert ecosystems(client.folder)


def test_no_lock_file_names_the_host_of_a_registry() -> None:
    assert not [p for p in HERE.rglob("*") if p.name in LOCKS]


def test_the_page_has_every_way_of_every_client() -> None:
    rows = {row(client, name) for client in clients() for name in client.ways}
    assert rows <= committed(), "run them: FLOE_UPDATE_GOLDEN=1 just clients, or just nightly"
    assert (Path("docs") / "clients.md").read_text(encoding="utf-8") == page(clients(), rows)


def test_a_client_that_sends_nothing_has_not_arrived() -> None:
    with pytest.raises(CheckFailedError, match="sent nothing"):
        arrives(cast("FloeLocal", None), Sent())


def way(line: str, lost: str = "") -> Way:
    return Way(run=line, signal=Signal.TRACES, protocol="HTTP", reads=(), lost=lost)


def test_a_client_is_given_nothing_but_what_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://of-the-caller:4317")
    monkeypatch.setenv("http_proxy", "http://of-the-caller:3128")
    names = r"""env | sed -n 's/^\([A-Za-z_]*\)=.*/{"trace_id": "\1"}/p' | paste -sd,"""
    sent = run(
        way(f"""echo "{{\\"spans\\": [$({names})]}}\""""),
        tmp_path,
        "export OPENLINEAGE_URL='a b'\n",
    )
    of_bash = {"PWD", "SHLVL", "_"}
    assert {s.trace_id for s in sent.spans} - of_bash == {"HOME", "LANG", "PATH", "OPENLINEAGE_URL"}


def test_what_it_has_sent_is_its_last_line(tmp_path: Path) -> None:
    line = json.dumps({"runs": [{"run_id": "1", "state": "FAIL"}]})
    (one,) = run(way(f"echo noise; echo '{line}'"), tmp_path, "").runs
    assert (one.run_id, one.state) == ("1", "FAIL")


def test_a_client_that_fails_shows_what_it_wrote(tmp_path: Path) -> None:
    with pytest.raises(CheckFailedError, match=r"(?s)exit 7.*no route"):
        run(way("echo no route >&2; exit 7"), tmp_path, "")
