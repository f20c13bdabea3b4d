from __future__ import annotations

from typing import Any

import pytest

from floe_local.errors import InputError
from floe_local.run.pull import mirrored, progress_texts, pull_error, registry_of


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("dial tcp: lookup registry.example on 10.0.0.1:53: no such host", "registry-unreachable"),
        ("dial tcp 127.0.0.1:1: connect: connection refused", "registry-unreachable"),
        ("net/http: TLS handshake timeout", "registry-unreachable"),
        ("manifest for some/thing:9 not found: manifest unknown", "image-not-found"),
        ("pull access denied for x, repository does not exist or may require login", "pull-denied"),
        ("unauthorized: authentication required", "pull-denied"),
        ("toomanyrequests: You have reached your pull rate limit", "pull-rate-limit"),
        ("no matching manifest for linux/arm64 in the manifest list entries", "image-platform"),
        ("failed to register layer: write /a: no space left on device", "disk-full"),
        ("x509: certificate signed by unknown authority", "registry-untrusted"),
        ("something new", "pull-failed"),
    ],
)
def test_the_engines_words_become_a_cause(message: str, code: str) -> None:
    error = pull_error("some/thing:9", message)

    assert error.code == code
    assert message in error.reason
    assert error.hint


def test_a_name_that_is_none_is_the_users_mistake() -> None:
    assert isinstance(pull_error("A B", "invalid reference format"), InputError)


@pytest.mark.parametrize(
    ("upstream", "prefix", "name"),
    [
        ("postgres:15", None, "postgres:15"),
        ("postgres:15", "mirror.example/hub", "mirror.example/hub/postgres:15"),
        ("jaegertracing/jaeger:2", "127.0.0.1:5000/", "127.0.0.1:5000/jaegertracing/jaeger:2"),
    ],
)
def test_a_mirror_is_a_prefix(upstream: str, prefix: str | None, name: str) -> None:
    assert mirrored(upstream, prefix) == name


@pytest.mark.parametrize(
    ("name", "registry"),
    [
        ("postgres:15", ""),
        ("jaegertracing/jaeger:2", ""),
        ("localhost/x", "localhost"),
        ("127.0.0.1:5000/a/b:1", "127.0.0.1:5000"),
        ("mirror.example/a", "mirror.example"),
    ],
)
def test_the_registry_of_a_name(name: str, registry: str) -> None:
    assert registry_of(name) == registry


def test_progress_is_told_in_megabytes_and_only_when_it_changes() -> None:
    def layer(ident: str, current: int) -> dict[str, Any]:
        detail = {"current": current * 1_000_000, "total": 10_000_000}
        return {"id": ident, "status": "Downloading", "progressDetail": detail}

    messages: list[dict[str, Any]] = [
        {"status": "Pulling from some/thing", "id": "9"},
        layer("a", 1),
        layer("a", 1),
        layer("b", 2),
        {"id": "a", "status": "Download complete"},
    ]

    assert list(progress_texts(messages)) == [
        "Pulling from some/thing",
        "1 of 10 MB",
        "3 of 20 MB",
        "12 of 20 MB",
    ]
