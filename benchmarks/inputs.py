"""Noise and tones as WAV, of any size: nothing in it compresses to nothing.

A piece is made by ffmpeg and repeated to length: no encoder here looks back five minutes.
"""

from __future__ import annotations

import subprocess
from math import ceil
from pathlib import Path

_BYTES_A_SECOND = 44_100 * 2 * 2
_PIECE_SECONDS = 300
_MUSIC = (
    "aevalsrc=exprs='0.3*sin(2*PI*440*t)+0.1*sin(2*PI*3000*t)+0.05*random(0)"
    "|0.3*sin(2*PI*660*t)+0.1*sin(2*PI*5000*t)+0.05*random(1)'"
    ":s=44100:d={seconds}"
)


def wav(ffmpeg: str, folder: Path, megabytes: int) -> Path:
    """A WAV of about this many million bytes, 16 bit and stereo at 44.1 kHz."""
    path = folder / f"{megabytes}.wav"
    if not path.exists():
        seconds = megabytes * 1_000_000 / _BYTES_A_SECOND
        length = min(_PIECE_SECONDS, ceil(seconds))
        piece = folder / f"piece-{length}.wav"
        if not piece.exists():
            _make(ffmpeg, ["-f", "lavfi", "-i", _MUSIC.format(seconds=length)], piece)
        _make(ffmpeg, ["-stream_loop", "-1", "-i", str(piece), "-t", f"{seconds:.3f}"], path)
    return path


def _make(ffmpeg: str, arguments: list[str], path: Path) -> None:
    """Under another name until it is whole: an interrupted run must not leave half an input."""
    half = path.with_suffix(".half")
    options = ["-c:a", "pcm_s16le", "-bitexact", "-f", "wav", str(half)]
    command = [ffmpeg, "-v", "error", "-nostdin", "-y", *arguments, *options]
    subprocess.run(command, check=True)
    half.rename(path)
