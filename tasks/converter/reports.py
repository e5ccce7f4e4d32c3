"""What ffmpeg says while it works: `-progress` blocks on one pipe, its log on another.

The log is read at level `verbose`, because only there ffmpeg tells how many samples it decoded,
which is what "did we convert all of it" is measured by. It is kept short: a hostile file can make
ffmpeg complain a million times.
"""

from __future__ import annotations

import math
import re
from collections import deque
from dataclasses import dataclass, field

_KEPT_LINES = 30
_KEPT_LINE_CHARACTERS = 300
_TIME = re.compile(r"(-?)(\d+):(\d{1,2}):(\d{1,2}(?:\.\d+)?)$")
# ffmpeg 5.1 and 6.0: "143 frames decoded (658944 samples)"; 9.0: "162 frames decoded; 1 decode
# errors (661490 samples)".
# Only from where ffmpeg itself writes it: at this level the file's own tags are printed too, and
# one of them could say "[error] …".
_START = r"(?:\[[^\]@]* @ [^\]]*\] *)*"
_DECODED = re.compile(
    _START
    + r"\[verbose\] +Input stream #0:(\d+) \(audio\): .*?(\d+) frames decoded.*\((\d+) samples\)"
)
_ENCODED = re.compile(
    _START + r"\[verbose\] +Output stream #0:\d+ \(audio\): \d+ frames encoded \((\d+) samples\)"
)
# What goes into the filters; said again when the input changes on the way.
_FED = re.compile(
    r"\[graph[_ ][^\]]* @ [^\]]*\] \[verbose\] .*samplerate:(\d+) chlayout:(\S.*)$",
)
_OUTPUT = re.compile(_START + r"\[info\] Output #0")
_STREAM = re.compile(_START + r"\[info\]   Stream #0:\d+.*: Audio: .*?, (\d+) Hz")
_DURATION = re.compile(_START + r"\[info\]   Duration: (\S+?),")
# The line of figures that ffmpeg keeps writing over on a terminal; the last one always comes.
_FIGURES = re.compile(_START + r"\[info\] (?:frame= *\d+ .*)?(?:L?size|bitrate)=.*?\btime=")
_FIGURE = re.compile(r"(\w+)= *(\S+)")
_LEVEL = re.compile(_START + r"\[(error|fatal|panic|warning)\] (.*)")
_MOOV_TOO_SMALL = re.compile(r"reserved_moov_size is too small, needed (\d+) additional")
# In the words of ffmpeg 9, 6.0 and 5.1, which names the input's address.
_UNREAD = re.compile(r"(?:Error during demuxing|Error demuxing input file \d+|http://\S+): (.*)")
_RUNS_BACK = re.compile(r"non monotonically increasing dts|Queue input is backward in time")
_TRAILER = re.compile(r"Error writing trailer|Error closing file|av_interleaved_write_frame")

# For a frame that could not be decoded, in turn: ffmpeg 5.1 and 6.0; 6.1 and later, which tell
# whether the decoder refused it or failed on it.
_NOT_DECODED = re.compile(r"Error while decoding|Error submitting|Decoding error")


def seconds_of(text: str) -> float | None:
    """`HH:MM:SS.ms` in seconds, None for `N/A` and everything else that is no time."""
    match = _TIME.match(text.strip())
    if match is None:
        return None
    seconds = int(match[2]) * 3600 + int(match[3]) * 60 + float(match[4])
    return -seconds if match[1] else seconds


@dataclass(frozen=True)
class Report:
    """One block of `-progress`, or one line of figures on standard error; None where ffmpeg does
    not know (yet)."""

    seconds: float | None = None
    bytes_out: int | None = None
    speed: float | None = None


class Reports:
    """Lines of `-progress` in, a Report at the end of each block."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def hear(self, line: str) -> Report | None:
        name, separator, value = line.partition("=")
        if not separator:
            return None
        self._values[name.strip()] = value.strip()
        if name.strip() != "progress":
            return None
        values, self._values = self._values, {}
        return Report(
            seconds=_not_negative(_time_of(values)),
            bytes_out=_whole(values.get("total_size", "")),
            speed=finite_number(values.get("speed", "").rstrip("x")),
        )


def report_of(line: str) -> Report | None:
    """A line like `size= 12kB time=00:00:01.23 bitrate=N/A speed=1.5x`; None for any other."""
    if not _FIGURES.match(line):
        return None
    values = dict(_FIGURE.findall(line))
    return Report(
        seconds=_not_negative(seconds_of(values["time"])),
        bytes_out=_bytes_of(values.get("Lsize", values.get("size", ""))),
        speed=finite_number(values.get("speed", "").rstrip("x")),
    )


@dataclass
class Log:
    """ffmpeg's standard error: the facts in it, and its last errors for people."""

    # By the stream's number.
    decoded_samples: dict[int, int] = field(default_factory=dict[int, int])
    decoded_frames: dict[int, int] = field(default_factory=dict[int, int])
    encoded_samples: int | None = None
    output_rate: int | None = None
    # Sample rates and channel layouts of the input, in the order they came.
    kinds: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    unread: str | None = None
    times_run_back: bool = False
    # What ffmpeg says of the input's length, and of how far it came.
    input_seconds: float | None = None
    figures: Report | None = None
    packet_was_cut: bool = False
    duration_is_guess: bool = False
    decode_errors: int = 0
    moov_shortfall: int | None = None
    trailer_failed: bool = False
    disk_is_full: bool = False
    _says_output: bool = False
    errors: deque[str] = field(default_factory=lambda: deque[str](maxlen=_KEPT_LINES))

    def hear(self, line: str) -> None:
        if decoded := _DECODED.match(line):
            stream = int(decoded[1])
            self.decoded_frames[stream] = int(decoded[2])
            self.decoded_samples[stream] = int(decoded[3])
        elif encoded := _ENCODED.match(line):
            self.encoded_samples = self.encoded_samples or int(encoded[1])
        elif fed := _FED.match(line):
            self._fed((int(fed[1]), fed[2].strip()))
        elif length := _DURATION.match(line):
            self.input_seconds = seconds_of(length[1])
        elif figures := report_of(line):
            self.figures = figures
        elif _OUTPUT.match(line):
            self._says_output = True
        elif self._says_output and (stream := _STREAM.match(line)):
            self.output_rate = self.output_rate or int(stream[1])
        if level := _LEVEL.match(line):
            self._complaint(level[1], level[2])

    def has(self, words: str) -> bool:
        return any(words in line for line in self.errors)

    @property
    def lacked_memory(self) -> bool:
        """What ffmpeg and libc call it when `-max_alloc` or the limit on data is reached."""
        return self.has("Cannot allocate memory")

    @property
    def last_error(self) -> str:
        """The first error of the last few is nearest to the cause; ffmpeg sums up afterwards."""
        return self.errors[0] if self.errors else "no message"

    def _fed(self, kind: tuple[int, str]) -> None:
        if kind not in self.kinds and len(self.kinds) < _KEPT_LINES:
            self.kinds.append(kind)

    def _complaint(self, level: str, message: str) -> None:
        self.packet_was_cut |= message.startswith("Packet corrupt")
        self.duration_is_guess |= message.startswith("Estimating duration from bitrate")
        self.disk_is_full |= "No space left on device" in message
        self.trailer_failed |= _TRAILER.search(message) is not None
        self.decode_errors += _NOT_DECODED.search(message) is not None
        self.times_run_back |= _RUNS_BACK.search(message) is not None
        if small := _MOOV_TOO_SMALL.search(message):
            self.moov_shortfall = int(small[1])
        if level != "warning":
            if unread := _UNREAD.match(message):
                self.unread = unread[1]
            self.errors.append(message[:_KEPT_LINE_CHARACTERS])


def _time_of(values: dict[str, str]) -> float | None:
    """`out_time_us` where it is a number; the text form otherwise (both can be N/A at the start,
    and ffmpeg 5.1 prints the smallest 64-bit number before the first packet)."""
    microseconds = _whole(values.get("out_time_us", ""))
    if microseconds is not None:
        return microseconds / 1e6
    return seconds_of(values.get("out_time", ""))


def _bytes_of(text: str) -> int | None:
    """`12kB` until ffmpeg 6, `12KiB` since: 1,024 bytes both."""
    match = re.fullmatch(r"(\d+)(?:kB|KiB)", text)
    return int(match[1]) * 1024 if match else None


def _not_negative(seconds: float | None) -> float | None:
    return None if seconds is None else max(0.0, seconds)


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch(r"-?\d+", text) else None


def finite_number(text: str) -> float | None:
    """None for `nan` and `inf` too, which Python reads and DynamoDB refuses."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def without_addresses(text: str) -> str:
    """ffmpeg names its input and output in its messages; ours hold tokens."""
    return re.sub(r"\b(?:http|ftp)://\S+?(?=[\s:'\"]*(?:\s|$))", "input", text)
