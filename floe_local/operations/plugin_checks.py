"""`plugins test`: the conformance checks; and, live, a stack of that plugin alone."""

from __future__ import annotations

import re
import tempfile
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from floe_local.conformance.report import CheckResult, ConformanceReport, Outcome, PluginReport
from floe_local.conformance.run import LIMIT_S, conformance
from floe_local.conformance.subjects import find_subjects
from floe_local.errors import FloeError, InputError, MachineError, NotReadyError, on_path
from floe_local.operations.down import down
from floe_local.operations.logs import logs
from floe_local.operations.request import UpSettings
from floe_local.operations.smoke_test import smoke_test
from floe_local.operations.stacks import Where
from floe_local.operations.up import up
from floe_local.run.progress import silent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from floe_local.conformance.evidence import Subject
    from floe_local.plan.values import Kind
    from floe_local.prove.report import Report
    from floe_local.run.images import Policy
    from floe_local.run.progress import OnProgress

LIVE = "live"
"""The name of the check that brings a stack up."""


class LiveNotJudgedError(MachineError):
    """The machine kept a plugin's stack from being judged. `report` has what was judged."""

    def __init__(self, cause: MachineError, report: ConformanceReport) -> None:
        super().__init__(cause.code, cause.reason, cause.hint)
        self.report = report


def check_plugins(
    target: str | Path,
    kind: Kind | None = None,
    *,
    config: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    limit_s: float = LIMIT_S,
    collector: bool = True,
    live: bool = False,
    policy: Policy | None = None,
    report: OnProgress = silent,
) -> ConformanceReport:
    """Check whether plugins keep the contract of ADR-0035, without a stack unless `live`.

    Args:
        target: an installed plugin's name, or a folder that holds a distribution.
        kind: None: of both kinds.
        config: what the plugins are configured with.
        environment: variables for the plugins.
        limit_s: seconds for each child process in which a plugin runs.
        collector: whether the real Collector may be asked, where one is at hand.
        live: bring up a stack with each plugin's backend (SaaS: the sandbox), and smoke-test.
        policy: what may be done to get an image, for `live`.
        report: told what happens, for `live`.

    Raises:
        InputError: there is no such plugin, or the folder holds none.
        LiveNotJudgedError: `live`, and there is no engine, no image, no free port; it has the
            other checks.
    """
    with find_subjects(target, kind, config=config, environment=environment) as found:
        reports = [conformance(s, limit_s=limit_s, collector=collector) for s in found]
        for index, subject in enumerate(found if live else ()):
            try:
                result = _live(subject, policy, report)
            except MachineError as error:
                reports[index] = _with(reports[index], _not_judged(error))
                raise LiveNotJudgedError(
                    error, ConformanceReport(plugins=tuple(reports))
                ) from error
            reports[index] = _with(reports[index], result)
    return ConformanceReport(plugins=tuple(reports))


def _with(report: PluginReport, result: CheckResult) -> PluginReport:
    return report.model_copy(update={"checks": (*report.checks, result)})


def _live(subject: Subject, policy: Policy | None, report: OnProgress) -> CheckResult:
    """Bring up, smoke-test and take down a stack of one plugin, in a folder of its own."""
    if subject.blueprint is None:
        return CheckResult(
            check=LIVE,
            outcome=Outcome.SKIPPED,
            reason="it has no valid blueprint: there is nothing to bring up",
        )
    with tempfile.TemporaryDirectory(prefix="floe-local-plugin-test-") as folder:
        where = _where(Path(folder), subject)
        settings = UpSettings(free_ports=True, retain=True)
        try:
            up(where, settings, policy=policy, report=report)
            result = _proved(subject, _smoke(where))
            return _with_logs(result, where) if result.outcome is Outcome.FAILED else result
        except (InputError, NotReadyError) as error:
            return _with_logs(_failed(subject, error), where)
        finally:
            down(where, volumes=True, report=report)


def _with_logs(result: CheckResult, where: Where) -> CheckResult:
    """A failure with a hint that holds when its stack is gone: where its logs were kept."""
    folder = Path(tempfile.mkdtemp(prefix="floe-local-plugin-test-logs-"))
    lines: dict[str, list[str]] = {}
    with suppress(MachineError):  # no container was made
        for line in logs(where):
            lines.setdefault(line.service, []).append(line.text)
    for service, texts in lines.items():
        with on_path(folder):
            (folder / f"{service}.log").write_text("\n".join([*texts, ""]), "utf-8")
    if not lines:
        folder.rmdir()
        return result.model_copy(update={"hint": without_commands(result.hint)})
    kept = f"the stack is gone; its logs are in {folder}: {', '.join(sorted(lines))}"
    hint = "; ".join(filter(None, [without_commands(result.hint), kept]))
    return result.model_copy(update={"hint": hint})


def without_commands(hint: str) -> str:
    """A hint without what is to be done with a stack that is gone."""
    parts = (part.strip() for part in re.split(r"[;.]\s|:\s(?=see )", hint))
    return "; ".join(part.rstrip(".") for part in parts if part and "`floe-local" not in part)


def _where(folder: Path, subject: Subject) -> Where:
    import yaml  # noqa: PLC0415 - for `--live` only

    selection = {"type": subject.entry.name, "config": subject.config}
    manifest = {"plugins": {f"{subject.kind}_backend": selection}}
    file = folder / "manifest.yaml"
    file.write_text(yaml.safe_dump(manifest), "utf-8")
    stack = f"plugin-test-{uuid.uuid4().hex[:8]}"
    return Where(manifest=file, stack=stack, folder=folder)


def _smoke(where: Where) -> Report:
    from floe_local.prove.targets import SmokeOptions  # noqa: PLC0415 - for `--live` only

    return smoke_test(where, SmokeOptions())


def _proved(subject: Subject, proof: Report) -> CheckResult:
    failed = [f"{c.signal} at {c.hop}: {c.reason}" for c in proof.checks if c.verdict == "failed"]
    if not proof.ok:
        reason = f"{subject.entry.who}: {'; '.join(failed) or proof.reason}"
        hint = " ".join(dict.fromkeys(c.hint for c in proof.checks if c.hint))
        return CheckResult(check=LIVE, outcome=Outcome.FAILED, reason=reason, hint=hint)
    verdicts = sorted({f"{c.signal} {c.verdict}" for c in proof.checks if c.verdict != "skipped"})
    return CheckResult(check=LIVE, outcome=Outcome.PASSED, reason=", ".join(verdicts))


def _not_judged(error: MachineError) -> CheckResult:
    return CheckResult(
        check=LIVE, outcome=Outcome.SKIPPED, reason=f"not judged: {error.reason}", hint=error.hint
    )


def _failed(subject: Subject, error: FloeError) -> CheckResult:
    reason = f"{subject.entry.who}: {error.reason}"
    return CheckResult(check=LIVE, outcome=Outcome.FAILED, reason=reason, hint=error.hint)
