"""What the engine says of an input, without S3: its probe, its gate, its child and its verdict,
with the decoded sound thrown away. Many hundred cuts cost minutes this way and not an hour."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from conversion.conversion import Conversion
from conversion.errors import CorruptInput, SluiceError
from conversion.outcome import JobWarning
from local.ffmpeg import Ffmpeg as Programs
from tasks.converter import verify
from tasks.converter.child import Limits
from tasks.converter.command import convert_command
from tasks.converter.containers.endings import missing
from tasks.converter.ffmpeg import Ffmpeg
from tasks.converter.gate import SourceGate
from tasks.converter.probe import probe
from tasks.converter.sound import Sound
from tasks.converter.watch import Watch


@dataclass(frozen=True)
class Verdict:
    """`code` None: it would be converted."""

    code: str | None
    samples: int | None = None
    warnings: tuple[JobWarning, ...] = ()

    @property
    def is_unverified(self) -> bool:
        return any(each.code == verify.LENGTH_UNVERIFIED for each in self.warnings)


class _Held:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, key: str, etag: str, start: int, end: int) -> bytes:
        return self._data[start:end]


def judge(programs: Programs, data: bytes) -> Verdict:
    stop = threading.Event()
    with SourceGate(_Held(data), "key", "etag", len(data)) as gate:
        try:
            sound = probe(str(programs.ffprobe), gate, stop)
            return _decoded(programs, sound, gate, stop)
        except SluiceError as error:
            return Verdict(error.code)


def _decoded(programs: Programs, sound: Sound, gate: SourceGate, stop: threading.Event) -> Verdict:
    """As Transcode does it, with WAV into nothing for an output."""
    gone = missing(sound.demuxer, gate)
    command = convert_command(str(programs.ffmpeg), sound, Conversion("wav"), gate.url)
    ffmpeg = Ffmpeg([*command, "-f", "null", "pipe:1"], Limits(cpu_seconds=60))
    try:
        for _ in ffmpeg.reports(Watch(stop, [gate], lambda: gate.bytes_served, 20)):
            pass
        decoded = verify.decoded_seconds(sound, ffmpeg.log, ffmpeg.last.seconds)
    except CorruptInput:
        verify.check_ending(gone, gate.size)
        raise
    verify.check_whole(sound, ffmpeg.log, decoded, gone, gate.size)
    warnings = verify.warnings(sound, ffmpeg.log, decoded, gone)
    return Verdict(None, ffmpeg.log.decoded_samples.get(sound.stream), warnings)
