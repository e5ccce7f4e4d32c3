"""One run of ffmpeg: it yields what ffmpeg reports and ends in facts, or in an error.

The child is dead when the iteration ends, however it ends: read to the end, left early, or broken
off by an error of the gate or the sink.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from itertools import pairwise

from conversion.errors import (
    CorruptInput,
    EncoderRefused,
    InputOutOfRange,
    Interrupted,
    OutputBroken,
    OutputTooLarge,
    SluiceError,
)
from tasks.converter.child import KILLED, TOLD_TO_END, Child, Limits, lines_of, text_of
from tasks.converter.reports import Log, Report, Reports, without_addresses
from tasks.converter.watch import Watch

log = logging.getLogger(__name__)

_SIGXCPU, _SIGXFSZ = -24, -25
# Said after SIGTERM, SIGINT and the like, for which it ends the output as if the input were over
# (fftools/ffmpeg.c); before its own handlers are there, the signal simply ends it.
_TOLD_TO_STOP = "[info] Exiting normally, received signal"
# What ffmpeg 5.1 to 9 say when the encoder or the muxer does not take what it is given.
_REFUSALS = (
    "Error initializing output stream",
    "Error while opening encoder",
    "Could not write header",
    "Could not open encoder before EOF",
    "Error opening output file",
)


class RoomTooSmall(SluiceError):
    """The `moov` did not fit where it was to go: write it last instead."""


class Ffmpeg:
    """`for report in Ffmpeg(command, limits).reports(watch): …`, then read `log` and `last`.

    `hear` gets every line of its log as well; `fds` are open in it besides the usual three.
    """

    def __init__(
        self,
        command: list[str],
        limits: Limits,
        hear: Callable[[str], None] | None = None,
        fds: tuple[int, ...] = (),
    ) -> None:
        self._command = command
        self._limits = limits
        self._also_hear = hear
        self._fds = fds
        self._was_told_to_stop = False
        self.log = Log()
        self.last = Report()

    def reports(self, watch: Watch) -> Iterator[Report]:
        """Raises whatever `watch` does, and the coded reason when ffmpeg fails."""
        began = time.monotonic()
        parser = Reports()
        with Child(self._command, self._limits, self._hear, lines_of, self._fds) as child:
            log.info(
                "ffmpeg started",
                extra={"pid": child.pid, "command": _loggable(self._command)},
            )
            for line in child.ticks():
                watch.check()
                if line is not None and (report := parser.hear(text_of(line))) is not None:
                    self.last = report
                    yield report
            exit_code = child.exit_code()
        watch.check()
        log.info(
            "ffmpeg ended",
            extra={
                "exitCode": exit_code,
                "seconds": round(time.monotonic() - began, 3),
                "cpuSeconds": round(child.cpu_seconds, 3),
                "peakBytes": child.peak_bytes,
                "decodeErrors": self.log.decode_errors,
                "stderr": [without_addresses(line) for line in self.log.errors],
            },
        )
        self._judge(exit_code)

    @property
    def state(self) -> object:
        """Changes while ffmpeg gets on, for the watch."""
        return (self.last.seconds, self.last.bytes_out)

    def _hear(self, line: str) -> None:
        self.log.hear(line)
        self._was_told_to_stop |= line.startswith(_TOLD_TO_STOP)
        if self._also_hear is not None:
            self._also_hear(line)

    def _judge(self, exit_code: int) -> None:
        """What an end means. Exit code 0 alone means nothing: see verify.py for the rest."""
        said = without_addresses(self.log.last_error)
        if self.log.moov_shortfall is not None and "-moov_size" in self._command:
            raise RoomTooSmall(f"moov needs {self.log.moov_shortfall} bytes more than reserved.")
        if exit_code == _SIGXFSZ or self.log.disk_is_full:
            raise OutputTooLarge("The output does not fit on the task's disk; ask for less of it.")
        if self._was_told_to_stop or exit_code in TOLD_TO_END:
            raise Interrupted("ffmpeg was told to stop by a signal that was not ours.")
        if exit_code == KILLED:
            raise Interrupted("ffmpeg was killed from outside, most likely for want of memory.")
        if exit_code == _SIGXCPU:
            raise CorruptInput("This input keeps ffmpeg busy for ever; it was stopped.")
        if exit_code < 0:
            raise CorruptInput(f"ffmpeg crashed on this input (signal {-exit_code}; {said}).")
        if exit_code > 0 and self.log.lacked_memory:
            raise InputOutOfRange(
                f"This input needs more memory than the {self._limits.data_bytes >> 20} MiB it may "
                "have; convert it to WAV or FLAC elsewhere and upload that."
            )
        if exit_code > 0 and any(self.log.has(words) for words in _REFUSALS):
            raise EncoderRefused(f"This audio cannot be put into the format asked for: {said}")
        if exit_code > 0:
            raise CorruptInput(f"ffmpeg could not convert this input: {said}")
        if self.log.trailer_failed:
            raise OutputBroken(f"The end of the output could not be written: {said}")


def _loggable(command: list[str]) -> str:
    """Without the addresses, which hold tokens, and without the texts of tags, a person's words."""
    words = [
        text.partition("=")[0] if option == "-metadata" else text
        for option, text in pairwise(["", *command])
    ]
    return without_addresses(" ".join(words))
