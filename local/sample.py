"""A minute of music-like stereo with tags and a cover picture: the demo's input, made by ffmpeg.

An arpeggio over four chords with a bass and a brushed beat, each note a decaying sine, so that an
encoder has something to do and an ear can tell the result from noise. The M4A has its `moov` box
last, which is how most recorders write it and what a plain pipe cannot read.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

SECONDS = 60

TAGS = {
    "title": "First Light",
    "artist": "Sluice",
    "album": "A Minute at the Gate",
    "date": "2026",
}

# Variables of ffmpeg's expressions (ffmpeg-utils, "Expression Evaluation"): 0 the chord, 1 the note
# of the arpeggio, 2 and 3 their semitones above A3, 4 and 5 the frequencies of note and bass,
# 6 and 7 the seconds since each was struck.
_NOTES = """
    st(0, floor(mod(t,8)/2)); st(1, floor(mod(t*4,4)));
    st(2, if(eq(ld(0),0), 0, if(eq(ld(0),1), 8, if(eq(ld(0),2), 3, 10))));
    st(3, if(eq(ld(1),0), 0, if(eq(ld(1),1), if(eq(ld(0),0), 3, 4), if(eq(ld(1),2), 7, 12))));
    st(4, 220*pow(2, (ld(2)+ld(3))/12)); st(5, 110*pow(2, ld(2)/12));
    st(6, mod(t,0.25)); st(7, mod(t,2));
"""
_LEFT = """
    0.30*sin(2*PI*ld(4)*ld(6))*exp(-9*ld(6)) + 0.22*sin(2*PI*ld(5)*ld(7))*exp(-0.8*ld(7))
    + 0.10*sin(4*PI*ld(5)*ld(7))*exp(-1.5*ld(7))
"""
_RIGHT = """
    0.18*sin(4*PI*ld(4)*ld(6))*exp(-7*ld(6)) + 0.22*sin(2*PI*ld(5)*ld(7))*exp(-0.8*ld(7))
    + 0.16*(random(8)-0.5)*exp(-40*mod(t+0.5,1))
"""
_COVER = "gradients=size=500x500:c0=0x0b3954:c1=0xff6663:nb_colors=2:seed=7:duration=1:rate=1"


def make_sample(ffmpeg: str, path: Path, seconds: int = SECONDS) -> None:
    """Write the sample to `path`; its suffix (.m4a, .wav, .flac …) chooses the format.

    A WAV holds no picture, so there the cover is left out.
    """
    source = f"aevalsrc={_escaped(_NOTES + _LEFT)}|{_escaped(_NOTES + _RIGHT)}:s=44100:d={seconds}"
    tags = [word for name, value in TAGS.items() for word in ("-metadata", f"{name}={value}")]
    with tempfile.TemporaryDirectory() as scratch:
        cover = Path(scratch) / "cover.png"
        _run(ffmpeg, "-f", "lavfi", "-i", _COVER, "-frames:v", "1", str(cover))
        picture = ["-i", str(cover), "-map", "0:a", "-map", "1:v", "-c:v", "copy"]
        picture += ["-disposition:v:0", "attached_pic"]
        with_cover = [] if path.suffix == ".wav" else picture
        _run(ffmpeg, "-f", "lavfi", "-i", source, *with_cover, *tags, "-b:a", "192k", str(path))


def _run(ffmpeg: str, *arguments: str) -> None:
    subprocess.run([ffmpeg, "-v", "error", "-nostdin", "-y", *arguments], check=True)


def _escaped(expression: str) -> str:
    """An expression as a filter option: without white space, `,` and `;` escaped."""
    return "".join(expression.split()).replace(",", "\\,").replace(";", "\\;")
