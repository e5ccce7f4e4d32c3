"""What one file is doing right now: the one shape that every display shows."""

from __future__ import annotations

import time
from dataclasses import dataclass

from rich.filesize import decimal

from client.answers import Progress


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
    """Turns "so many bytes done" into moments of one transfer."""

    def __init__(self, stage: str, total: int) -> None:
        self._stage = stage
        self._total = total
        self._began = time.monotonic()

    def at(self, done: int) -> Moment:
        if not done:
            return Moment(self._stage)
        rate = done / max(time.monotonic() - self._began, 1e-6)
        left = (self._total - done) / rate
        return Moment(self._stage, 100 * done / self._total, f"{decimal(int(rate))}/s", left)


def clock(seconds: float) -> str:
    """3:02, or 1:03:02 from an hour on."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
