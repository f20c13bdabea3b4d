"""What counts as a credential written out, and what only sounds like one."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floe_local.plan.secrets.recognise import credentials_in

SECRET = "Zq8rT5vLw2nXk7Pd"
PEM = "-----BEGIN {}-----\nMHcCAQ\n-----END {}-----"


def in_base64(kind: str) -> str:
    return base64.b64encode(PEM.format(kind, kind).encode()).decode()


WRITTEN_OUT: list[Any] = [
    {"api": {"key": SECRET}},
    {"api-key": f"${{env:ACME_KEY:-{SECRET}}}"},
    {"api-key": f"${{env:ACME_KEY:-${{env:OTHER_KEY:-{SECRET}}}}}"},
    {"api-key": f"{SECRET}${{env:REGION}}"},
    {"api-key": f"$${{env:{SECRET}}}"},
    {"authorization": f"Bearer {SECRET}${{env:REGION}}"},
    {"endpoint": f"https://acme.example/v1?api_key={SECRET}"},
    {"endpoint": f"https://acme.example/v1?a=b&token={SECRET}#top"},
    {"endpoint": f"https://{SECRET}@acme.example/v1"},
    {"endpoint": f"https://u:{SECRET}@acme.example/v1"},
    {"endpoint": f"redis://:{SECRET}@acme.example/v1"},
    {"headers": [{"name": "api-key", "value": SECRET}]},
    {"headers": [f"Authorization: Bearer {SECRET}"]},
    {"headers": [f"X-Api-Key: {SECRET}"]},
    {"env": [{"name": "ACME_PASSWORD", "value": SECRET}]},
    {"x-auth": f"ApiKey {SECRET}"},
    {"pass": SECRET},
    {"auth": {"pwd": SECRET}},
    {"tokens": [SECRET]},
    {"token": {"value": SECRET}},
    {"token_v2": SECRET},
    {"secret": {"string": SECRET}},
    {"htpasswd": {"inline": f"user:{SECRET}"}},
    {"account_key": SECRET},
    {"license_key": SECRET},
    {"ingestionKey": SECRET},
    {"tls": {"key_pem": SECRET}},
    {"anything": in_base64("EC PRIVATE KEY")},
    {"anything": in_base64("PRIVATE KEY")},
    {"sasl.password": SECRET},
    {"sasl.jaas.config": f'org.Plain required username="u" password="{SECRET}";'},
    {"connection_string": f"InstrumentationKey={SECRET};IngestionEndpoint=https://x.example"},
    {"password": 12345678},
    {"anything": "ab" * 16},
]
INNOCENT: list[Any] = [
    {"key": "db.statement", "action": "delete"},
    {"api": {"key": "${env:ACME_KEY}", "site": "acme.example"}},
    {"api-key": "${env:ACME_KEY}"},
    {"api-key": "${ACME_KEY:-}"},
    {"api-key": "${env:ACME_KEY:-${env:OTHER_KEY}}"},
    {"authorization": "Bearer ${env:ACME_KEY}"},
    {"authorization": "Basic ${env:ACME_USER}:${env:ACME_KEY}"},
    {"headers": [{"name": "api-key", "value": "${env:ACME_KEY}"}]},
    {"headers": ["Authorization: Bearer ${env:ACME_KEY}"]},
    {"endpoint": "https://${env:USER_OF_ACME}:${env:ACME_KEY}@acme.example"},
    {"endpoint": "https://${env:ACME_KEY}@acme.example?token=${env:ACME_KEY}"},
    {"endpoint": "https://someone@acme.example/@here"},
    {"endpoint": "https://acme.example/v1?partition_key=Zq8rT5vLw2nXk7Pd"},
    {"url": "postgres://postgres@db:5432/marquez"},
    {"sasl.jaas.config": 'org.Plain required username="u" password="${env:ACME_KEY}";'},
    {"tls": {"key_file": "/tls/tls.key", "cert_pem": in_base64("CERTIFICATE")}},
    {"anything": in_base64("PUBLIC KEY")},
    {"auth": {"existingSecret": "acme", "secretKeys": {"userPasswordKey": "password"}}},
    {"existingSecretKey": "password", "apiKeyExistingSecret": "acme", "existingsecret": "acme"},
    {"secretName": "acme", "secretRef": "acme", "imagePullSecret": "regcred", "tlsSecret": "acme"},
    {"imagePullSecrets": [{"name": "regcred"}]},
    {"valueFrom": {"secretKeyRef": {"name": "acme", "key": "password"}}},
    {"passwordKey": "password", "api_key_env": "ACME_KEY", "token_url": "https://acme.example/t"},
    {"cache_key": SECRET, "partition_key": SECRET, "primary_key": "id", "routing_key": "a.b"},
    {"max_tokens": 100000, "token_type": "bearer", "grant_type": "password"},
    {"token": True, "password": None, "secret": "", "credentials": "false"},
    {"token": "/var/run/secrets/acme/token"},
    {"env": [{"name": "PWD", "value": "/app"}, {"name": "REGION", "value": SECRET}]},
    {"actions": [{"key": "user.password", "value": "****", "action": "update"}]},
    {"actions": [{"key": "user.password", "value": "REDACTED", "action": "update"}]},
    {"blocked_values": ["password=[^&]*", r"token=\S+"]},
    {"statements": ['replace_pattern(attributes["http.url"], "token=[^&]*", "token=***")']},
    {"description": "Authorization: by token"},
    {"image": {"tag": "0123456789abcdef0123456789abcdef01234567"}, "gitCommit": "ab" * 20},
    {"trace_id": "ab" * 16, "image": {"digest": "ab" * 16}, "checksum/config": "ab" * 20},
    {"revision": "ab" * 20, "strategy": {"commit_sha": "ab" * 20}},
]


@pytest.mark.parametrize("value", WRITTEN_OUT, ids=str)
def test_a_credential_written_out_is_found_wherever_it_stands(value: Any) -> None:
    assert len(list(credentials_in(value))) == 1
    ((*_, key),) = credentials_in({"a": [value]}, ("exporters",))
    assert key != "a"


@pytest.mark.parametrize("value", INNOCENT, ids=str)
def test_what_is_no_credential_is_let_through(value: Any) -> None:
    assert not list(credentials_in(value))


@given(
    st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,20}", fullmatch=True),
    st.sampled_from(["", "Bearer ", "Basic "]),
)
def test_a_reference_never_counts_as_a_credential(name: str, scheme: str) -> None:
    text = f"{scheme}${{env:{name}}}"
    assert not list(
        credentials_in({"token": text, "headers": [{"name": "api-key", "value": text}]})
    )


@given(st.text("abcdefgh0123456789", min_size=1, max_size=20).filter(lambda t: t != "no"))
def test_what_stands_beside_a_reference_does(text: str) -> None:
    for value in (f"{text}${{env:X}}", f"${{env:X}}{text}", f"${{env:X:-{text}}}"):
        assert list(credentials_in({"client_secret": value})) == [("client_secret",)]
