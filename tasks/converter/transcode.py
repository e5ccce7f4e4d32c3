"""From a probed source to a checked object: streamed where possible, by way of a file where not."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from conversion.errors import (
    CorruptInput,
    OutputBroken,
    OutputTooLarge,
    PatchOutOfReach,
    PermanentError,
    SourceMissing,
)
from conversion.job import Job, Mode
from conversion.progress import Stage
from conversion.stores.objects import Head
from tasks.converter import verify
from tasks.converter.child import Limits
from tasks.converter.command import convert_command, moov_room, projected_bytes, to_file, to_sink
from tasks.converter.endings import missing
from tasks.converter.fallback import copy_into, scratch_file
from tasks.converter.ffmpeg import Ffmpeg, RoomTooSmall
from tasks.converter.gate import SourceGate
from tasks.converter.pace import Pace
from tasks.converter.probe import probe
from tasks.converter.reporter import Reporter
from tasks.converter.sink import ObjectSink
from tasks.converter.sound import Sound, check_duration
from tasks.converter.surroundings import Surroundings
from tasks.converter.upload import MultipartUpload
from tasks.converter.watch import End, Watch
from tasks.converter.writer import ObjectWriter

log = logging.getLogger(__name__)

_TICK_SECONDS = 0.1
# ffmpeg converts audio faster than it plays, or something is wrong; short inputs get this much.
_LEAST_CPU_SECONDS = 600
# The flow ends a task after 6 hours (`TimeoutSeconds` of Convert in the state machine). Ten minutes
# less, so that an ffmpeg that spins on one core is stopped here, with the input as the reason.
_MOST_CPU_SECONDS = 6 * 3600 - 600
# What follows the reserved room in the head: the `mdat` header.
_MDAT_HEADER_BYTES = 64


@dataclass(frozen=True)
class Made:
    """The object as it stands, checked."""

    bytes: int
    seconds: float
    mode: Mode


class Transcode:
    """One job's passage through ffmpeg. Nothing stays in the bucket when `made` raises."""

    def __init__(
        self, job: Job, sound: Sound, gate: SourceGate, around: Surroundings, reporter: Reporter
    ) -> None:
        self._job = job
        self._sound = sound
        self._gate = gate
        self._around = around
        self._reporter = reporter
        self._key = job.output_key(job.attempt)
        self._objects = around.objects(around.settings.bucket)
        # Asked now, while what the probe read of the source is still in memory.
        self._gone = missing(sound.demuxer, gate)
        self._pace = Pace(job.attempt, sound.duration_seconds, job.source.bytes)

    def made(self) -> Made:
        """Stream; go by a file when the muxer patches what has left. Raises the coded reason."""
        likely = projected_bytes(self._sound, self._job.conversion)
        if likely > self._around.settings.max_output_bytes:
            raise OutputTooLarge(
                f"The output would have about {likely} bytes, more than the limit of "
                f"{self._around.settings.max_output_bytes}; choose a smaller format."
            )
        try:
            return self._with_room(self._stream)
        except PatchOutOfReach as error:
            log.warning("going by way of a file", extra={"reason": error.message})
            return self._with_room(self._by_file)

    def _with_room(self, way: Callable[[int], Made]) -> Made:
        """First with room for `moov` in the held head, then with `moov` last."""
        room = moov_room(self._sound, self._job.conversion.target)
        if room + _MDAT_HEADER_BYTES > self._around.first_part_bytes:
            room = 0
        try:
            return way(room)
        except RoomTooSmall as error:
            log.warning("moov goes last", extra={"reason": error.message})
            return way(0)

    def _stream(self, room: int) -> Made:
        with self._writer() as writer, ObjectSink(writer) as sink:
            command = [*self._command(room), *to_sink(sink.url)]
            decoded = self._convert(command, 0, writer, [self._gate, sink])
            watch = self._watch([self._gate, sink], lambda: writer.size)
            while not sink.has_drained(_TICK_SECONDS):
                watch.check()
            return self._publish(writer, decoded, Mode.STREAM)

    def _by_file(self, room: int) -> Made:
        likely = projected_bytes(self._sound, self._job.conversion)
        with self._writer() as writer, scratch_file(likely) as path:
            command = [*self._command(room), *to_file(str(path))]
            most = self._around.settings.max_output_bytes
            decoded = self._convert(command, most, writer, [self._gate])
            copy_into(writer, path)
            return self._publish(writer, decoded, Mode.FILE)

    def _writer(self) -> ObjectWriter:
        media_type = self._job.conversion.target.media_type
        upload = MultipartUpload(self._objects, self._key, media_type, self._around.stop)
        settings = self._around.settings
        return ObjectWriter(upload, settings.max_output_bytes, self._around.first_part_bytes)

    def _command(self, room: int) -> list[str]:
        ffmpeg = self._around.settings.ffmpeg
        return convert_command(ffmpeg, self._sound, self._job.conversion, self._gate.url, room)

    def _convert(
        self, command: list[str], file_bytes: int, writer: ObjectWriter, ends: list[End]
    ) -> float:
        """Run ffmpeg and report; returns the seconds decoded, once the input proved whole."""
        most_seconds = self._around.settings.max_duration_seconds
        limits = Limits(_cpu_seconds(most_seconds), file_bytes)
        ffmpeg = Ffmpeg(command, limits)
        watch = self._watch(ends, lambda: (ffmpeg.state, self._gate.bytes_served, writer.size))
        try:
            for report in ffmpeg.reports(watch):
                check_duration(report.seconds or 0.0, most_seconds)
                made = writer.size or report.bytes_out or 0
                self._reporter.report(self._pace.progress(report, self._gate.bytes_reached, made))
            decoded = verify.decoded_seconds(self._sound, ffmpeg.log, ffmpeg.last.seconds)
        except CorruptInput:
            verify.check_ending(self._gone, self._gate.size)
            raise
        verify.check_whole(self._sound, ffmpeg.log, decoded, self._gone, self._gate.size)
        return decoded

    def _watch(self, ends: list[End], moved: Callable[[], object]) -> Watch:
        return Watch(self._around.stop, ends, moved, self._around.stall_seconds)

    def _publish(self, writer: ObjectWriter, decoded: float, mode: Mode) -> Made:
        """Make the object visible and read it back from S3, as its first listener would."""
        self._reporter.stage(Stage.FINALIZING)
        writer.finish()
        found = self._found(writer.size)
        with SourceGate(self._objects, self._key, found.etag, found.bytes) as gate:
            verify.check_output(self._probe_output(gate, decoded), decoded)
        log.info(
            "verified",
            extra={
                "bytesFetched": self._gate.bytes_fetched,
                "bytesReached": self._gate.bytes_reached,
                "decodedSeconds": round(decoded, 3),
            },
        )
        return Made(found.bytes, decoded, mode)

    def _found(self, size: int) -> Head:
        try:
            found = self._objects.head(self._key)
        except SourceMissing as error:
            raise OutputBroken("The output was gone after its upload.") from error
        if found.bytes != size:
            raise OutputBroken(f"S3 holds {found.bytes} bytes of an output of {size}.")
        return found

    def _probe_output(self, gate: SourceGate, decoded: float) -> Sound:
        """Its own errors would blame the input; here they mean that our output is no good."""
        try:
            return probe(self._around.settings.ffprobe, gate, self._around.stop)
        except PermanentError as error:
            if gate.error is not None:
                raise
            raise OutputBroken(
                f"What ffmpeg wrote of {decoded:.4f} s of audio cannot be read back ({error.code}) "
                "and was thrown away. Less than a frame is too short for some formats; otherwise "
                "convert again."
            ) from error


def _cpu_seconds(most_audio_seconds: int) -> int:
    return min(_MOST_CPU_SECONDS, max(_LEAST_CPU_SECONDS, most_audio_seconds))
