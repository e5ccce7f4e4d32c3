"""From a probed source to a checked object: streamed where possible, by way of a file where not.

plan (measure, if need be) → ffmpeg between gate and sink → the object, read back → its waveform
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

from conversion.errors import PatchOutOfReach
from conversion.job import Job
from conversion.outcome import JobWarning, LoudnessChange, Mode, WaveformKeys
from conversion.progress import Stage
from tasks.converter import loudness
from tasks.converter.command import convert_command, to_file, to_sink
from tasks.converter.concessions import concessions
from tasks.converter.encode import (
    check_size,
    goes_back_behind,
    moov_room,
    projected_bytes,
    sure_seconds,
)
from tasks.converter.fallback import copy_into, scratch_file
from tasks.converter.ffmpeg import RoomTooSmall
from tasks.converter.filters import Shape, Tap, chain_rate, filter_options
from tasks.converter.gate import SourceGate
from tasks.converter.passes import Passes
from tasks.converter.plan import Plan, plan
from tasks.converter.publish import publish, publish_waveform
from tasks.converter.reporter import Reporter
from tasks.converter.sink import ObjectSink
from tasks.converter.sound import Sound
from tasks.converter.surroundings import Surroundings
from tasks.converter.trim import Part, check_fades
from tasks.converter.upload import MultipartUpload
from tasks.converter.watch import End
from tasks.converter.waveform import Peaks, PeaksPipe, samples_per_pixel
from tasks.converter.writer import ObjectWriter

log = logging.getLogger(__name__)

_TICK_SECONDS = 0.1
# What follows the reserved room in the head: the `mdat` header.
_MDAT_HEADER_BYTES = 64


@dataclass(frozen=True)
class Made:
    """The object as it stands, checked."""

    bytes: int
    seconds: float
    mode: Mode
    warnings: tuple[JobWarning, ...] = ()
    loudness: LoudnessChange | None = None
    waveform: WaveformKeys | None = None


@dataclass(frozen=True)
class _Encoded:
    """What one run of ffmpeg left besides its output."""

    part: Part
    loudness: LoudnessChange | None
    peaks: Peaks | None


class Transcode:
    """One job's passage through ffmpeg. Nothing stays in the bucket when `made` raises."""

    def __init__(
        self, job: Job, sound: Sound, gate: SourceGate, around: Surroundings, reporter: Reporter
    ) -> None:
        self._job = job
        self._asked = job.conversion
        self._sound = sound
        self._gate = gate
        self._around = around
        self._reporter = reporter
        self._key = job.output_key(job.attempt)
        self._objects = around.objects(around.settings.bucket)
        self._passes = Passes(job, sound, gate, around, reporter)
        self._plan = Plan(Shape(self._passes.span))

    def made(self) -> Made:
        """Stream; go by a file when the muxer patches what has left. Raises the coded reason."""
        check_size(self._sound, self._asked, self._around.settings.max_output_bytes)
        lasts = sure_seconds(self._sound, self._asked)
        if lasts is not None:
            check_fades(self._asked, lasts)
        self._plan = plan(self._passes, self._asked, self._around.settings.ffmpeg)
        if goes_back_behind(self._sound, self._asked, self._around.first_part_bytes):
            reason = "The tags and the cover are larger than the first part."
            log.info("going by way of a file", extra={"reason": reason})
            return self._with_room(self._by_file)
        try:
            return self._with_room(self._stream)
        except PatchOutOfReach as error:
            log.warning("going by way of a file", extra={"reason": error.message})
            self._passes.pace.again()
            return self._with_room(self._by_file)

    def _with_room(self, way: Callable[[int], Made]) -> Made:
        """First with room for `moov` in the held head, then with `moov` last."""
        room = moov_room(self._sound, self._asked)
        if room + _MDAT_HEADER_BYTES > self._around.first_part_bytes:
            room = 0
        try:
            return way(room)
        except RoomTooSmall as error:
            log.warning("moov goes last", extra={"reason": error.message})
            self._passes.pace.again()
            return way(0)

    def _stream(self, room: int) -> Made:
        with self._writer() as writer, ObjectSink(writer) as sink:
            encoded = self._encode(room, to_sink(sink.url), writer, [sink])
            watch = self._passes.watch([self._gate, sink], lambda: writer.size)
            while not sink.has_drained(_TICK_SECONDS):
                watch.check()
            return self._publish(writer, encoded, Mode.STREAM)

    def _by_file(self, room: int) -> Made:
        likely = projected_bytes(self._sound, self._asked)
        with self._writer() as writer, scratch_file(likely, self._around.usage) as path:
            encoded = self._encode(room, to_file(str(path)), writer, [], self._most_bytes)
            copy_into(writer, path)
            return self._publish(writer, encoded, Mode.FILE)

    def _writer(self) -> ObjectWriter:
        media_type = self._asked.target.media_type
        upload = MultipartUpload(self._objects, self._key, media_type, self._around.stop)
        return ObjectWriter(upload, self._most_bytes, self._around.first_part_bytes)

    @property
    def _most_bytes(self) -> int:
        """The deployment's limit, or the container's where its header counts to less."""
        most, holds = self._around.settings.max_output_bytes, self._asked.target.holds_bytes
        return most if holds is None else min(most, holds)

    def _encode(
        self, room: int, output: list[str], writer: ObjectWriter, ends: list[End], disk: int = 0
    ) -> _Encoded:
        meter = loudness.Meter()
        with self._tapped() as pipe:
            command = [*self._command(room, pipe), *output]
            fds = (pipe.fd,) if pipe else ()
            part = self._passes.run(
                command, ends, lambda: writer.size, meter.hear, fds, file_bytes=disk
            )
            check_fades(self._asked, part.seconds)
            if pipe:
                pipe.finish()
        return _Encoded(part, self._change(meter), pipe and pipe.peaks)

    @contextmanager
    def _tapped(self) -> Generator[PeaksPipe | None]:
        """A pipe for the peaks, where a waveform is asked for."""
        if self._asked.waveform is None:
            yield None
            return
        rate = chain_rate(self._sound, self._asked, self._plan.shape)
        lasts = sure_seconds(self._sound, self._asked)
        with PeaksPipe(Peaks(rate, samples_per_pixel(self._asked.waveform, rate, lasts))) as pipe:
            yield pipe

    def _command(self, room: int, pipe: PeaksPipe | None) -> list[str]:
        tap = Tap(pipe.fd, pipe.peaks.samples_per_pixel) if pipe else None
        filters = filter_options(self._sound, self._asked, self._plan.shape, tap)
        ffmpeg = self._around.settings.ffmpeg
        return convert_command(ffmpeg, self._sound, self._asked, self._gate.url, room, filters)

    def _change(self, meter: loudness.Meter) -> LoudnessChange | None:
        """What has no loudness was left as it is, and not measured again."""
        before = self._plan.before
        if before is None:
            return None
        return LoudnessChange(before, before if self._plan.shape.gain is None else meter.measured)

    def _publish(self, writer: ObjectWriter, encoded: _Encoded, mode: Mode) -> Made:
        self._reporter.stage(Stage.FINALIZING)
        seconds = encoded.part.seconds
        with self._around.trace.step("publish"):
            size = publish(writer, self._objects, self._key, self._around, encoded.part)
        keys = None
        if encoded.peaks is not None:
            keys = self._job.waveform_keys(self._job.attempt)
            publish_waveform(encoded.peaks, self._objects, keys, self._around)
        warnings = self._warnings(encoded)
        log.info(
            "verified",
            extra={
                "bytesFetched": self._gate.bytes_fetched,
                "bytesReached": self._gate.bytes_reached,
                "decodedSeconds": round(seconds, 3),
                "warnings": [each.code for each in warnings],
            },
        )
        return Made(size, seconds, mode, warnings, encoded.loudness, keys)

    def _warnings(self, encoded: _Encoded) -> tuple[JobWarning, ...]:
        said = [*encoded.part.warnings, *concessions(self._sound, self._asked)]
        if self._asked.loudness is not None and encoded.loudness is not None:
            gain, after = self._plan.shape.gain, encoded.loudness.after
            said += loudness.warnings(self._asked.loudness, gain, after)
        if self._asked.waveform is not None and encoded.peaks is not None:
            said += encoded.peaks.warnings(self._asked.waveform)
        return tuple(said)
