"""How far a conversion is and how long it will take, from what ffmpeg and the gate report."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from conversion.progress import MOST_BEFORE_VERIFICATION, Progress, Stage
from tasks.converter.reports import Report


@dataclass
class Pace:
    """`duration_seconds` is that of the output; None: percent is then the share of the source's
    bytes handed out. A pass takes its share of the whole, so that percent rises once over all."""

    attempt: int
    duration_seconds: float | None
    source_bytes: int
    _start: float = 0.0
    _end: float = 1.0
    _began: float = field(default_factory=time.monotonic)
    # Where the work stood at `_began`, and the most seconds that were ever shown.
    _began_at: float = 0.0
    _furthest: float = 0.0

    def takes(self, start: float, end: float, duration_seconds: float | None) -> None:
        """From here on the work under way is this much of the whole: 0 to 1."""
        self._start, self._end, self.duration_seconds = start, end, duration_seconds

    def again(self) -> None:
        """The work under way begins anew. What is shown does not fall: the percent waits (Reporter
        holds it), the seconds wait, and what is left is judged by this run alone."""
        self._began, self._began_at = time.monotonic(), self._start

    def hear_of(self, input_seconds: float | None) -> None:
        """How long ffmpeg itself says that the input is: a film's sound may be shorter, and a part
        of it is; it is better than bytes all the same where nothing else is known."""
        self.duration_seconds = self.duration_seconds or input_seconds

    def progress(self, report: Report, bytes_in: int, bytes_out: int) -> Progress:
        done = self._start + (self._end - self._start) * self._share(report, bytes_in)
        return Progress(
            attempt=self.attempt,
            stage=Stage.CONVERTING,
            percent=round(min(100 * done, MOST_BEFORE_VERIFICATION), 2),
            speed=report.speed,
            eta_seconds=self._eta(done),
            seconds_done=self._seconds(report, done),
            duration_seconds=self.duration_seconds,
            bytes_in=bytes_in,
            bytes_out=bytes_out,
        )

    def _share(self, report: Report, bytes_in: int) -> float:
        if self.duration_seconds:
            return min(1.0, (report.seconds or 0.0) / self.duration_seconds)
        return min(1.0, bytes_in / self.source_bytes)

    def _seconds(self, report: Report, done: float) -> float | None:
        """Of the output; over more than one pass, what the percent stands for, or it would fall."""
        seconds = report.seconds
        if self._end - self._start != 1:
            seconds = round(done * self.duration_seconds, 3) if self.duration_seconds else None
        if seconds is None:
            return None
        self._furthest = max(self._furthest, seconds)
        return self._furthest

    def _eta(self, done: float) -> float | None:
        """By the time taken so far; None while there is too little to tell by."""
        since = done - self._began_at
        if since < 0.01:
            return None
        elapsed = time.monotonic() - self._began
        return round(elapsed * (1 - done) / since, 1)
