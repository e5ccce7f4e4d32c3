"""What each lossy encoder keeps to: bitrates by sample rate and channels, and scales of quality.

Each limit is the format's own, or was tried out on the encoder (libvorbis 1.3.7, LAME 3.100, and
the AAC encoders of ffmpeg 5.1, 6.0 and 9.0): what is outside makes it fail, or do something else
without a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

# What a bitrate is checked against where a request leaves the sample rate to the source.
_USUAL_RATE = 48_000


@dataclass(frozen=True)
class Bitrates:
    """Kilobits per second (1 kbit = 1000 bits, as ffmpeg's `-b:a 192k`).

    `choices` are, by sample rate, those that the encoder keeps to. They and the default count for
    one channel, unless the format has a fixed list of bitrates for the whole.
    """

    choices: Mapping[int, Sequence[int]]
    default: int | None  # for one channel; None: the encoder's variable quality is the default
    is_list: bool = False

    def at(self, rate: int | None, channels: Iterable[int]) -> Sequence[int]:
        """What can be asked for at this rate and any of these numbers of channels."""
        choices = self.choices.get(rate or _USUAL_RATE, ())
        if self.is_list or not choices:
            return choices
        return range(choices[0] * min(channels), choices[-1] * max(channels) + 1)

    def nearest(self, kbps: int, rate: int, channels: int) -> int:
        """The most that does not pass `kbps`, or the least there is."""
        choices = self.at(rate, (channels,))
        return max((each for each in choices if each <= kbps), default=choices[0])


@dataclass(frozen=True)
class Quality:
    """The encoder's own scale of variable bitrate, ffmpeg's `-q:a`; `best` may be its low end."""

    best: int
    worst: int
    default: int

    def holds(self, value: float) -> bool:
        return min(self.best, self.worst) <= value <= max(self.best, self.worst)


# Layer III of MPEG-1, MPEG-2 (half its rates) and MPEG-2.5 (a quarter), and the bitrates that a
# frame's header can name (ISO/IEC 11172-3 §2.4.2.3, 13818-3 §2.4.2.3). LAME takes any other number
# and uses the next lower of these without a word, and no more than 64 in MPEG-2.5.
_MPEG_1 = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG_2 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
MP3 = Bitrates(
    {
        **dict.fromkeys((8_000, 11_025, 12_000), _MPEG_2[:8]),
        **dict.fromkeys((16_000, 22_050, 24_000), _MPEG_2),
        **dict.fromkeys((32_000, 44_100, 48_000), _MPEG_1),
    },
    96,
    is_list=True,
)

# The rates are those of ISO/IEC 14496-3 table 1.18, the most is from its §4.5.3: 6,144 bits for a
# frame of 1,024 samples and a channel; ffmpeg cuts what is more down to it, with a warning. Below
# the least its encoder spends more than it was asked to.
AAC = Bitrates(
    {
        **{rate: range(8, rate * 6 // 1000 + 1) for rate in (8_000, 11_025, 12_000)},
        **{rate: range(8, rate * 6 // 1000 + 1) for rate in (16_000, 22_050, 24_000)},
        **{rate: range(16, rate * 6 // 1000 + 1) for rate in (32_000, 44_100, 48_000)},
        **{rate: range(24, rate * 6 // 1000 + 1) for rate in (64_000, 88_200, 96_000)},
    },
    80,
)

# libvorbis has a set of modes for each band of rates (lib/modes/setup_*.h), and refuses what is
# outside; these hold with channels coupled or not. Above 50 kHz it has none for bitrates, only for
# qualities.
VORBIS = Bitrates(
    {
        **{8_000: range(8, 43), 11_025: range(12, 51), 12_000: range(12, 51)},
        **{16_000: range(16, 101), 22_050: range(16, 91), 24_000: range(16, 91)},
        **{32_000: range(30, 191), 44_100: range(32, 241), 48_000: range(32, 241)},
    },
    None,
)

# Rates: RFC 6716 §2.1.3; 6 kbit/s and up: §2.1.1. libopus takes up to 256 for each channel.
OPUS = Bitrates(dict.fromkeys((8_000, 12_000, 16_000, 24_000, 48_000), range(6, 257)), 64)
