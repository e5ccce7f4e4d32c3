"""The converter tasks of this machine, as the kernel lists them: found, timed, and struck.

The clock is the processor time that a task and its children have used. Seconds would put a blow
somewhere else on a machine that is busy; by this clock a tenth of a conversion is a tenth of it.
"""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

AVAILABLE = Path("/proc/self/task").exists() and hasattr(signal, "pidfd_send_signal")
REASON = "finds and times processes in /proc: Linux only"

_TICKS = os.sysconf("SC_CLK_TCK")
_LOOK_SECONDS = 0.01
# A process has its parent's command line until it executes its own.
_LOOKS_AT_A_NEW_ONE = 5


@dataclass
class Task:
    """One converter process. Held by a pidfd, so that a blow never meets another process."""

    job_id: str
    pid: int
    handle: int
    seconds: float = 0.0

    def strike(self, number: signal.Signals) -> bool:
        """Whether it was still there to be struck."""
        if self.is_gone:
            return False
        signal.pidfd_send_signal(self.handle, number)
        return True

    @property
    def is_gone(self) -> bool:
        """Also when nobody has reaped it yet (pidfd_open(2))."""
        return bool(select.select([self.handle], [], [], 0)[0])

    def wait(self, seconds: float) -> bool:
        return bool(select.select([self.handle], [], [], seconds)[0])

    def used(self) -> float:
        """Processor time of the task and all that it has started, so far."""
        self.seconds = max(self.seconds, sum(map(_ticks, _family(self.pid))) / _TICKS)
        return self.seconds

    def reaches(self, seconds: float) -> bool:
        """Wait until so much processor time is used; False when it is gone before."""
        while not self.is_gone:
            if self.used() >= seconds:
                return True
            time.sleep(_LOOK_SECONDS)
        return False


@dataclass
class Watch:
    """`with Watch() as watch:` notes every converter that starts meanwhile."""

    _found: list[Task] = field(default_factory=list[Task])
    _news: threading.Condition = field(default_factory=threading.Condition)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        for task in self._found:
            os.close(task.handle)

    def tasks(self, job_id: str) -> list[Task]:
        """The job's, in the order of their start."""
        return [each for each in self._found if each.job_id == job_id]

    def task(self, job_id: str, seconds: float) -> Task:
        """The job's first; AssertionError when none starts in time."""
        with self._news:
            assert self._news.wait_for(lambda: self.tasks(job_id), seconds), (
                f"no converter was started for job {job_id}"
            )
        return self.tasks(job_id)[0]

    def _look(self) -> None:
        known: dict[int, int] = {}
        while not self._over.wait(_LOOK_SECONDS):
            listed = {int(name) for name in os.listdir("/proc") if name.isdecimal()}  # noqa: PTH208
            known = {pid: looks for pid, looks in known.items() if pid in listed}
            for pid in listed:
                known[pid] = known.get(pid, 0) + 1
                if known[pid] <= _LOOKS_AT_A_NEW_ONE and (task := _converter(pid)):
                    known[pid] = _LOOKS_AT_A_NEW_ONE
                    with self._news:
                        self._found.append(task)
                        self._news.notify_all()


def _converter(pid: int) -> Task | None:
    """The task, where the process is `… -m tasks.converter JOB_ID …`."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        if "tasks.converter" not in words:
            return None
        return Task(words[words.index("tasks.converter") + 1], pid, os.pidfd_open(pid))
    except OSError:  # it has ended meanwhile
        return None


def _family(pid: int) -> list[int]:
    found = [pid]
    for child in _children(pid):
        found += _family(child)
    return found


def _children(pid: int) -> list[int]:
    """None of a process that ends while it is looked at."""
    try:
        each = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return []
    return [int(child) for listed in each for child in listed.split()]


def _ticks(pid: int) -> int:
    """Its own and those of its children that are over (proc_pid_stat(5), 14 to 17)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(map(int, fields[11:15]))
