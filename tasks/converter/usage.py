"""What an attempt used of its task, told once, when it ends: time, CPU, memory, disk.

The line is a line of the log, and in CloudWatch's embedded metric format as well ("Embedded metric
format specification", CloudWatch user guide): CloudWatch Logs makes metrics of it, for which the
task needs no permission and makes no call. A task that is killed tells nothing; what ECS says of
its end does (lambdas/follow_tasks/).
"""

from __future__ import annotations

import logging
import resource
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from conversion.errors import Interrupted
from conversion.metrics import DEPLOYMENT, MUCH_MEMORY, NAMESPACE, Metric
from conversion.settings import ConverterSettings
from tasks.converter.child import MAXRSS_UNIT

log = logging.getLogger(__name__)

_STATUS = Path("/proc/self/status")


class Usage:
    """Of this process and its children: a task has one process of ours, and that one attempt."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._disk_bytes = 0
        self._fallbacks = 0

    def on_disk(self, size: int) -> None:
        """A file of this many bytes is there, or was."""
        self._disk_bytes = max(self._disk_bytes, size)

    def redis_unanswered(self) -> None:
        self._fallbacks += 1

    @contextmanager
    def told(self, attempt: int, settings: ConverterSettings) -> Generator[None]:
        """Tell when the block is left, however it is."""
        interrupted = False
        try:
            yield
        except Interrupted:
            interrupted = True
            log.warning("interrupted before the job was done", extra={"attempt": attempt})
            raise
        finally:
            figures = self.figures() | {Metric.ATTEMPTS_INTERRUPTED: int(interrupted)}
            much = MUCH_MEMORY * settings.task_memory * 1024**2
            level = logging.WARNING if self.is_high(figures, much) else logging.INFO
            extra = {"attempt": attempt} | embedded(figures, settings.deployment)
            log.log(level, "attempt ended", extra=extra)

    def figures(self) -> dict[Metric, float]:
        own = resource.getrusage(resource.RUSAGE_SELF)
        others = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime
        figures: dict[Metric, float] = {
            Metric.ATTEMPT_SECONDS: round(time.monotonic() - self._began, 3),
            Metric.ATTEMPT_CPU_SECONDS: round(cpu, 3),
            # What the largest child and we had at most, though it may not have been at once. A
            # child's figure is never below ours of when it was started (see child.py): the sum is
            # too high by some 30 MB where ffmpeg takes less than Python.
            Metric.ATTEMPT_PEAK_MEMORY: _own_peak(own) + others.ru_maxrss * MAXRSS_UNIT,
            Metric.ATTEMPT_DISK_BYTES: self._disk_bytes,
        }
        return figures | ({Metric.REDIS_FALLBACKS: self._fallbacks} if self._fallbacks else {})

    def is_high(self, figures: Mapping[Metric, float], much_memory: float) -> bool:
        return figures[Metric.ATTEMPT_PEAK_MEMORY] > much_memory or self._disk_bytes > 0


def embedded(figures: Mapping[Metric, float], deployment: str) -> dict[str, Any]:
    """The members of a line of JSON that make metrics of it."""
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [[DEPLOYMENT]],
        "Metrics": [{"Name": each.title, "Unit": each.unit.value} for each in figures],
    }
    return {
        "_aws": {"Timestamp": round(time.time() * 1000), "CloudWatchMetrics": [directive]},
        DEPLOYMENT: deployment,
        **{each.title: value for each, value in figures.items()},
    }


def _own_peak(own: resource.struct_rusage) -> int:
    """In bytes. Linux counts for `ru_maxrss` what the process was before its `exec`, too, so that
    it is asked for this program's own (proc_pid_status(5))."""
    if sys.platform == "linux":
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return own.ru_maxrss * MAXRSS_UNIT
