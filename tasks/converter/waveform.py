"""Peaks of what goes into the encoder, for a player to draw: collected, and written as JSON.

The layout is that of audiowaveform, version 2 (bbc/audiowaveform, doc/DataFormat.md), with 8 bits,
which is what players ask it for: a minimum and a maximum for every so many samples, in one channel.

ffmpeg finds the peaks, in a branch of the same filter chain (filters.py), and writes them as text
to a pipe: 4 % of the PCM's bytes, so nothing has to go through all samples here. The pipe is one of
its own: on standard output, lines would stand inside the blocks of `-progress`.
"""

from __future__ import annotations

import json
import os
import re
import threading
from array import array
from collections.abc import Iterator
from typing import Self

from conversion.conversion import Waveform
from conversion.errors import OutputBroken
from conversion.outcome import JobWarning

# Code of a warning on a completed job; docs/architecture.md lists them.
COARSER = "WAVEFORM_COARSER"
# Two bytes each: 8 MB here and some 30 MB of JSON, for 13 hours at 44.1 kHz and 512 samples each.
# Longer audio gets more samples to a pixel.
MOST_PIXELS = 4_000_000
_BITS = 8
_OF_16_BITS = 2**16 // 2**_BITS
_READ_BYTES = 64 * 1024
_WRITE_PIXELS = 32 * 1024
_PATIENCE_SECONDS = 5.0
# What `ametadata` prints for a frame begins with this, and so ends where the next one does.
_FRAME = b"frame:"
_LOW = re.compile(rb"Min_level=(\S+)")
_HIGH = re.compile(rb"Max_level=(\S+)")


class Peaks:
    """Text of `ametadata` in, pairs of peaks out. `length` is how many."""

    def __init__(self, sample_rate: int, samples_per_pixel: int) -> None:
        self.sample_rate = sample_rate
        self._samples_per_frame = samples_per_pixel
        self._frames_per_pixel = 1
        self._text = b""
        # Frames that are no whole pixel yet.
        self._lows: list[int] = []
        self._highs: list[int] = []
        self.lows = array("b")
        self.highs = array("b")

    @property
    def length(self) -> int:
        return len(self.lows)

    @property
    def samples_per_pixel(self) -> int:
        return self._samples_per_frame * self._frames_per_pixel

    def hear(self, text: bytes) -> None:
        self._text += text
        whole = self._text.rfind(_FRAME)
        if whole > 0:
            self._take(self._text[:whole])
            self._text = self._text[whole:]

    def end(self) -> None:
        """After the last of the text: the last pixel may be of fewer samples."""
        self._take(self._text)
        self._text = b""
        if self._lows:
            self._keep(len(self._lows))

    def json(self) -> Iterator[bytes]:
        """The document, piece by piece."""
        head = {
            "version": 2,
            "channels": 1,
            "sample_rate": self.sample_rate,
            "samples_per_pixel": self.samples_per_pixel,
            "bits": _BITS,
            "length": self.length,
            "data": [],
        }
        yield json.dumps(head, separators=(",", ":")).removesuffix("]}").encode()
        for start in range(0, self.length, _WRITE_PIXELS):
            end = start + _WRITE_PIXELS
            pairs = zip(self.lows[start:end], self.highs[start:end], strict=True)
            text = ",".join(f"{low},{high}" for low, high in pairs)
            yield (f",{text}" if start else text).encode()
        yield b"]}"

    def warnings(self, asked: Waveform) -> list[JobWarning]:
        if self.samples_per_pixel == asked.samples_per_pixel:
            return []
        said = (
            f"The waveform has {self.samples_per_pixel} samples to a pixel instead of "
            f"{asked.samples_per_pixel}: it holds at most {MOST_PIXELS} pixels."
        )
        return [JobWarning(COARSER, said)]

    def _take(self, text: bytes) -> None:
        self._lows += map(_level, _LOW.findall(text))
        self._highs += map(_level, _HIGH.findall(text))
        self._keep(self._frames_per_pixel)
        if self.length > MOST_PIXELS:
            self._fold()

    def _keep(self, frames: int) -> None:
        """Make a pixel of every so many of the frames that wait."""
        whole = len(self._lows) // frames * frames
        starts = range(0, whole, frames)
        if frames == 1:
            self.lows.extend(self._lows)
            self.highs.extend(self._highs)
        else:
            self.lows.extend(min(self._lows[at : at + frames]) for at in starts)
            self.highs.extend(max(self._highs[at : at + frames]) for at in starts)
        del self._lows[:whole], self._highs[:whole]

    def _fold(self) -> None:
        """Make one pixel of two. A last one without a partner goes back to wait for it."""
        if self.length % 2:
            self._lows.insert(0, self.lows.pop())
            self._highs.insert(0, self.highs.pop())
            # It stands for as many frames as there are to a pixel: none of its peaks is lost when
            # it counts as that many equal ones.
            self._lows[:1] *= self._frames_per_pixel
            self._highs[:1] *= self._frames_per_pixel
        self.lows = array("b", map(min, self.lows[::2], self.lows[1::2]))
        self.highs = array("b", map(max, self.highs[::2], self.highs[1::2]))
        self._frames_per_pixel *= 2


def _level(text: bytes) -> int:
    """A sample of 16 bits as one of 8."""
    return int(float(text) / _OF_16_BITS)


class PeaksPipe:
    """`with PeaksPipe(peaks) as pipe:` — give ffmpeg `pipe.fd`, then `finish` when it has ended."""

    def __init__(self, peaks: Peaks) -> None:
        self.peaks = peaks
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._read, name="peaks", daemon=True)

    def __enter__(self) -> Self:
        self._end, self.fd = os.pipe()
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._let_go()
        if not self._thread.is_alive():
            os.close(self._end)

    def finish(self) -> None:
        """Raises OutputBroken when the peaks are not all there."""
        self._let_go()
        if self._thread.is_alive() or self._error is not None or not self.peaks.length:
            raise OutputBroken(
                f"The waveform could not be read ({self._error or 'it does not end'}); convert "
                "again, or without it."
            )

    def _let_go(self) -> None:
        """Our own copy of ffmpeg's end would keep the pipe from ever being over."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        self._thread.join(_PATIENCE_SECONDS)

    def _read(self) -> None:
        try:
            while text := os.read(self._end, _READ_BYTES):
                self.peaks.hear(text)
            self.peaks.end()
        except Exception as error:  # raised by `finish`
            self._error = error
            while os.read(self._end, _READ_BYTES):  # ffmpeg must not wait for a reader for ever
                continue


def samples_per_pixel(asked: Waveform, sample_rate: int, seconds: float | None) -> int:
    """As asked for, doubled until the length fits; `seconds` is None while nobody knows it for
    sure, and the peaks are folded on the way where they turn out to be too many."""
    samples = asked.samples_per_pixel
    while seconds is not None and seconds * sample_rate / samples > MOST_PIXELS:
        samples *= 2
    return samples
