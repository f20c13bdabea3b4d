"""What `plugins new` writes passes the checks that need no container."""

from __future__ import annotations

from pathlib import Path

import pytest

from floe_local.operations.plugin_checks import check_plugins
from floe_local.operations.scaffold import new_plugin
from floe_local.plan.values import Kind


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("sandbox", [False, True], ids=["self-hosted", "SaaS"])
def test_a_new_plugin_passes_its_checks(kind: Kind, *, sandbox: bool, tmp_path: Path) -> None:
    written = new_plugin("my-backend", kind, tmp_path, sandbox=sandbox)
    (report,) = check_plugins(Path(written.folder), collector=False).plugins
    undone = {c.check for c in report.checks if c.outcome != "passed"} - {"collector"}
    assert not undone, report
    assert (report.kind, report.name) == (kind, "my-backend")
    assert report.distribution == f"floe-{kind}-my-backend"


@pytest.mark.parametrize(
    ("kind", "before", "after", "reason"),
    [
        (
            Kind.TELEMETRY,
            "    otlp_http:",
            "    otlp_grpc:",
            "does not say how 'otlp_http' reaches",
        ),
        (Kind.LINEAGE, '    url: "{sandbox}{path}"\n', "", "another address than the sandbox"),
    ],
)
def test_a_sandbox_that_up_would_refuse_is_refused_by_the_checks(
    kind: Kind, before: str, after: str, reason: str, tmp_path: Path
) -> None:
    root = Path(new_plugin("my-backend", kind, tmp_path, sandbox=True).folder)
    (file,) = root.glob("src/*/blueprint.yaml")
    text = file.read_text("utf-8")
    assert before in text
    file.write_text(text.replace(before, after), encoding="utf-8")
    (report,) = check_plugins(root, collector=False).plugins
    assert reason in report.result("compiles").reason
