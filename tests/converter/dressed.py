"""Sounds of every shape: with all that can travel beside them, or with nothing."""

from __future__ import annotations

from tests.converter.sounds import Sounds

SECONDS = 2
# The names that every container with tags has a place for.
TAGS = {
    "title": "Tëst ✓ 日本",
    "artist": "Ärtist",
    "album": "An album",
    "date": "2024",
    "track": "3/12",
    "genre": "Jazz",
    "comment": "one = 1",
    "copyright": "© nobody",
}
CHAPTERS = ["Öne", "Two"]
_RATES = {"mono": 22_050, "stereo": 44_100}
_CHANNELS = {"mono": 1, "stereo": 2}
_CHAPTER = "[CHAPTER]\nTIMEBASE=1/1000\nSTART={}\nEND={}\ntitle={}"


def rate_of(layout: str) -> int:
    return _RATES.get(layout, 48_000)


def dressed(sounds: Sounds, layout: str, bits: int) -> bytes:
    """Apple Lossless, because that holds tags, a cover, chapters and six channels."""
    path = sounds.folder / f"dressed-{layout}-{bits}"
    if not path.exists():
        meta, cover = sounds.folder / "meta", sounds.folder / "dressed.jpg"
        meta.write_text(_ffmetadata())
        cover.write_bytes(sounds.cover_bytes())
        inputs = [*_music(layout), "-f", "mjpeg", "-i", str(cover)]
        inputs += ["-f", "ffmetadata", "-i", str(meta)]
        chosen = ["-map", "0:a", "-map", "1:v", "-c:v", "copy", "-disposition:v:0", "attached_pic"]
        chosen += ["-map_metadata", "2", "-map_chapters", "2", "-c:a", "alac"]
        depth = {16: ["s16p"], 24: ["s32p", "-bits_per_raw_sample", "24"]}[bits]
        sounds.make(path, [*inputs, *chosen, "-sample_fmt", *depth, "-f", "ipod"])
    return path.read_bytes()


def bare(sounds: Sounds, layout: str, bits: int) -> bytes:
    path = sounds.folder / f"bare-{layout}-{bits}"
    if not path.exists():
        coded = ["-c:a", f"pcm_s{bits}le", "-fflags", "+bitexact", "-f", "wav"]
        sounds.make(path, [*_music(layout), *coded])
    return path.read_bytes()


def _ffmetadata() -> str:
    lines = [f"{name}={text}".replace("= ", "\\= ") for name, text in TAGS.items()]
    for number, title in enumerate(CHAPTERS):
        lines.append(_CHAPTER.format(1000 * number, 1000 * number + 1000, title))
    return "\n".join([";FFMETADATA1", *lines, ""])


def _music(layout: str) -> list[str]:
    """A tone and noise in each channel, none like another."""
    channels = _CHANNELS.get(layout, 6)
    each = "|".join(f"0.3*sin(2*PI*{220 * (n + 1)}*t)+0.05*random({n})" for n in range(channels))
    return [
        "-f",
        "lavfi",
        "-i",
        f"aevalsrc=exprs={each}:c={layout}:s={rate_of(layout)}:d={SECONDS}",
    ]
