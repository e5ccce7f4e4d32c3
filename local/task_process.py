"""One Fargate task as a child process: its environment, output, end, and what it left behind.

What a container promises is held by a process group: it is signalled as one, and nothing in it
outlives its first process. Its environment is the container's and no more. TMPDIR, HOME and the
working directory are a scratch directory, measured and removed at the end. Run under the engine's
own Python: standard library only.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from local.memory import peak_kib

# Nothing outside Docker resolves the name that Docker gives the host.
_DOCKER_HOST = "host.docker.internal"
# Where a task finds its role's credentials on AWS; here the engine's fixed ones are given instead.
_ROLE_VARIABLES = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN")
# getrusage counts writes in blocks of 512 bytes whatever the file system's (getrusage(2)).
_BLOCK_BYTES = 512
# How often to look at a task's memory; each look reads all of /proc, some milliseconds.
_LOOK_SECONDS = 0.25
# A grandchild that escaped its group may hold the output pipe open for ever: do not wait for it.
_OUTPUT_SECONDS = 2.0


@dataclass(frozen=True)
class Machine:
    """What a task needs of this machine: interpreter, code, ffmpeg, and where its files may be.

    `on_start` and `on_end` are told the process group, so that it can be ended after a crash.
    """

    python: str
    root: Path
    endpoint: str
    region: str
    ffmpeg: str
    ffprobe: str
    scratch: Path
    logs: Path
    on_start: Callable[[int], None]
    on_end: Callable[[int], None]

    def environment(self, task: Mapping[str, str], home: Path) -> dict[str, str]:
        """What the container would have: the task definition's, the image's, and the role's."""
        given = {
            key: value.replace(_DOCKER_HOST, "127.0.0.1")
            for key, value in task.items()
            if key not in _ROLE_VARIABLES
        }
        image = {
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            "HOME": str(home),
            "TMPDIR": str(home),
            "PYTHONPATH": str(self.root),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            "MALLOC_MMAP_THRESHOLD_": "1048576",  # the Dockerfile says why
            "SLUICE_FFMPEG": self.ffmpeg,
            "SLUICE_FFPROBE": self.ffprobe,
        }
        role = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        return {**given, **image, **role}


class TaskProcess:
    """Running from its creation. `exit_code` is None until it has ended, 128 + n after signal n."""

    def __init__(
        self, task: str, program: Sequence[str], environment: Mapping[str, str], machine: Machine
    ) -> None:
        self.log = machine.logs / f"{task}.log"
        self.exit_code: int | None = None
        self._task = task
        self._machine = machine
        self._scratch = machine.scratch / task
        self._scratch.mkdir(parents=True)
        machine.logs.mkdir(parents=True, exist_ok=True)
        self.log.touch()
        self._ended = threading.Event()
        self._over = threading.Event()
        self._peak_memory_kib = 0
        self._written = threading.Condition()
        self._started = time.monotonic()
        process = subprocess.Popen(
            [machine.python if program[0] == "python" else program[0], *program[1:]],
            cwd=self._scratch,
            env=machine.environment(environment, self._scratch),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert process.stdout is not None
        self.pid = process.pid
        machine.on_start(self.pid)
        self._reader = threading.Thread(target=self._keep, args=(process.stdout,), daemon=True)
        self._reader.start()
        threading.Thread(target=self._reap, args=(process,), daemon=True).start()
        threading.Thread(target=self._watch_memory, daemon=True).start()

    def signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):  # macOS answers EPERM for a group of zombies
            return

    def wait(self, timeout: float | None = None) -> bool:
        """Whether it has ended, its log complete and its scratch directory gone."""
        return self._over.wait(timeout)

    def lines(self, follow: bool) -> Iterator[bytes]:
        """The lines of the log so far, and with `follow` those to come until the task's end."""
        with self.log.open("rb") as log:
            partial = b""
            while True:
                over = self._over.is_set()
                for chunk in log:
                    partial += chunk
                    if partial.endswith(b"\n"):
                        yield partial
                        partial = b""
                if over or not follow:
                    break
                with self._written:
                    self._written.wait(timeout=0.5)
        if partial:
            yield partial

    def _keep(self, pipe: IO[bytes]) -> None:
        """Copy what the task says to its log. Through a pipe, and not a file of its own, so that
        the disk blocks counted for the task are those it wrote itself."""
        with pipe, self.log.open("ab", buffering=0) as log:
            for line in pipe:
                log.write(line)
                with self._written:
                    self._written.notify_all()

    def _reap(self, process: subprocess.Popen[bytes]) -> None:
        _, status, usage = os.wait4(process.pid, 0)
        self._ended.set()
        process.returncode = code = os.waitstatus_to_exitcode(status)
        self.signal(signal.SIGKILL)  # a container's processes end with its first one
        self._machine.on_end(self.pid)
        self._reader.join(_OUTPUT_SECONDS)
        self.exit_code = 128 - code if code < 0 else code
        self._record(usage.ru_oublock * _BLOCK_BYTES)
        self._over.set()
        with self._written:
            self._written.notify_all()

    def _watch_memory(self) -> None:
        while not self._ended.wait(_LOOK_SECONDS):
            self._peak_memory_kib = max(self._peak_memory_kib, peak_kib(self.pid))

    def _record(self, written_bytes: int) -> None:
        """The log's last line: what the task left in scratch, wrote to disk, and held in memory
        (0 if it was too short to be looked at)."""
        left = sum(each.stat().st_size for each in self._scratch.rglob("*") if each.is_file())
        shutil.rmtree(self._scratch, ignore_errors=True)
        facts = {
            "task": self._task,
            "exitCode": self.exit_code,
            "seconds": round(time.monotonic() - self._started, 3),
            "scratchBytes": left,
            "writtenBytes": written_bytes,
            "peakMemoryKiB": self._peak_memory_kib,
        }
        with self.log.open("a") as log:
            log.write(json.dumps(facts) + "\n")
