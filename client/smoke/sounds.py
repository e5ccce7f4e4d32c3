"""What is sent: sounds made here, each told from the others by its samples."""

from __future__ import annotations

import hashlib
import math
import random
import wave
from array import array
from dataclasses import dataclass
from pathlib import Path

_RATE = 44_100
# Noise at 8 kHz takes 16,000 bytes a second: the least audio that must be sent for a conversion
# that lasts. Above 16 MiB an upload is in parts (conversion/receiving.py).
_NOISE_RATE, _NOISE_SECONDS = 8_000, 1_100
# A tenth of full scale, so that no encoder clips.
_LEVEL = 3277


@dataclass(frozen=True)
class Sound:
    """16 bit, mono. `digest`: the MD5 of its samples, which FLAC keeps."""

    file: Path
    seconds: float
    digest: bytes


def tone(folder: Path, name: str, hertz: int, seconds: float = 1.0) -> Sound:
    frames = round(seconds * _RATE)
    samples = array(
        "h", (round(_LEVEL * math.sin(2 * math.pi * hertz * n / _RATE)) for n in range(frames))
    )
    return _written(folder / f"{name}.wav", samples.tobytes(), _RATE)


def noise(folder: Path, name: str) -> Sound:
    """18 minutes in 17.6 MB, the same ones each time."""
    samples = random.Random(name).randbytes(2 * _NOISE_RATE * _NOISE_SECONDS)  # noqa: S311 a sound
    return _written(folder / f"{name}.wav", samples, _NOISE_RATE)


def _written(file: Path, samples: bytes, rate: int) -> Sound:
    with wave.open(str(file), "wb") as sound:
        sound.setparams((1, 2, rate, len(samples) // 2, "NONE", ""))
        sound.writeframes(samples)
    digest = hashlib.md5(samples, usedforsecurity=False).digest()
    return Sound(file, len(samples) / 2 / rate, digest)
