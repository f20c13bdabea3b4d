"""No secret gets further than the call of the plugin that returned it."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floe_local.errors import InputError
from floe_local.plan.plugins.host import call_plugins
from floe_local.plan.plugins.output import BackendRef, PluginOutput
from floe_local.plan.secrets.mask import forms_of, mask
from floe_local.plan.secrets.recognise import credential_variables, refuse_secrets
from floe_local.plan.values import Kind
from tests.raising import raised

SECRET = "Zq8rT5vLw2nXk7Pd"
ENVIRON = {"ACME_API_KEY": SECRET}
HEADER = (
    "def get_otlp_exporter_config(self):\n    import os\n    return {'headers': {'x-team': %s}}"
)
VALUE = "os.environ['ACME_API_KEY']"


def output(**answers: Any) -> PluginOutput:
    who = {"name": "odd", "distribution": "odd-plugin", "distribution_version": "1.2.3"}
    return PluginOutput(kind=Kind.TELEMETRY, **who, **answers)


def refuse(output: PluginOutput, environ: dict[str, str]) -> None:
    refuse_secrets(output.who, output.returned, environ)


@pytest.mark.parametrize(
    ("members", "told"),
    [
        (HEADER % VALUE, "headers.x-team: holds the value of the variable ACME_API_KEY"),
        (HEADER % f"'Bearer ' + {VALUE}", "the value of the variable ACME_API_KEY"),
        (
            "def get_helm_values(self):\n    return {'acme': {'password': 'Qq1wW2eE3rR4'}}",
            "helm_values.acme.password: holds a credential written out",
        ),
        (
            HEADER % "{'api-key': 'Qq1wW2eE3rR4'}",
            "headers.x-team.api-key: holds a credential written out",
        ),
    ],
)
def test_a_secret_in_an_answer_is_refused_at_the_call(
    members: str,
    told: str,
    plugin_site: Any,
    telemetry_source: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ACME_API_KEY", SECRET)
    points = {"floe.telemetry_backends": {"odd": "Plugin"}}
    plugin_site.add(telemetry_source(members), module="odd_plugin", points=points)
    with pytest.raises(InputError) as caught:
        call_plugins([BackendRef(kind=Kind.TELEMETRY, name="odd")])
    assert told in caught.value.reason
    assert "'odd' (odd-plugin 1.2.3)" in caught.value.reason
    assert "${env:" in caught.value.hint
    assert not any(secret in str(caught.value.as_dict()) for secret in (SECRET, "Qq1wW2eE3rR4"))


@pytest.mark.parametrize(
    "helm",
    [
        {"acme": {"url": f"https://me:{SECRET}@acme.example"}},
        {"acme": {"tls": "-----BEGIN EC PRIVATE KEY-----\nMHcCAQ"}},
        {"env": [{"name": "ACME_PASSWORD", "value": SECRET}]},
    ],
)
def test_a_secret_in_helm_values_is_refused(helm: Any) -> None:
    with pytest.raises(InputError, match=r"helm_values.*holds a credential written out") as caught:
        refuse(output(helm_values=helm), {})
    assert SECRET not in str(caught.value.as_dict())


@pytest.mark.parametrize("user", ["", "a:", "ab:", "abc:"])
def test_a_variable_s_value_is_noticed_in_base64(user: str) -> None:
    told = base64.b64encode(f"{user}{SECRET}".encode()).decode()
    with pytest.raises(InputError, match="x: holds the value of the variable ACME_API_KEY"):
        refuse(output(transport={"x": f"Basic-{told}"}), ENVIRON)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_MODE", SECRET),
        ("ACME_AUTH_URL", f"https://{SECRET}.example"),
        ("ACME_TOKEN_FILE", SECRET),
        ("ACME_AUTH", "true"),
        ("ACME_AUTH", "default"),
        ("ACME_AUTH", "local-dev"),
        ("ACME_AUTH", "localhost:4317"),
        ("ACME_AUTH", "http://acme:4317"),
        ("ACME_AUTH", "/run/user/1000/agent"),
        ("ACME_AUTH", "4317"),
        ("KEYCLOAK_REALM", SECRET),
        ("ACME_TOKEN", "someone.1"),  # HOME_OWNER is that, too
        ("ACME_REGION", SECRET),
    ],
)
def test_what_a_config_may_hold_for_its_own_reasons_is_no_secret(name: str, value: str) -> None:
    environ = {name: value, "HOME_OWNER": "someone.1"}
    assert raised(InputError, refuse, output(transport={"x": value}), environ) is None


def test_access_key_ids_and_long_words_are_credential_variables() -> None:
    environ = {"AWS_ACCESS_KEY_ID": "AKIDSANDBOX1", "ACME_PASSWORD": "correct-horse-battery"}
    assert credential_variables(environ) == ("ACME_PASSWORD", "AWS_ACCESS_KEY_ID")


def test_references_are_no_secrets() -> None:
    references = output(transport={"apiKey": "${env:ACME_API_KEY}"})
    assert raised(InputError, refuse, references, ENVIRON) is None


@given(before=st.binary(max_size=7), secret=st.text(min_size=6), after=st.binary(max_size=7))
def test_a_secret_is_masked_in_base64_wherever_it_stands(
    before: bytes, secret: str, after: bytes
) -> None:
    raw = before + secret.encode(errors="surrogateescape") + after
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        told = encode(raw).decode()
        assert any(form in told for form in forms_of(secret)[1:])
        assert mask(f"refused: {told}.", {"ACME_TOKEN": secret}) == "refused: ***."
