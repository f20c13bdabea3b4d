"""The only reader and writer of ``.floe-local/<stack>/``.

Files appear whole or not at all (written beside, then renamed). ``.env``, which holds the
generated passwords, is never readable by others. The folder ignores itself in git.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import secrets
import shutil
import tempfile
from contextlib import contextmanager, suppress
from itertools import repeat
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from floe_local.errors import MachineError, on_path
from floe_local.plan.stack.model import COMPOSE_FILE, StackPlan, plan_of_older
from floe_local.until import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from floe_local.plan.stack.model import StackIdentity

FOLDER = ".floe-local"
PLAN_FILE = "stack.json"
SECRETS_FILE = ".env"
_LOCK_FILE = ".lock"
_LOCK_WAIT_S = 0.1
_LOCK_DEADLINE_S = 180.0
_PASSWORD_BYTES = 24
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
"""What a file system says that has no locks."""
_SHOWN_HASH = 16
_OWNER = re.compile(rb'"project":\s*"([a-z0-9_-]+)"')
"""The project in a plan of any version."""


class Workspace:
    """The files of one stack. Constructing it touches nothing.

    Args:
        identity: names the folder: ``<project folder>/.floe-local/<stack>``.

    Attributes:
        folder: where the files are; absolute.
    """

    def __init__(self, identity: StackIdentity) -> None:
        self.project = identity.project
        self.root = Path(identity.folder) / FOLDER
        self.folder = self.root / identity.name

    @property
    def compose_file(self) -> Path:
        """The compose file, for ``docker compose -f``."""
        return self.folder / COMPOSE_FILE

    @property
    def secrets_file(self) -> Path:
        """The generated passwords, as Compose reads them."""
        return self.folder / SECRETS_FILE

    def plan(self) -> StackPlan | None:
        """The plan that was written last; None: there is none.

        Raises:
            MachineError: it is another version's, no plan at all, or another stack's
                (``stack-file``).
        """
        file = self.folder / PLAN_FILE
        content = _content(file)
        if content is None:
            return None
        try:
            plan = _plan_in(content)
        except ValueError:
            raise _not_ours(
                file, "another version of floe-local wrote it, or it is broken"
            ) from None
        if plan.project != self.project:
            whose = f"it is of the stack {plan.project} of {plan.identity.folder}"
            raise _not_ours(file, f"{whose}: was the folder moved or copied?")
        return plan

    def known_plan(self) -> tuple[StackPlan | None, str]:
        """The plan that was written last; where it cannot be read, none and why."""
        try:
            return self.plan(), ""
        except MachineError as error:
            return None, error.reason

    def is_own(self) -> bool:
        """Whether there are files here, and they are not those of another stack.

        A moved or copied project brings the files of the stack that it had elsewhere.
        """
        content = _content(self.folder / PLAN_FILE)
        found = _OWNER.search(content) if content else None
        return self.folder.is_dir() and (found is None or found[1].decode() == self.project)

    def secrets(self) -> dict[str, str]:
        """The generated passwords, by variable."""
        try:
            with on_path(self.secrets_file):
                lines = self.secrets_file.read_text("utf-8").splitlines()
        except FileNotFoundError:
            return {}
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def make_secrets(self, names: Sequence[str]) -> dict[str, str]:
        """The passwords of that name, each made now where there is none yet."""
        kept = self.secrets()
        made = {n: kept.get(n) or secrets.token_hex(_PASSWORD_BYTES) for n in names}
        if made.items() - kept.items():
            text = "".join(f"{name}={value}\n" for name, value in (kept | made).items())
            self._make_folder()
            _write(self.secrets_file, text.encode(), mode=0o600)
        return made

    def write(self, plan: StackPlan) -> None:
        """Write the plan, its compose file and its config files; drop config files it lost."""
        self._make_folder()
        for path, text in workspace_files(plan).items():
            _write(self._inside(path), text.encode())
        for dropped in self._config_files() - {self._inside(path) for path in plan.files}:
            dropped.unlink()

    def snapshot(self) -> dict[Path, bytes]:
        """All that `write` may change, as it is now: what `restore` takes."""
        return {path: path.read_bytes() for path in self._written() if path.is_file()}

    def restore(self, files: Mapping[Path, bytes]) -> None:
        """Put the files back byte for byte, whichever version wrote them; drop newer ones."""
        for path, content in files.items():
            _write(path, content)
        for path in self._written() - set(files):
            path.unlink(missing_ok=True)

    def _written(self) -> set[Path]:
        return {self.folder / PLAN_FILE, self.compose_file, *self._config_files()}

    def withdraw(self, *, keep_secrets: bool) -> None:
        """Take back what was written; the passwords stay where a volume needs them."""
        for path in (self.folder / PLAN_FILE, self.compose_file):
            path.unlink(missing_ok=True)
        shutil.rmtree(self.folder / "config", ignore_errors=True)
        if not keep_secrets:
            self.secrets_file.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the stack's files; the shared folder too, when no other stack is left."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with suppress(OSError):
            if all(path.name == ".gitignore" for path in self.root.iterdir()):
                shutil.rmtree(self.root)

    @contextmanager
    def locked(
        self, on_wait: Callable[[], None], deadline_s: float = _LOCK_DEADLINE_S
    ) -> Iterator[None]:
        """Hold the stack for oneself; two commands never change it at once.

        Args:
            on_wait: called once when there is another command to wait for.
            deadline_s: how long to wait for it.

        Raises:
            MachineError: another command still holds it (``stack-locked``), or the folder
                cannot be written (``workspace``).
        """
        lock = self._acquire(deadline_s, on_wait)
        try:
            yield
        finally:
            if not (self.folder / PLAN_FILE).exists() and not self.secrets_file.exists():
                self.remove()
            os.close(lock)

    def _acquire(self, deadline_s: float, on_wait: Callable[[], None]) -> int:
        lock = self._try_acquire()
        if lock is None:
            on_wait()
            pauses = repeat(_LOCK_WAIT_S)
            lock = until(self._try_acquire, deadline_s, pauses, done=lambda lock: lock is not None)
        if lock is None:
            raise MachineError(
                "stack-locked",
                f"another floe-local command has been changing {self.folder} for {deadline_s:g} s",
                "wait for it, or end it, and run this again",
            )
        return lock

    def _try_acquire(self) -> int | None:
        path = self.folder / _LOCK_FILE
        self._make_folder()
        with suppress(FileNotFoundError):  # its holder removed the whole folder
            lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            with on_path(path):
                locked = _try_lock(lock, path)
            if locked:
                return lock
            os.close(lock)
        return None

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            ignore = self.root / ".gitignore"
            if not ignore.exists():
                _write(ignore, b"# made by floe-local\n*\n")
        except OSError as error:
            raise MachineError(
                "workspace",
                f"cannot write to {self.folder}: {error.strerror}",
                "make the project's folder writable",
            ) from error

    def _inside(self, path: str) -> Path:
        """A path of the plan in the folder; the planner makes none that leads out."""
        parts = PurePosixPath(path).parts
        if ".." in parts or PurePosixPath(path).is_absolute():
            raise MachineError("workspace", f"'{path}' leads out of {self.folder}")
        return self.folder.joinpath(*parts)

    def _config_files(self) -> set[Path]:
        return {path for path in (self.folder / "config").rglob("*") if path.is_file()}


def workspace_files(plan: StackPlan) -> dict[str, str]:
    """Everything that is written for a plan, by path: what ``render`` shows."""
    import yaml  # noqa: PLC0415 - reading a workspace needs none

    compose = yaml.safe_dump(plan.compose, sort_keys=False, allow_unicode=True, width=100)
    heading = f"# Made by floe-local; `docker compose -f {COMPOSE_FILE} ps` works on it, too.\n"
    return {
        **plan.files,
        COMPOSE_FILE: heading + compose,
        PLAN_FILE: plan.model_dump_json(indent=2, by_alias=True) + "\n",
    }


def fingerprint(values: Mapping[str, str], names: Sequence[str]) -> str:
    """A short hash of generated passwords, which says nothing about them."""
    content = "\0".join(f"{name}={values.get(name, '')}" for name in sorted(names))
    return hashlib.sha256(content.encode()).hexdigest()[:_SHOWN_HASH]


def flock(descriptor: int, operation: int) -> None:
    """Lock a file, unless its file system has no locks, as some network ones: then go without.

    Raises:
        BlockingIOError: somebody else holds it.
        OSError: anything else that the system says.
    """
    try:
        fcntl.flock(descriptor, operation)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise


def _try_lock(lock: int, path: Path) -> bool:
    """Whether the lock is ours now, and still the one that others will look for."""
    try:
        flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.path.samestat(os.fstat(lock), path.stat())


def _content(file: Path) -> bytes | None:
    """What a file holds; None where there is none."""
    with suppress(FileNotFoundError, NotADirectoryError):
        return file.read_bytes()
    return None


def _plan_in(content: bytes) -> StackPlan:
    try:
        return StackPlan.model_validate_json(content)
    except ValueError:
        return plan_of_older(content)


def _not_ours(file: Path, why: str) -> MachineError:
    return MachineError(
        "stack-file", f"{file} cannot be used: {why}", "`floe-local up` writes it anew"
    )


def _write(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Replace a file whole. Nothing is touched when it says so already."""
    if _content(path) == content:
        path.chmod(mode)  # whatever the caller's umask, or somebody since, made of it
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # 0600
    try:
        with on_path(path), os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).chmod(mode)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)  # it is still there only if something went wrong
