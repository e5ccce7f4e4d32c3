"""Inputs made by the real ffmpeg, each once a session."""

from __future__ import annotations

import subprocess
from pathlib import Path

from local.ffmpeg import Ffmpeg

SECONDS = 4
# Noise keeps encoders from making everything tiny; the seed keeps it the same in every run.
_MUSIC = (
    "aevalsrc=exprs='0.3*sin(2*PI*440*t)+0.05*random(0)|0.3*sin(2*PI*660*t)+0.05*random(1)'"
    ":s=44100:d={seconds}"
)
_TAGS = ["-metadata", "title=Tëst ✓", "-metadata", "artist=Sluice"]
_COVER = ["-map", "0:a", "-map", "1:v", "-c:v", "copy", "-disposition:v:0", "attached_pic"]

# name: (arguments, takes the cover)
_RECIPES: dict[str, tuple[list[str], bool]] = {
    "wav": (["-c:a", "pcm_s16le", "-f", "wav"], False),
    "wav24": (["-c:a", "pcm_s24le", "-f", "wav"], False),
    "wav-float": (["-c:a", "pcm_f32le", "-f", "wav"], False),
    "aiff": (["-f", "aiff"], False),
    "flac": (["-c:a", "flac", "-sample_fmt", "s16", "-f", "flac"], True),
    "mp3": (["-c:a", "libmp3lame", "-b:a", "128k", "-f", "mp3"], True),
    "mp3-vbr": (["-c:a", "libmp3lame", "-q:a", "4", "-f", "mp3"], False),
    "mp3-no-xing": (["-c:a", "libmp3lame", "-write_xing", "0", "-f", "mp3"], False),
    "m4a-moov-last": (["-c:a", "aac", "-f", "ipod"], True),
    "m4a-moov-first": (["-c:a", "aac", "-movflags", "+faststart", "-f", "ipod"], False),
    "ogg": (["-c:a", "libvorbis", "-f", "ogg"], False),
    "opus": (["-c:a", "libopus", "-f", "opus"], False),
    "mka": (["-c:a", "libvorbis", "-f", "matroska"], False),
    "adts": (["-c:a", "aac", "-f", "adts"], False),
    "wma": (["-c:a", "wmav2", "-f", "asf"], False),
}
INPUTS = sorted(_RECIPES)


class Sounds:
    """`sounds.path("flac")`: music of SECONDS with tags, and a cover where it can be held."""

    def __init__(self, ffmpeg: Ffmpeg, folder: Path) -> None:
        self.ffmpeg = ffmpeg
        self.folder = folder

    def path(self, name: str) -> Path:
        path = self.folder / name
        if not path.exists():
            arguments, cover = _RECIPES[name]
            picture = ["-i", str(self._cover())] if cover else []
            chosen = _COVER if cover else []
            self.make(path, [*self._music(SECONDS), *picture, *chosen, *_TAGS, *arguments])
        return path

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
        self.make(path, [*inputs, *options, "-f", _RECIPES[name][0][-1]])
        return path.read_bytes()

    def with_cover(self, name: str, picture: bytes) -> Path:
        """An MP3 with this very picture, whatever is in it."""
        path, image = self.folder / name, self.folder / f"{name}.jpg"
        image.write_bytes(picture)
        inputs = [*self._music(SECONDS), "-f", "mjpeg", "-i", str(image)]
        self.make(path, [*inputs, *_COVER, "-c:a", "libmp3lame", "-f", "mp3"])
        return path

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
        done = subprocess.run(command, capture_output=True, check=True)
        return done.stdout
