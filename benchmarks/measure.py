"""One command, run to its end: wall, CPU, memory of it and of the ffmpeg it starts, disk writes.

All from the kernel (proc(5)), so Linux alone. Memory is VmHWM, the kernel's own peak of what was
resident: a peak cannot fall between two looks, only one after the last look at a process is missed.
CPU and bytes written are read when a process has ended and is not reaped yet: they are whole.
"""

from __future__ import annotations

import os
import re
import select
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

# How often to look: often while an ffmpeg may live for a tenth of a second only, then seldom.
_TICK_SECONDS, _LATER_TICK_SECONDS = 0.02, 0.1
_EARLY_SECONDS = 5.0
_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
_ENCODERS = ("ffmpeg", "ffprobe")


@dataclass
class Usage:
    """Seconds, and bytes. `python` is whatever is not ffmpeg or ffprobe: 0 for a plain ffmpeg."""

    exit_code: int
    wall: float
    cpu: float
    cpu_python: float
    memory_python: int
    memory_ffmpeg: int
    disk_written: int
    command: list[str]  # of ffmpeg, as the kernel shows it
    said: str  # its end

    @property
    def memory(self) -> int:
        """Both peaks, as if they fell on the same moment: never less than the truth."""
        return self.memory_python + self.memory_ffmpeg


def measure(command: list[str], environ: dict[str, str]) -> Usage:
    """Run the command. What it says is kept in memory: on disk it would count as its writes."""
    with os.fdopen(os.memfd_create("said"), "w+b") as out:
        began = time.monotonic()
        process = subprocess.Popen(
            command, env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
        tree = _Tree(process.pid)
        ended = os.pidfd_open(process.pid)
        tree.look()
        while not select.select([ended], [], [], _tick(time.monotonic() - began))[0]:
            tree.look()
        wall = time.monotonic() - began
        out.seek(0)
        said = out.read().decode(errors="replace")
    os.close(ended)
    own = _cpu_seconds(process.pid)
    disk = _disk_written(process.pid)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    total = used.ru_utime + used.ru_stime
    is_ffmpeg = tree.names.get(process.pid) == "ffmpeg"
    return Usage(
        exit_code=process.returncode,
        wall=wall,
        cpu=total,
        cpu_python=0.0 if is_ffmpeg else own,
        memory_python=tree.peak(is_encoder=False),
        memory_ffmpeg=tree.peak(is_encoder=True),
        disk_written=disk,
        command=tree.command,
        said=said[-2000:],
    )


def _tick(elapsed: float) -> float:
    return _TICK_SECONDS if elapsed < _EARLY_SECONDS else _LATER_TICK_SECONDS


class _Tree:
    """A process and its children; what is measured here has no grandchildren."""

    def __init__(self, root: int) -> None:
        self._root = root
        self.names: dict[int, str] = {}
        self._strangers: set[int] = set()
        self._peaks: dict[int, int] = {}
        self.command: list[str] = []

    def look(self) -> None:
        """What is known to be somebody else's is not looked at again: looking costs CPU too."""
        pids = {int(path.name) for path in Path("/proc").glob("[0-9]*")}
        for pid in pids - self._strangers:
            if pid == self._root or _parent(pid) == self._root:
                self._look_at(pid)
            else:
                self._strangers.add(pid)

    def peak(self, is_encoder: bool) -> int:
        """The greatest of one kind: ffprobe and ffmpeg run one after the other."""
        return max(
            (
                peak
                for pid, peak in self._peaks.items()
                if (self.names[pid] in _ENCODERS) is is_encoder
            ),
            default=0,
        )

    def _look_at(self, pid: int) -> None:
        try:
            status = Path(f"/proc/{pid}/status").read_text()
            peak = re.search(r"VmHWM:\s+(\d+) kB", status)
            name = re.search(r"Name:\s+(\S+)", status)
            if peak and name:
                self._peaks[pid] = int(peak[1]) * 1024
                self.names[pid] = name[1]
            if name and name[1] == "ffmpeg":
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1]
                self.command = [word.decode() for word in words] or self.command
        except (FileNotFoundError, ProcessLookupError):
            return  # it ended while it was looked at


def _parent(pid: int) -> int:
    try:
        return int(_statistics(pid)[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _cpu_seconds(pid: int) -> float:
    """Its own, without its children's."""
    fields = _statistics(pid)
    return (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS


def _statistics(pid: int) -> list[str]:
    """/proc/PID/stat from the third field on: the second, a name, may hold anything."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _disk_written(pid: int) -> int:
    """What it and its reaped children caused to be written to a disk (tmpfs does not count)."""
    found = re.search(r"^write_bytes: (\d+)", Path(f"/proc/{pid}/io").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])
