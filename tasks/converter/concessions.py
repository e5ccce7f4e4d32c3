"""What a source cannot give although it was asked for: converted all the same, and told.

A request leaves rate and channels to the source, and only here both are known. Refusing an hour's
upload for a bitrate that its rate cannot carry would help nobody.
"""

from __future__ import annotations

from conversion.conversion import Conversion
from conversion.outcome import JobWarning
from tasks.converter.encode import bitrate, output_channels, output_rate
from tasks.converter.sound import Sound

# Codes of warnings on a completed job; docs/architecture.md lists them.
BITRATE_CHANGED = "BITRATE_CHANGED"
CHANNELS_MIXED = "CHANNELS_MIXED"


def concessions(sound: Sound, conversion: Conversion) -> list[JobWarning]:
    made, asked = bitrate(sound, conversion), conversion.bitrate_kbps
    said: list[JobWarning] = []
    if asked is not None and made != asked:
        said.append(
            JobWarning(
                BITRATE_CHANGED,
                f"At {output_rate(sound, conversion)} Hz with "
                f"{output_channels(sound, conversion)} channel(s) {conversion.format} cannot have "
                f"{asked} kbit/s: it was given {made}.",
            )
        )
    channels = output_channels(sound, conversion)
    if conversion.channels is None and channels < sound.channels:
        said.append(
            JobWarning(
                CHANNELS_MIXED,
                f"The source's {sound.channels} channels were mixed to the {channels} that "
                f"{conversion.format} can hold of them.",
            )
        )
    return said
