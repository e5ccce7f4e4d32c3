"""The engine as this process's child: started, asked whether it is ready, and ended with us.

`with Engine() as engine:` is all a caller needs, and `engine.client("s3")` talks to it. The child
lives by the pipe on its stdin, so it ends when this process does, however that comes about.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Self

import boto3
from botocore.config import Config

from local.errors import DataUnusable, EngineFailed, NotInstalled
from local.ffmpeg import Ffmpeg, find_ffmpeg

ROOT = Path(__file__).resolve().parent.parent
REGION = "us-east-1"
START_SECONDS = 60.0
# More than the engine's own patience with tasks, connections and its state together.
STOP_SECONDS = 20.0


class Engine:
    """One engine. With `data` its objects and state live on in that directory, and its port stays.

    `environment` is added to the child's; raises DataUnusable, EngineFailed, NotInstalled.
    """

    def __init__(
        self,
        data: Path | None = None,
        ffmpeg: Ffmpeg | None = None,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.port = 0
        self.url = ""
        self.seconds = 0.0
        self._data = data
        self._ffmpeg = ffmpeg
        self._environment = environment or {}
        self._directory: Path | None = None
        self._claimed = ExitStack()
        self._inherited: list[int] = []
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        started = time.monotonic()
        try:
            self._claim_data()
            self._directory = Path(tempfile.mkdtemp(prefix="sluice-"))
            self._process = self._start()
            self.port = self._read_port(self._process)
            self.url = f"http://127.0.0.1:{self.port}"
            self._remember_port()
            self._wait_until_ready(self._process)
        except BaseException:
            self.stop()
            raise
        self.seconds = time.monotonic() - started
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    @property
    def logs(self) -> Path:
        directory = self._data or self._directory
        assert directory is not None
        return directory / "logs"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def client(self, service: str, config: Config | None = None) -> Any:
        return client_of(self.url, service, config)

    def stop(self) -> None:
        """Close the pipe the engine lives by, wait for its end, and remove what was temporary."""
        if self._process is not None:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.close()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process.stdout.close()
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
        self._claimed.close()

    def _claim_data(self) -> None:
        """Two engines would overwrite each other's state. The child holds the lock as well: killed,
        we may be gone before it has saved."""
        if self._data is None:
            return
        try:
            self._data.mkdir(parents=True, exist_ok=True)
            lock = self._claimed.enter_context((self._data / "lock").open("w"))
        except OSError as error:
            raise DataUnusable(
                f"Nothing can be kept in {self._data} ({error.strerror}): give another --data, a "
                "directory that you may write to."
            ) from error
        self._inherited = [lock.fileno()]
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataUnusable(
                f"Another pipeline is using {self._data}: stop it, or give another --data."
            ) from None

    def _start(self) -> subprocess.Popen[str]:
        ffmpeg = self._ffmpeg or find_ffmpeg()
        arguments = [
            *("--port", str(self._remembered_port())),
            *("--run-directory", str(self._directory)),
            *("--logs", str(self.logs.resolve())),
            *("--task-python", os.environ.get("SLUICE_TASK_PYTHON", sys.executable)),
            *("--ffmpeg", str(ffmpeg.ffmpeg)),
            *("--ffprobe", str(ffmpeg.ffprobe)),
            *(("--data", str(self._data.resolve())) if self._data else ()),
        ]
        return subprocess.Popen(
            [str(engine_python()), "-m", "local.engine", *arguments],
            cwd=ROOT,
            env={**os.environ, **self._environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=self._inherited,
            start_new_session=True,  # Ctrl-C in a terminal is for us; the engine ends by its pipe
        )

    def _read_port(self, process: subprocess.Popen[str]) -> int:
        assert process.stdout is not None
        first = process.stdout.readline()
        if not first:
            raise EngineFailed(f"The engine ended at once with code {process.wait()}; see above.")
        return json.loads(first)["port"]

    def _wait_until_ready(self, process: subprocess.Popen[str]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if process.poll() is not None:
                raise EngineFailed(f"The engine ended while starting:\n{self.last_words()}")
            if time.monotonic() > deadline:
                raise EngineFailed(f"The engine is not ready after {START_SECONDS:.0f} s.")
            time.sleep(0.02)

    def _answers(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/_ministack/health")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def last_words(self, lines: int = 20) -> str:
        log = self.logs / "engine.log"
        return "\n".join(log.read_text().splitlines()[-lines:]) if log.exists() else "(no log)"

    def _remembered_port(self) -> int:
        """With data, the port of the last time: addresses of it are in what was stored. A note
        that is not of a port is as none: the engine takes another when that one is taken, too."""
        note = self._data / "engine.port" if self._data else None
        written = note.read_bytes().strip() if note and note.exists() else b""
        return int(written) if written.isdigit() and int(written) < 2**16 else 0

    def _remember_port(self) -> None:
        if self._data:
            (self._data / "engine.port").write_text(str(self.port))


def client_of(url: str, service: str, config: Config | None = None) -> Any:
    """A boto3 client of the engine at `url`, which takes any credentials."""
    # Never through a proxy, whatever HTTP_PROXY says: it could not reach our loopback.
    direct = Config(proxies={})
    return boto3.client(  # pyright: ignore[reportUnknownMemberType]
        service,  # pyright: ignore[reportArgumentType]
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=direct.merge(config) if config else direct,
    )


def engine_python() -> Path:
    """The Python that has ministack: SLUICE_ENGINE_PYTHON, or that of .venv-engine."""
    named = os.environ.get("SLUICE_ENGINE_PYTHON")
    python = Path(named) if named else ROOT / ".venv-engine" / "bin" / "python"
    if not python.exists():
        raise NotInstalled(
            f"The local engine's Python is not at {python}. Run `make install`, or name another "
            "in SLUICE_ENGINE_PYTHON."
        )
    return python
