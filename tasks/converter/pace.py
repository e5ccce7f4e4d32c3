"""How far a conversion is and how long it will take, from what ffmpeg and the gate report."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from conversion.progress import MOST_BEFORE_VERIFICATION, Progress, Stage
from tasks.converter.reports import Report


@dataclass
class Pace:
    """`duration_seconds` None: percent is then the share of the source's bytes handed out."""

    attempt: int
    duration_seconds: float | None
    source_bytes: int
    _began: float = field(default_factory=time.monotonic)

    def progress(self, report: Report, bytes_in: int, bytes_out: int) -> Progress:
        done = self._share(report, bytes_in)
        return Progress(
            attempt=self.attempt,
            stage=Stage.CONVERTING,
            percent=round(min(100 * done, MOST_BEFORE_VERIFICATION), 2),
            speed=report.speed,
            eta_seconds=self._eta(done),
            seconds_done=report.seconds,
            duration_seconds=self.duration_seconds,
            bytes_in=bytes_in,
            bytes_out=bytes_out,
        )

    def _share(self, report: Report, bytes_in: int) -> float:
        if self.duration_seconds:
            return min(1.0, (report.seconds or 0.0) / self.duration_seconds)
        return min(1.0, bytes_in / self.source_bytes)

    def _eta(self, done: float) -> float | None:
        """By the time taken so far; None while there is too little to tell by."""
        if done < 0.01:
            return None
        elapsed = time.monotonic() - self._began
        return round(elapsed * (1 - done) / done, 1)
