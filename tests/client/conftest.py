"""What the client's tests share: a service, a command in this process, a command as a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from client.retry import Patience
from client.surroundings import Surroundings
from client.verbs import main
from tests.client.service import Service

ROOT = Path(__file__).resolve().parents[2]
SLUICE = [sys.executable, "-m", "client"]
IMPATIENT = Patience(attempts=4, first_wait=0.02, longest_wait=0.1, job_appears=1.0, poll=0.2)


@pytest.fixture(autouse=True)
def state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the client keeps its state: in a place of each test's own."""
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    return folder / "sluice" / "uploads"


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as service:
        yield service


@dataclass(frozen=True)
class Ran:
    code: int
    stdout: str
    stderr: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stdout.splitlines()]

    @property
    def object(self) -> dict[str, Any]:
        (only,) = self.objects
        return only


Run = Callable[..., Ran]


@pytest.fixture
def run(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`sluice convert … --api <service> --json`, in this process and in a hurry."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, local: list[str] | None = None, **changed: Any) -> Ran:
        surroundings = Surroundings(local or ["false"], changed.get("patience", IMPATIENT))
        where = [] if local else ["--api", changed.get("api", service.url)]
        command = ["convert", *arguments, "--json", *where]
        result = CliRunner().invoke(main, command, obj=surroundings)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def tend(service: Service) -> Run:
    """`sluice VERB … --api <service>`, in this process and in a hurry."""

    def tend(*arguments: str, **changed: Any) -> Ran:
        surroundings = Surroundings(["false"], changed.get("patience", IMPATIENT))
        command = [*arguments, "--api", changed.get("api", service.url)]
        result = CliRunner().invoke(main, command, obj=surroundings)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)

    return tend


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


@contextmanager
def minding_ctrl_c() -> Iterator[None]:
    """A process begun in here minds it, though whoever began us has us ignore it (`nohup`, `&` in a
    script): to ignore is inherited, and to handle is not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a command in tmp_path; whatever still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def spawn(*command: str) -> subprocess.Popen[str]:
        with minding_ctrl_c():
            process = subprocess.Popen(
                command,
                cwd=tmp_path,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        started.append(process)
        return process

    yield spawn
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
