"""Inputs made by the real ffmpeg, each once a session."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from local.ffmpeg import Ffmpeg
from tests.converter.recipes import RECIPES, Recipe

SECONDS = 4
# Noise keeps encoders from making everything tiny; the seed keeps it the same in every run.
_MUSIC = (
    "aevalsrc=exprs='0.3*sin(2*PI*440*t)+0.05*random(0)|0.3*sin(2*PI*660*t)+0.05*random(1)'"
    ":s=44100:d={seconds}"
)
_TAGS = ["-metadata", "title=Tëst ✓", "-metadata", "artist=Sluice"]
_COVER = ["-map", "0:a", "-map", "1:v", "-c:v", "copy", "-disposition:v:0", "attached_pic"]

_FILM = "testsrc=size=160x120:rate=25:duration={seconds}"
INPUTS = sorted(RECIPES)
USUAL = [name for name in INPUTS if RECIPES[name].is_usual]


class Sounds:
    """`sounds.path("flac")`: music of SECONDS with tags, and a cover where it can be held."""

    def __init__(self, ffmpeg: Ffmpeg, folder: Path) -> None:
        self.ffmpeg = ffmpeg
        self.folder = folder
        listed = self._run(["-v", "error", "-encoders"]).decode().splitlines()
        self._encoders = {line.split()[1] for line in listed if line.startswith(" A")}

    def path(self, name: str) -> Path:
        path = self.folder / name
        if not path.exists():
            recipe = RECIPES[name]
            if recipe.change is None:
                self._cook(recipe, path)
            else:
                path.write_bytes(recipe.change(self.bytes(recipe.of) if recipe.of else b""))
        return path

    def _cook(self, recipe: Recipe, path: Path) -> None:
        if recipe.encoder not in (None, *self._encoders):
            pytest.skip(f"this build of ffmpeg has no {recipe.encoder}")
        inputs, chosen = self._music(SECONDS), list[str]()
        if recipe.cover:
            inputs, chosen = [*inputs, "-i", str(self._cover())], _COVER
        if recipe.picture:
            film = ["-f", "lavfi", "-i", _FILM.format(seconds=SECONDS)]
            inputs, chosen = [*inputs, *film], ["-map", "1:v", "-map", "0:a"]
        self.make(path, [*inputs, *chosen, *_TAGS, *recipe.arguments])

    def bytes(self, name: str) -> bytes:
        return self.path(name).read_bytes()

    def long_wav(self, seconds: int) -> Path:
        path = self.folder / f"long-{seconds}.wav"
        if not path.exists():
            self.make(path, [*self._music(seconds), "-c:a", "pcm_s16le", "-f", "wav"])
        return path

    def with_tag(self, name: str, tag: str, text: str) -> bytes:
        """One of the recipes, with a tag that may be longer than a command line could hold."""
        path, tags = self.folder / f"{name}-{tag}", self.folder / "tags"
        tags.write_text(f";FFMETADATA1\n{tag}={text}\n")
        inputs = ["-i", str(self.path(name)), "-f", "ffmetadata", "-i", str(tags)]
        options = ["-map", "0:a", "-map_metadata", "1", "-map_metadata:s:a", "1:g", "-c", "copy"]
        self.make(path, [*inputs, *options, "-f", RECIPES[name].arguments[-1]])
        return path.read_bytes()

    def with_cover(self, name: str, picture: bytes) -> Path:
        """An MP3 with this very picture, whatever is in it."""
        path, image = self.folder / name, self.folder / f"{name}.jpg"
        image.write_bytes(picture)
        inputs = [*self._music(SECONDS), "-f", "mjpeg", "-i", str(image)]
        self.make(path, [*inputs, *_COVER, "-c:a", "libmp3lame", "-f", "mp3"])
        return path

    def late(self, line: str) -> bytes:
        """A film of 5 s whose 3 s of sound begin at the third."""
        path = self.folder / "late"
        film = ["-f", "lavfi", "-i", _FILM.format(seconds=5), "-itsoffset", "2"]
        chosen = ["-map", "0:v", "-map", "1:a", "-c:v", "mpeg4"]
        self.make(path, [*film, *self._music(3), *chosen, *line.split()])
        return path.read_bytes()

    def two_tracks(self, default: int) -> bytes:
        """Stereo at 44.1 kHz and mono at 22.05 kHz."""
        path = self.folder / "two-tracks"
        options = ["-map", "0:a", "-map", "0:a", "-c:a", "flac", "-ac:a:1", "1", "-ar:a:1", "22050"]
        for track in (0, 1):
            options += [f"-disposition:a:{track}", "default" if track == default else "0"]
        self.make(path, [*self._music(SECONDS), *options, "-f", "matroska"])
        return path.read_bytes()

    def tone(self, line: str) -> bytes:
        """Two seconds, to be joined with others."""
        path = self.folder / "tone"
        source = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=2"]
        self.make(path, [*source, *line.split()])
        return path.read_bytes()

    def noisy_cover(self) -> bytes:
        """A picture of some hundred kilobytes."""
        path = self.folder / "noisy.jpg"
        noise = ["-f", "lavfi", "-i", "nullsrc=s=640x640,geq=lum='random(1)*255':cb=128:cr=128"]
        self.make(path, [*noise, "-frames:v", "1", "-q:v", "2", "-f", "mjpeg"])
        return path.read_bytes()

    def cover_bytes(self) -> bytes:
        return self._cover().read_bytes()

    def pcm(self, data: bytes, form: str = "s16le") -> bytes:
        """What ffmpeg decodes from these bytes, as a reference that does not go through us."""
        path = self.folder / "reference"
        path.write_bytes(data)
        command = ["-v", "error", "-i", str(path), "-map", "0:a", "-f", form]
        return self._run([*command, "-c:a", f"pcm_{form}", "pipe:1"])

    def _music(self, seconds: int) -> list[str]:
        return ["-f", "lavfi", "-i", _MUSIC.format(seconds=seconds)]

    def _cover(self) -> Path:
        path = self.folder / "cover.jpg"
        if not path.exists():
            source = ["-f", "lavfi", "-i", "testsrc=size=300x300:duration=1", "-frames:v", "1"]
            self.make(path, [*source, "-f", "mjpeg"])
        return path

    def make(self, path: Path, arguments: list[str]) -> None:
        self._run(["-v", "error", "-y", *arguments, str(path)])

    def _run(self, arguments: list[str]) -> bytes:
        command = [str(self.ffmpeg.ffmpeg), "-nostdin", *arguments]
        # A static ffmpeg crashes in the C library's character sets, which MPEG-TS asks for its
        # service name (6.0 of the wheel), unless it finds none.
        environ = os.environ | {"GCONV_PATH": "/nonexistent"}
        return subprocess.run(command, capture_output=True, check=True, env=environ).stdout
