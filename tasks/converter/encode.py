"""From the format table and a request to ffmpeg's output options: streams, encoder, tags, muxer.

Nothing but numbers that the domain checked, names out of the format table, and the texts of tags
becomes an argument; those texts stand behind `-metadata` in an argument of their own.
"""

from __future__ import annotations

import json
import zlib

from conversion.conversion import Conversion
from conversion.errors import OutputTooLarge
from conversion.formats import LAYOUTS
from tasks.converter.layouts import channels_of, layout_for
from tasks.converter.sound import Sound, tag_bytes

# What of a `moov` does not grow: 855 bytes measured, 1.6 kB with cover and chapters; and some air.
_BOX_BYTES = 8 * 1024
# A title twice, of up to 255 bytes in `chpl`, and entries in the tables of the text track.
_CHAPTER_BYTES = 512
# Samples a frame, of AAC and of ffmpeg's ALAC encoder, and 4 bytes for the size of each.
_FRAME_SAMPLES = {"aac": 1024, "alac": 4096}
_SIZE_BYTES = 4
# An entry of `stco` or `co64`, and of `stsc`, for each chunk; movenc.c ends one after 1 MiB.
_CHUNK_BYTES, _CHUNK_ENTRY_BYTES = 1024**2, 8 + 12
# Durations are not exact, and projected sizes less so.
_SURPLUS = 1.02
# What stays in reach however large the tags and the cover are. The others write them in front of a
# header that they patch (mp3, wav, caf), or into a box whose size they patch (m4a, aiff, mka).
_REWIND_LITTLE = ("flac", "ogg", "opus")

# What players turn the volume by: untrue once the loudness has been changed (ReplayGain 2.0,
# RFC 7845 §5.2.1, iTunes).
_OLD_GAINS = (
    *("replaygain_track_gain", "replaygain_track_peak"),
    *("replaygain_album_gain", "replaygain_album_peak", "replaygain_reference_loudness"),
    *("r128_track_gain", "r128_album_gain", "itunnorm"),
)


def output_options(sound: Sound, conversion: Conversion, moov_room: int) -> list[str]:
    """Everything between the input and the output's address."""
    return [
        *_streams(sound, conversion),
        *_tags(sound, conversion),
        *_encoder(sound, conversion),
        *_muxer(sound, conversion, moov_room),
    ]


def output_seconds(sound: Sound, conversion: Conversion) -> float | None:
    """How long the output will be, if need be by a guess; None while nobody has even that."""
    if sound.duration_seconds is None:
        return None
    end = conversion.end_seconds
    end = sound.duration_seconds if end is None else min(end, sound.duration_seconds)
    return max(0.0, end - (conversion.start_seconds or 0.0))


def sure_seconds(sound: Sound, conversion: Conversion) -> float | None:
    """How long the output will be; None for a guess too, which nothing may be refused by: an ADTS
    that begins with silence is guessed 20 times too long."""
    return None if sound.duration_is_guess else output_seconds(sound, conversion)


def check_size(sound: Sound, conversion: Conversion, most_bytes: int) -> None:
    """Asked before anything is decoded. Raises OutputTooLarge for what will pass the deployment's
    limit, or what the container can count. Where that is not known, the writer holds both."""
    likely, target = projected_bytes(sound, conversion), conversion.target
    if likely > most_bytes:
        raise OutputTooLarge(
            f"The output would have about {likely} bytes, more than the limit of {most_bytes}; "
            "choose a smaller format."
        )
    if target.holds_bytes is not None and likely > target.holds_bytes:
        raise OutputTooLarge(
            f"{target.title} holds no more than {target.holds_bytes} bytes, and this would have "
            f"about {likely}; ask for wav, caf or w64, or for less of it."
        )


def goes_back_behind(sound: Sound, conversion: Conversion, reach: int) -> bool:
    """Whether the muxer will patch what lies further back than so many bytes, since tags, chapters
    and cover are that large; False, too, while the cover's size is not known."""
    if conversion.target.muxer in _REWIND_LITTLE or not conversion.target.tags:
        return False
    beside = _tag_bytes(sound, conversion) + (_cover_bytes(sound, conversion) or 0)
    return _BOX_BYTES + beside > reach


def moov_room(sound: Sound, conversion: Conversion) -> int:
    """Bytes to reserve in front of the audio for `moov`, so that an M4A starts to play at once.

    0, which means `moov` last, where that cannot be known. Too little is an error on ffmpeg's log,
    and on 5.1 and 6.0 a broken file with exit code 0; what is too much stays in the file as `free`.
    """
    target = conversion.target
    seconds = sure_seconds(sound, conversion)
    if target.muxer != "ipod" or seconds is None:
        return 0
    cover = _cover_bytes(sound, conversion)
    if cover is None:
        return 0
    samples = seconds * output_rate(sound, conversion)
    frames = samples / _FRAME_SAMPLES["alac" if target.lossless else "aac"]
    chunks = projected_bytes(sound, conversion) / _CHUNK_BYTES
    table = int(_SURPLUS * (_SIZE_BYTES * frames + _CHUNK_ENTRY_BYTES * chunks))
    return _BOX_BYTES + table + _tag_bytes(sound, conversion) + cover


def projected_bytes(sound: Sound, conversion: Conversion) -> int:
    """About how large the output will be; 0 when the input's duration is not known for sure."""
    target = conversion.target
    seconds = sure_seconds(sound, conversion) or 0.0
    rate, channels = output_rate(sound, conversion), output_channels(sound, conversion)
    if target.bitrates is None:
        return int(seconds * rate * channels * depth(sound, conversion) / 8)
    kbps = bitrate(sound, conversion)
    if kbps is None:
        some = target.bitrates.at(rate, (channels,)) or target.bitrates.at(None, (channels,))
        kbps = some[-1]
    return int(seconds * kbps * 1000 / 8)


def depth(sound: Sound, conversion: Conversion) -> int:
    """Bits a sample in a lossless output: as asked for, else enough for the source's."""
    return conversion.bit_depth or conversion.target.depth_for(sound.bits)


def output_rate(sound: Sound, conversion: Conversion) -> int:
    """As asked for, else the source's, or the next that the format holds."""
    if conversion.sample_rate is not None:
        return conversion.sample_rate
    return conversion.target.rate_for(sound.sample_rate, conversion.bitrate_kbps is not None)


def output_layout(sound: Sound, conversion: Conversion) -> str:
    """ffmpeg's name of the loudspeaker layout; empty where the source's own is kept."""
    asked, choices = conversion.channels, conversion.target.layouts
    if not choices:
        return "" if asked in (None, sound.channels) else LAYOUTS[asked - 1]
    if asked is not None:
        choices = tuple(each for each in choices if channels_of(each) == asked)
    layout = layout_for(sound.layout, sound.channels, choices)
    return "" if layout == sound.layout else layout


def output_channels(sound: Sound, conversion: Conversion) -> int:
    layout = output_layout(sound, conversion)
    return channels_of(layout) if layout else sound.channels


def bitrate(sound: Sound, conversion: Conversion) -> int | None:
    """Kilobits per second: as asked for or by default, and no more than the output's rate and
    channels can carry; None for a variable one by quality."""
    bitrates = conversion.target.bitrates
    if bitrates is None or conversion.quality is not None:
        return None
    channels = output_channels(sound, conversion)
    kbps = conversion.bitrate_kbps or (bitrates.default and bitrates.default * channels)
    return kbps and bitrates.nearest(kbps, output_rate(sound, conversion), channels)


def _streams(sound: Sound, conversion: Conversion) -> list[str]:
    """One audio stream and, where the container holds it, the cover."""
    chosen = ["-map", f"0:{sound.stream}"]
    if sound.cover is not None and _keeps_cover(conversion):
        chosen += ["-map", f"0:{sound.cover.stream}", "-c:v", "copy"]
        chosen += ["-disposition:v:0", "attached_pic"]
    return chosen


def _tags(sound: Sound, conversion: Conversion) -> list[str]:
    """Ogg keeps its tags on the stream; muxers that have only global ones would lose them. Other
    containers say there what the track is ("English"), and have the song's title elsewhere."""
    arguments: list[str] = []
    if conversion.metadata == "drop":
        # The first alone keeps the stream's own, which is where Ogg has them.
        arguments += ["-map_metadata", "-1", "-map_metadata:s:a", "-1"]
    elif sound.tags_are_on_stream:
        arguments += ["-map_metadata", f"0:s:{sound.stream}"]
    elif conversion.target.muxer in ("ogg", "opus"):
        # Or the track's would stand in the place of those asked for. The first has to be said, for
        # the second would end what ffmpeg copies by itself.
        arguments += ["-map_metadata", "0", "-map_metadata:s:a", "-1"]
    else:
        for name, _ in conversion.tags:
            arguments += ["-metadata:s:a", f"{name}="]
    for name in _OLD_GAINS if conversion.loudness is not None else ():
        arguments += ["-metadata", f"{name}="]
    for name, text in conversion.tags:
        arguments += ["-metadata", f"{name}={text}"]
    return [*arguments, *(() if _keeps_chapters(conversion) else ("-map_chapters", "-1"))]


def _encoder(sound: Sound, conversion: Conversion) -> list[str]:
    """The sample rate is always said: filters and encoders would choose for themselves."""
    target = conversion.target
    name, arguments = target.encoder, _rate_control(sound, conversion)
    if target.lossless:
        name, *arguments = target.depths[depth(sound, conversion)]
    if layout := output_layout(sound, conversion):
        arguments += ["-ch_layout", layout]
    return ["-c:a", name, *arguments, "-ar", str(output_rate(sound, conversion))]


def _rate_control(sound: Sound, conversion: Conversion) -> list[str]:
    if (kbps := bitrate(sound, conversion)) is not None:
        return ["-b:a", f"{kbps}k"]
    quality, scale = conversion.quality, conversion.target.quality
    if quality is None and scale is not None:
        quality = scale.default
    return ["-q:a", str(quality)]


def _muxer(sound: Sound, conversion: Conversion, room: int) -> list[str]:
    """`-flush_packets 0`: fewer, larger writes, and the same bytes."""
    target = conversion.target
    arguments = [*target.muxer_arguments, *_large(sound, conversion), "-flush_packets", "0"]
    if room:
        arguments += ["-moov_size", str(room)]
    if target.muxer in ("ogg", "opus"):
        arguments += ["-serial_offset", str(_serial(sound, conversion))]
    return [*arguments, "-f", target.muxer]


def _large(sound: Sound, conversion: Conversion) -> tuple[str, ...]:
    """What a container needs to count further, also where nobody knows how far it will go."""
    target = conversion.target
    if target.most_bytes is None or sure_seconds(sound, conversion) is None:
        return target.larger_arguments
    fits = _SURPLUS * projected_bytes(sound, conversion) < target.most_bytes
    return () if fits else target.larger_arguments


def _serial(sound: Sound, conversion: Conversion) -> int:
    """Of the Ogg stream. RFC 3533 §4 wants it unique among streams that may be joined, and a job
    that is tried again should make the same bytes: not a random number, but one of its own. A
    waveform drawn beside it is no part of it."""
    asked = {name: each for name, each in conversion.to_item().items() if name != "waveform"}
    return zlib.crc32(f"{sound} {json.dumps(asked, sort_keys=True)}".encode()) & 0x7FFF_FFFF


def _keeps_chapters(conversion: Conversion) -> bool:
    """Not in a part: ffmpeg leaves them at the times that they have in the source."""
    return conversion.metadata != "drop" and not conversion.is_trimmed


def _tag_bytes(sound: Sound, conversion: Conversion) -> int:
    """Of everything that is text, at most."""
    chapters = _CHAPTER_BYTES * sound.chapters if _keeps_chapters(conversion) else 0
    return sound.tag_bytes + tag_bytes(conversion.tags) + chapters


def _keeps_cover(conversion: Conversion) -> bool:
    return conversion.target.cover and conversion.cover != "drop"


def _cover_bytes(sound: Sound, conversion: Conversion) -> int | None:
    if sound.cover is None or not _keeps_cover(conversion):
        return 0
    return sound.cover.bytes
