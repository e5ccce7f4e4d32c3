"""One run of ffmpeg over the source: watched, reported, and judged by what it decoded.

A conversion is one such pass, or two where something has to be measured before it. Both read
through the same gate and are verified alike, so that a source which turns out to be cut is refused
by the first.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from math import ceil

from conversion.errors import CorruptInput, EncoderRefused
from conversion.job import Job
from conversion.progress import Stage
from tasks.converter import verify
from tasks.converter.child import Limits, memory_for
from tasks.converter.command import measure_command
from tasks.converter.containers.endings import missing
from tasks.converter.encode import output_seconds
from tasks.converter.ffmpeg import Ffmpeg
from tasks.converter.gate import SourceGate
from tasks.converter.pace import Pace
from tasks.converter.reporter import Reporter
from tasks.converter.reports import Report
from tasks.converter.sound import Sound, check_duration
from tasks.converter.surroundings import Surroundings
from tasks.converter.trim import Part, Span, check_start, check_steady, is_doubtful, part_of
from tasks.converter.watch import End, Watch

log = logging.getLogger(__name__)

# ffmpeg converts audio faster than it plays, or something is wrong; short inputs get this much.
_LEAST_CPU_SECONDS = 600
# The flow ends a task after 6 hours (`TimeoutSeconds` of Convert in the state machine). Ten minutes
# less for all passes together, so that an input that keeps ffmpeg busy is stopped here, and named
# as the reason.
_MOST_SECONDS = 6 * 3600 - 600


class Passes:
    """What all passes of one job share. `run` raises the coded reason why one failed."""

    def __init__(
        self, job: Job, sound: Sound, gate: SourceGate, around: Surroundings, reporter: Reporter
    ) -> None:
        self.sound = sound
        self.gate = gate
        self.span = Span.of(sound, job.conversion)
        self._around = around
        self._reporter = reporter
        # Asked now, while what the probe read of the source is still in memory.
        self._gone = missing(sound.demuxer, gate)
        self._is_vouched_for = False
        self._stage = Stage.CONVERTING
        self._began = time.monotonic()
        self.pace = Pace(job.attempt, output_seconds(sound, job.conversion), job.source.bytes)

    def run(
        self,
        command: list[str],
        ends: list[End],
        made: Callable[[], int],
        hear: Callable[[str], None] | None = None,
        fds: tuple[int, ...] = (),
        file_bytes: int = 0,
        stage: Stage = Stage.CONVERTING,
    ) -> Part:
        """`made` tells how much output there is, or 0 where only ffmpeg knows."""
        self._stage = stage
        self._reporter.stage(stage)
        ffmpeg = Ffmpeg(command, self._limits(file_bytes), hear, fds)
        watch = self.watch(
            [self.gate, *ends], lambda: (ffmpeg.state, self.gate.bytes_served, made())
        )
        with self._around.trace.step(stage.value):
            decoded = self._decoded(ffmpeg, watch, made)
        if "-af" in command:
            check_steady(ffmpeg.log)
        if is_doubtful(self.span, self.sound, ffmpeg.log, decoded) and not self._is_vouched_for:
            self._vouch()
        return part_of(self.span, self.sound, ffmpeg.log, decoded, self._gone, self.gate.size)

    def _decoded(self, ffmpeg: Ffmpeg, watch: Watch, made: Callable[[], int] | None) -> float:
        """Let it run to its end; returns the seconds decoded."""
        try:
            for report in ffmpeg.reports(watch):
                check_duration(report.seconds or 0.0, self._around.settings.max_duration_seconds)
                if made is not None:
                    self.pace.hear_of(ffmpeg.log.input_seconds)
                    self._report(report, made() or report.bytes_out or 0)
            return verify.decoded_seconds(self.sound, ffmpeg.log, ffmpeg.last.seconds)
        except (CorruptInput, EncoderRefused) as error:
            check_start(self.span, self.sound, ffmpeg.log)
            if isinstance(error, CorruptInput):
                verify.check_ending(self._gone, self.gate.size)
            raise

    def _vouch(self) -> None:
        """Decode the whole source once, for nothing but its verification."""
        log.info("decoding the whole source, since the part of it may have a hole")
        program = self._around.settings.ffmpeg
        ffmpeg = Ffmpeg(measure_command(program, self.sound, self.gate.url, ""), self._limits(0))
        watch = self.watch([self.gate], lambda: (ffmpeg.state, self.gate.bytes_served))
        decoded = self._decoded(ffmpeg, watch, None)
        verify.check_whole(self.sound, ffmpeg.log, decoded, self._gone, self.gate.size)
        self._is_vouched_for = True

    def _report(self, report: Report, bytes_out: int) -> None:
        progress = self.pace.progress(report, self.gate.bytes_reached, bytes_out)
        self._reporter.report(replace(progress, stage=self._stage))

    def watch(self, ends: list[End], moved: Callable[[], object]) -> Watch:
        stalled = self._around.stall_seconds
        left = _MOST_SECONDS - (time.monotonic() - self._began)
        return Watch(self._around.stop, ends, moved, stalled, left)

    def _limits(self, file_bytes: int) -> Limits:
        lasts = None if self.sound.duration_is_guess else self.sound.duration_seconds
        cpu = max(_LEAST_CPU_SECONDS, ceil(lasts or self._around.settings.max_duration_seconds))
        return Limits(min(cpu, _MOST_SECONDS), file_bytes, memory_for(self.gate.size))
