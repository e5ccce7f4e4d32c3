"""What a source cannot give is told, and nothing is said of what it can."""

from __future__ import annotations

import pytest

from conversion.conversion import Conversion
from tasks.converter.concessions import concessions
from tasks.converter.sound import Sound


def _sound(rate: int, channels: int, layout: str = "") -> Sound:
    return Sound("wav", "pcm_s16le", 0, channels, rate, 16, 10.0, False, layout=layout)


@pytest.mark.parametrize(
    ("sound", "asked", "codes"),
    [
        (_sound(44_100, 2), Conversion("mp3", 320), []),
        (_sound(44_100, 2), Conversion("mp3"), []),
        (_sound(8_000, 1), Conversion("mp3", 320), ["BITRATE_CHANGED"]),
        (_sound(44_100, 6, "5.1"), Conversion("mp3"), ["CHANNELS_MIXED"]),
        (_sound(44_100, 6, "5.1"), Conversion("mp3", channels=2), []),
        (_sound(44_100, 6, "5.1"), Conversion("flac"), []),
        (_sound(44_100, 8, "7.1"), Conversion("alac"), ["CHANNELS_MIXED"]),
    ],
)
def test_only_what_is_not_as_asked_is_told(
    sound: Sound, asked: Conversion, codes: list[str]
) -> None:
    assert [each.code for each in concessions(sound, asked)] == codes


def test_the_bitrate_that_it_was_given_is_told() -> None:
    (said,) = concessions(_sound(8_000, 1), Conversion("mp3", 320))
    assert "320" in said.message
    assert "64" in said.message
