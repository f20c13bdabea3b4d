"""validate_connection() from the host, against small real servers on loopback."""

from __future__ import annotations

from importlib.util import find_spec
from textwrap import indent
from typing import TYPE_CHECKING, Any

import pytest

from floe_local.plan.plugins.host import ConnectionVerdict, validate_connections
from floe_local.plan.plugins.output import BackendRef
from floe_local.plan.values import Kind

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TELEMETRY = "floe.telemetry_backends"
PLUGIN = """
class Plugin:
    name = "odd"
    version = "1"
    floe_api_version = "2.0.0"

    def get_otlp_exporter_config(self): return {}
    def get_helm_values(self): return {}
    def validate_connection(self):
"""
# Each gives in `body` what GET http://HOST:7777/ answers.
CLIENTS = {
    "requests": "import requests; body = requests.get('http://HOST:7777/', timeout=5).text",
    "urllib": "from urllib.request import urlopen; body = urlopen('http://HOST:7777/', timeout=5).read()",
    "http.client": """
import http.client
connection = http.client.HTTPConnection('HOST', 7777, timeout=5)
connection.request('GET', '/')
body = connection.getresponse().read()""",
    "httpx": "import httpx; body = httpx.get('http://HOST:7777/', timeout=5).text",
    "httpx2": "import httpx2; body = httpx2.get('http://HOST:7777/', timeout=5).text",
    "httpx async": """
import asyncio, httpx
async def get():
    async with httpx.AsyncClient() as client:
        return (await client.get('http://HOST:7777/', timeout=5)).text
body = asyncio.run(get())""",
    "httpx2 async": """
import asyncio, httpx2
async def get():
    async with httpx2.AsyncClient() as client:
        return (await client.get('http://HOST:7777/', timeout=5)).text
body = asyncio.run(get())""",
    "asyncio": """
import asyncio
async def get():
    reader, writer = await asyncio.open_connection('HOST', 7777)
    writer.write(b'GET / HTTP/1.0\\r\\nHost: HOST:7777\\r\\n\\r\\n')
    answer = await reader.read()
    writer.close()
    return answer.partition(b'\\r\\n\\r\\n')[2]
body = asyncio.run(get())""",
    "socket": """
import socket
with socket.create_connection(('HOST', 7777), timeout=5) as sock:
    sock.sendall(b'GET / HTTP/1.0\\r\\nHost: HOST:7777\\r\\n\\r\\n')
    body = b''.join(iter(lambda: sock.recv(9999), b'')).partition(b'\\r\\n\\r\\n')[2]""",
    "connect by name": """
import socket
sock = socket.socket()
assert sock.connect_ex(('HOST', 7777)) == 0
sock.sendall(b'GET / HTTP/1.0\\r\\nHost: HOST:7777\\r\\n\\r\\n')
body = b''.join(iter(lambda: sock.recv(9999), b'')).partition(b'\\r\\n\\r\\n')[2]""",
    "gethostbyname": """
import socket
from urllib.request import Request, urlopen
url = f"http://{socket.gethostbyname('HOST')}:7777/"
body = urlopen(Request(url, headers={'Host': 'HOST:7777'}), timeout=5).read()""",
}
NEEDS = {"httpx": "httpx", "httpx async": "httpx", "httpx2": "httpx2", "httpx2 async": "httpx2"}


@pytest.fixture
def judge(plugin_site: Any) -> Callable[..., ConnectionVerdict]:
    def judge_body(body: str, addresses: Any = (), limit_s: float = 20) -> ConnectionVerdict:
        source = PLUGIN + indent(body.strip(), " " * 8)
        plugin_site.add(source, module="odd", points={TELEMETRY: {"odd": "Plugin"}})
        ref = BackendRef(kind=Kind.TELEMETRY, name="odd")
        return validate_connections([ref], addresses=dict(addresses), limit_s=limit_s)[0]

    return judge_body


def ok(verdict: ConnectionVerdict) -> bool:
    assert (verdict.status, verdict.reason) == ("ok", "")
    return True


@pytest.mark.parametrize("client", CLIENTS)
def test_each_client_reaches_the_stack_by_the_name_and_port_that_containers_use(
    judge: Any, serve: Any, client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if client in NEEDS and find_spec(NEEDS[client]) is None:
        pytest.skip(f"{NEEDS[client]} is not installed")
    for proxy in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(proxy, "http://127.0.0.1:1")
    code = CLIENTS[client].replace("HOST", "backend.example")
    body = f"{code}\nimport json\ntold = json.loads(body)\nreturn (told['label'], told['host']) == ('right', 'backend.example:7777') or told"
    right, wrong = serve({"label": "right"}), serve({"label": "wrong"})
    addresses = {
        ("backend.example", 7777): right.server_address,
        ("backend.example", 7778): wrong.server_address,
        ("other.example", 7777): wrong.server_address,
    }
    assert ok(judge(body, addresses))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "10.1.2.3", "[::1]", "[fd00::9]"])
@pytest.mark.parametrize("client", ["requests", "urllib", "httpx2", "httpx2 async"])
def test_localhost_and_ip_literals_are_mapped_too(
    judge: Any, serve: Any, host: str, client: str
) -> None:
    code = CLIENTS[client].replace("HOST", host)
    addresses = {(host.strip("[]"), 7777): serve({"label": "right"}).server_address}
    assert ok(judge(f"{code}\nreturn 'right' in str(body)", addresses))


@pytest.mark.parametrize(("dialled", "mapped"), [("Backend.", "backend"), ("backend", "BACKEND.")])
def test_names_compare_as_dns_does(judge: Any, serve: Any, dialled: str, mapped: str) -> None:
    code = CLIENTS["http.client"].replace("HOST", dialled)
    addresses = {(mapped, 7777): serve({"label": "right"}).server_address}
    assert ok(judge(f"{code}\nreturn 'right' in str(body)", addresses))


def test_what_is_not_mapped_stays_as_it_is(judge: Any, serve: Any) -> None:
    port = serve({"label": "elsewhere"}).server_port
    code = CLIENTS["requests"].replace("HOST:7777", f"localhost:{port}")
    addresses = {("localhost", 7777): ("127.0.0.1", 1), ("backend", 1): ("127.0.0.1", 1)}
    assert ok(judge(f"{code}\nreturn 'elsewhere' in body", addresses))


def test_a_port_that_the_backend_does_not_publish_is_named(judge: Any) -> None:
    code = "import socket; socket.create_connection(('backend', 9411))"
    verdict = judge(code, {("backend", 7777): ("127.0.0.1", 1)})
    assert verdict.status == "failed"
    assert "backend does not listen on port 9411 in the stack (it does on [7777])" in verdict.reason


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return False", "validate_connection() returned False"),
        ("return None", "returned NoneType, neither True nor False"),
        ("return 1", "returned int, neither True nor False"),
        ("raise ConnectionError('start the backend')", "start the backend"),
        ("raise ConnectionResetError('start it')", "start it"),
        (
            "class CredentialError(Exception): pass\nraise CredentialError('set ODD_KEY')",
            "set ODD_KEY",
        ),
        ("raise KeyError('x')", "validate_connection() raised KeyError: 'x' (/"),
        ("import sys; sys.exit(0)", "called sys.exit(0)"),
        ("import os; os._exit(7)", "exit code 7"),
        ("import threading; threading.Event().wait()", "did not end within 2 s"),
    ],
)
def test_what_goes_wrong_is_a_failed_verdict_with_the_reason(
    judge: Any, body: str, said: str
) -> None:
    verdict = judge(body, limit_s=2 if "threading" in body else 20)
    assert verdict.status == "failed"
    assert said in verdict.reason


def test_a_wrong_credential_says_what_to_do(judge: Any) -> None:
    body = "from floe_core.plugins import CredentialError\nraise CredentialError('HTTP 401')"
    assert "credential" in judge(body).hint


def test_grpcs_own_resolver_is_skipped_with_the_reason(judge: Any) -> None:
    body = (
        "import grpc\nchannel = grpc.insecure_channel('backend:4317')\n"
        "grpc.channel_ready_future(channel).result(timeout=1)\nreturn True"
    )
    verdict = judge(body, {("backend", 4317): ("127.0.0.1", 1)})
    assert verdict.status == "skipped"
    assert "gRPC" in verdict.reason


def test_a_plugin_that_only_imports_grpc_is_judged(judge: Any) -> None:
    verdict = judge(
        "import grpc, socket; socket.create_connection(('backend', 4317))",
        {("backend", 4317): ("127.0.0.1", 1)},
    )
    assert verdict.status == "failed"
    assert "refused" in verdict.reason
    assert verdict.hint == "It dialled backend:4317."


REFERENCE = (
    BackendRef(kind=Kind.TELEMETRY, name="jaeger"),
    BackendRef(kind=Kind.LINEAGE, name="marquez"),
)


def reference_verdicts(port: int) -> tuple[ConnectionVerdict, ...]:
    target = ("127.0.0.1", port)
    addresses = {("jaeger", 16686): target, ("marquez", 5000): target}
    return validate_connections(REFERENCE, addresses=addresses)


def statuses(server: Any) -> list[str]:
    return [verdict.status for verdict in reference_verdicts(server.server_port)]


def test_the_reference_plugins_ask_their_backends(serve: Any) -> None:
    assert statuses(serve({"services": [], "namespaces": []})) == ["ok", "ok"]


def test_the_classes_of_the_adr_ask_their_backends(adr_site: Any, serve: Any) -> None:
    del adr_site
    assert statuses(serve({})) == ["ok", "ok"]
    assert statuses(serve({}, status=500)) == ["failed", "failed"]


def test_the_reference_plugins_say_when_nothing_answers() -> None:
    verdicts = reference_verdicts(1)
    assert "Jaeger cannot be reached at http://jaeger:16686" in verdicts[0].reason
    assert "Marquez cannot be reached at http://marquez:5000" in verdicts[1].reason


def test_one_that_hangs_delays_no_other_and_a_broken_one_is_a_verdict(
    plugin_site: Any, tmp_path: Path
) -> None:
    note = f"pathlib.Path({str(tmp_path / 'note')!r})"
    patient = f"""        import pathlib, time
        while not {note}.exists(): time.sleep(0.05)
        return True"""
    fine = f"        import pathlib; {note}.touch(); return True"
    hang = f"{PLUGIN}        import threading; threading.Event().wait()"
    plugin_site.add(hang, module="hang", points={TELEMETRY: {"hang": "Plugin"}})
    plugin_site.add("import no_such", module="broken", points={TELEMETRY: {"broken": "Plugin"}})
    for name, body in (("patient", patient), ("fine", fine)):
        plugin_site.add(f"{PLUGIN}{body}", module=name, points={TELEMETRY: {name: "Plugin"}})
    names = ("hang", "broken", "unknown", "patient", "fine")
    refs = [BackendRef(kind=Kind.TELEMETRY, name=name) for name in names]
    verdicts = validate_connections(refs, addresses={}, limit_s=3)
    assert [(v.name, v.status) for v in verdicts] == [
        ("hang", "failed"),
        ("broken", "failed"),
        ("unknown", "failed"),
        ("patient", "ok"),  # it waits for the one after it
        ("fine", "ok"),
    ]
    assert "no_such" in verdicts[1].reason
    assert verdicts[2].hint
