"""What the domain accepts, ffmpeg makes, of any sound: no request fails for being impossible.

Every format with every rate, number of channels and the ends of its bitrates, qualities and depths,
of sounds from a telephone's to a studio's and with odd layouts. A sample in each run, all of it in
the long one.
"""

from __future__ import annotations

import itertools
import json
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from conversion.conversion import Conversion
from conversion.errors import InvalidRequest
from conversion.formats import FORMATS, Format
from local.ffmpeg import Ffmpeg
from tasks.converter.encode import bitrate, output_channels, output_options, output_rate
from tasks.converter.layouts import channels_of
from tasks.converter.sound import Sound

# Long enough for ADTS to be recognised. No length that leaves a single sample for the last frame of
# 4,096: ffmpeg's ALAC encoder (5.1 to 9.0) aborts on that with three or more channels.
_SECONDS = 0.6
# Sample rate and layout of what comes in.
_SOURCES = [
    *((8_000, "mono"), (44_100, "stereo"), (96_000, "5.1"), (192_000, "7.1")),
    *((4_000, "stereo"), (11_025, "mono"), (32_000, "stereo"), (768_000, "stereo")),
    *((48_000, "5.1(side)"), (48_000, "2.1"), (44_101, "quad"), (48_000, "4.0")),
    *((22_050, "6.1"), (65_537, "hexagonal"), (48_000, "7.1(wide)"), (16_000, "3.0(back)")),
]
# Not among ffmpeg's own rates for anything.
_ODD_RATES = (4_000, 12_345, 65_534, 700_001)


def _codings(made: Format, rate: int | None, channels: int | None) -> Iterator[dict[str, int]]:
    """The format's default, and the ends of what can be asked for."""
    yield {}
    if made.bitrates:
        counts = made.channel_counts if channels is None else (channels,)
        choices = made.bitrates.at(rate, counts)
        yield from ({"bitrate_kbps": each} for each in {*choices[:1], *choices[-1:]})
    if made.quality:
        yield from ({"quality": each} for each in (made.quality.best, made.quality.worst))
    yield from ({"bit_depth": each} for each in made.depths)


def _requests(made: Format) -> Iterator[Conversion]:
    odd = (each for each in _ODD_RATES if made.holds_rate(each))
    for rate in (None, *made.rates, *odd):
        for channels in (None, *made.channel_counts):
            for coding in _codings(made, rate, channels):
                yield Conversion(made.name, sample_rate=rate, channels=channels, **coding)


def _sample(made: Format, count: int) -> list[tuple[Conversion, tuple[int, str]]]:
    """Each source about equally often."""
    chosen = random.Random(f"{made.name} {count}")
    requests = list(_requests(made))
    return [(chosen.choice(requests), each) for each in itertools.islice(_shuffled(chosen), count)]


def _shuffled(chosen: random.Random) -> Iterator[tuple[int, str]]:
    while True:
        yield from chosen.sample(_SOURCES, len(_SOURCES))


@pytest.mark.parametrize("count", [4, pytest.param(80, marks=pytest.mark.long)])
@pytest.mark.parametrize("made", FORMATS.values(), ids=lambda each: each.name)
def test_what_is_accepted_can_be_made_of_any_sound(
    ffmpeg: Ffmpeg, tmp_path: Path, made: Format, count: int
) -> None:
    for asked, (rate, layout) in _sample(made, count):
        _check(ffmpeg, tmp_path / "out", asked, rate, layout)


def _check(ffmpeg: Ffmpeg, path: Path, asked: Conversion, rate: int, layout: str) -> None:
    channels = channels_of(layout)
    sound = Sound("wav", "pcm_s16le", 0, channels, rate, 16, _SECONDS, False, layout=layout)
    tones = "|".join(f"0.2*sin({300 + 100 * each}*2*PI*t)" for each in range(channels))
    source = f"aevalsrc=exprs={tones}:s={rate}:c={layout}:d={_SECONDS}"
    command = [ffmpeg.ffmpeg, "-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", source]
    options = output_options(sound, asked, 0)
    case = f"{asked} of {layout} at {rate} Hz: {' '.join(options)}"

    done = subprocess.run([*command, *options, path], capture_output=True, text=True)

    assert done.returncode == 0, f"{case}: {done.stderr}"
    found = _probed(ffmpeg, path)
    assert found["channels"] == output_channels(sound, asked), case
    # Opus is always declared, and decoded, at 48 kHz (RFC 7845 §5.1).
    assert int(found["sample_rate"]) == (
        48_000 if asked.target.encoder == "libopus" else output_rate(sound, asked)
    ), case
    if asked.format == "mp3" and asked.quality is None:
        assert int(found["bit_rate"]) == 1000 * (bitrate(sound, asked) or 0), case


def _probed(ffmpeg: Ffmpeg, path: Path) -> dict[str, str]:
    see = "stream=channels,sample_rate,bit_rate"
    command = [ffmpeg.ffprobe, "-v", "error", "-show_entries", see, "-of", "json", path]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["streams"][0]


def test_most_bitrates_between_lames_are_refused() -> None:
    """LAME takes 100 and makes 96, without a word."""
    with pytest.raises(InvalidRequest, match="96, 112"):
        Conversion("mp3", 100)
