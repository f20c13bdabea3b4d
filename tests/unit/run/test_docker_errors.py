from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from floe_local.errors import ExitCode, MachineError
from floe_local.run.endpoint import EngineEndpoint, connection_error
from floe_local.run.engine import connect, engine_endpoint
from tests.servers import answering

if TYPE_CHECKING:
    from pathlib import Path

LOCAL = EngineEndpoint()
REMOTE = EngineEndpoint(url="tcp://build-box:2376", chosen_by="docker context 'box'")


def wrapped(root: BaseException) -> Exception:
    """An error as requests and the SDK wrap it."""
    return RuntimeError("Error while fetching server API version", ConnectionError(root))


@pytest.mark.parametrize(
    ("endpoint", "root", "code"),
    [
        (LOCAL, FileNotFoundError(2, "No such file or directory"), "engine-not-running"),
        (LOCAL, ConnectionRefusedError(111, "Connection refused"), "engine-not-running"),
        (LOCAL, PermissionError(13, "Permission denied"), "engine-permission"),
        (LOCAL, ValueError("what is this"), "engine-error"),
        (REMOTE, ConnectionRefusedError(111, "Connection refused"), "engine-unreachable"),
        (REMOTE, TimeoutError("timed out"), "engine-unreachable"),
        (REMOTE, OSError(-2, "Name or service not known"), "engine-unreachable"),
        (LOCAL, ValueError("client version 1.41 is too old"), "engine-too-old"),
    ],
)
def test_each_cause_has_its_own_error(endpoint: EngineEndpoint, root: Exception, code: str) -> None:
    error = connection_error(endpoint, wrapped(root))

    assert error.code == code
    assert error.exit_code is ExitCode.ENVIRONMENT
    assert error.hint


def test_a_password_in_the_address_is_not_shown() -> None:
    endpoint = EngineEndpoint(url="tcp://me:s3cret@box:1")

    assert "s3cret" not in connection_error(endpoint, OSError("no")).reason


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("unix:///var/run/docker.sock", "127.0.0.1"),
        ("npipe:////./pipe/docker_engine", "127.0.0.1"),
        ("tcp://build-box:2376", "build-box"),
        ("ssh://me@build-box", "build-box"),
        ("tcp://[::1]:2375", "::1"),
    ],
)
def test_published_ports_are_where_the_engine_is(url: str, host: str) -> None:
    assert EngineEndpoint(url=url).published_host == host


def test_docker_host_goes_before_a_context() -> None:
    given = {"DOCKER_HOST": "tcp://a:1", "DOCKER_CONTEXT": "none-such"}

    assert engine_endpoint(given).url == "tcp://a:1"


def test_a_context_that_does_not_exist_is_told() -> None:
    with pytest.raises(MachineError, match="none-such") as raised:
        engine_endpoint({"DOCKER_CONTEXT": "none-such"})

    assert raised.value.code == "docker-context"


def test_the_current_context_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configured_context(tmp_path, monkeypatch, name="box", host="tcp://box:2375")

    endpoint = engine_endpoint({})

    assert (endpoint.url, endpoint.context) == ("tcp://box:2375", "box")


def configured_context(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, name: str, host: str
) -> None:
    """What `docker context create NAME` and `docker context use NAME` write."""
    import hashlib  # noqa: PLC0415

    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    (folder / "config.json").write_text(json.dumps({"currentContext": name}))
    meta = folder / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
    meta.mkdir(parents=True)
    endpoint = {"docker": {"Host": host, "SkipTLSVerify": False}}
    (meta / "meta.json").write_text(
        json.dumps({"Name": name, "Metadata": {}, "Endpoints": endpoint})
    )


@pytest.mark.parametrize(
    "content",
    [
        *('{"currentContext": ""}', '{"currentContext": "default"}', '{"currentContext": null}'),
        *("{", "", "[]", "null", "\ufeff{}", '"text"', "\0"),
    ],
)
def test_a_config_that_chooses_nothing_is_the_default_engine(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "config.json").write_text(content, encoding="utf-8")

    assert engine_endpoint({}) == EngineEndpoint()


def test_a_config_that_cannot_be_read_is_the_default_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "config.json").mkdir()

    assert engine_endpoint({}) == EngineEndpoint()
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "none"))
    assert engine_endpoint({}) == EngineEndpoint()


def test_a_host_without_a_scheme_is_tcp() -> None:
    endpoint = engine_endpoint({"DOCKER_HOST": "box:2375"})

    assert (endpoint.url, endpoint.published_host, endpoint.local) == (
        "tcp://box:2375",
        "box",
        False,
    )


def test_an_engine_on_this_machine_is_asked_as_docker_asks_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through no proxy, and without a password of ~/.netrc."""
    (tmp_path / ".netrc").write_text("default login me password s3cret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with answering({"ApiVersion": "1.41"}) as server:
        client = connect({"DOCKER_HOST": f"tcp://127.0.0.1:{server.server_port}"})
        client.version(api_version=False)
        client.close()
        assert server.requests
        assert not [request for request in server.requests if "authorization" in request]


def test_an_engine_elsewhere_is_asked_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(MachineError) as raised:
        connect({"DOCKER_HOST": "tcp://box.invalid:2375"})
    assert "127.0.0.1" in str(raised.value.__cause__)
    monkeypatch.setenv("no_proxy", "box.invalid")
    with pytest.raises(MachineError) as raised:
        connect({"DOCKER_HOST": "tcp://box.invalid:2375"})
    assert "127.0.0.1" not in str(raised.value.__cause__)


@pytest.mark.parametrize(
    "content", ['["a"]', '{"proxies": "x"}', '{"auths": {"r": "x"}}', '{"auths": ["x"]}']
)
def test_a_config_that_the_sdk_cannot_read_is_named(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text(content)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with pytest.raises(MachineError) as raised:
        connect({"DOCKER_HOST": "tcp://127.0.0.1:1"})
    assert raised.value.code == "docker-config"
    assert str(tmp_path / "config.json") in raised.value.reason


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("unix:///no/such/socket", "engine-not-running"),
        ("tcp://127.0.0.1:1", "engine-unreachable"),
    ],
)
def test_a_real_connection_that_fails_is_told_apart(url: str, code: str) -> None:
    with pytest.raises(MachineError) as raised:
        connect({"DOCKER_HOST": url})

    assert raised.value.code == code
