"""What one file is doing right now: the one shape that every display shows."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from rich.filesize import decimal

from client.answers import Progress

# As the API writes them: UTC, to the millisecond.
_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z", re.ASCII)


@dataclass(frozen=True)
class Moment:
    """`pace` is ready to read: bytes a second for a transfer, × real time for a conversion."""

    stage: str
    percent: float = 0.0
    pace: str = ""
    eta_seconds: float | None = None

    @property
    def eta(self) -> str:
        return "" if self.eta_seconds is None else f"{clock(self.eta_seconds)} left"

    def __str__(self) -> str:
        stage = f"{self.stage} {self.percent:.0f} %" if self.percent else self.stage
        return ", ".join(each for each in (stage, self.pace, self.eta) if each)

    @classmethod
    def of(cls, progress: Progress) -> Moment:
        pace = "" if progress.speed is None else f"{progress.speed:.1f}x"
        return cls(progress.stage, progress.percent, pace, progress.eta_seconds)


class Meter:
    """Turns "so many bytes done" into moments of one transfer. `before` were done by an earlier
    run; a part that is tried again takes nothing back of what was shown."""

    def __init__(self, stage: str, total: int, before: int = 0) -> None:
        self._stage = stage
        self._total = total
        self._before = before
        self._most = before
        self._began = time.monotonic()

    def at(self, done: int) -> Moment:
        self._most = done = max(done, self._most)
        if not done:
            return Moment(self._stage)
        percent = 100 * done / self._total
        if done == self._before:
            return Moment(self._stage, percent)
        rate = (done - self._before) / max(time.monotonic() - self._began, 1e-6)
        return Moment(self._stage, percent, f"{decimal(int(rate))}/s", (self._total - done) / rate)


def clock(seconds: float) -> str:
    """3:02, or 1:03:02 from an hour on."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def utc(timestamp: str) -> str:
    """2026-03-01 12:34:56Z, out of an API's time; what is none of these stays as it is."""
    match = _TIMESTAMP.fullmatch(timestamp)
    return f"{match[1]} {match[2]}Z" if match else timestamp
