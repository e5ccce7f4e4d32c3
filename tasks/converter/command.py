"""The command lines: what we let ffprobe and ffmpeg do, in one place.

An argument list each, built from the format table and from what the probe found. Nothing a user
typed becomes an argument: not a file name, not a tag, not a bitrate that the domain did not check.
"""

from __future__ import annotations

from conversion.formats import Format
from conversion.job import Conversion
from tasks.converter.sound import Sound

# Demuxers that read one input and open nothing else: no playlists, no `concat`, no `sdp`, no image
# sequences, no subtitles. ffmpeg's names (`ffmpeg -demuxers`).
DEMUXERS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,dts,dtshd,eac3,flac,flv,iff,matroska,mov,mp3,mpc,mpc8,"
    "mpeg,mpegts,mxf,ogg,rm,shorten,tak,tta,voc,w64,wav,wv,xwma"
)

# How much is read to find out what it is: enough for a big cover in front of the audio. ffmpeg
# gets the same figures as ffprobe, or the two could disagree.
_LOOK = ["-probesize", "16M", "-analyzeduration", "10M", "-max_streams", "64"]
_SEE = (
    "format=format_name,duration,probe_score:format_tags:"
    "stream=index,codec_name,codec_type,channels,sample_rate,sample_fmt,bits_per_raw_sample,"
    "bits_per_sample,duration:stream_tags:stream_disposition=attached_pic,default:"
    "packet=stream_index,size:chapter=id:chapter_tags"
)
# One allocation may take this much: the index of a day of AAC does, a forged header must not.
_MOST_ALLOCATED = str(512 * 1024**2)

# A RIFF header counts to 4 GiB in 32 bits; beyond that WAV needs RF64 (EBU Tech 3306).
_RIFF_BYTES = 2**32 - 64 * 1024

_BOX_BYTES = 16 * 1024
_SAMPLES_OF_AN_AAC_FRAME = 1024
_FASTEST_AAC = 96_000


def probe_command(ffprobe: str, url: str) -> list[str]:
    """The packets asked for are the first few: a cover is among them, and so its size known."""
    return [
        *(ffprobe, "-hide_banner", "-v", "level+warning"),
        *("-format_whitelist", DEMUXERS, "-protocol_whitelist", "http,tcp", *_LOOK),
        *("-show_entries", _SEE, "-read_intervals", "%+#4", "-of", "json", url),
    ]


def convert_command(
    ffmpeg: str, sound: Sound, conversion: Conversion, source_url: str, moov_room: int = 0
) -> list[str]:
    """Everything but the output, which is one of the two below."""
    return [
        *(ffmpeg, "-hide_banner", "-nostdin", "-nostats", "-v", "level+verbose"),
        *("-progress", "pipe:1", "-stats_period", "0.5", "-max_alloc", _MOST_ALLOCATED),
        *("-f", sound.demuxer, "-format_whitelist", sound.demuxer),
        *("-protocol_whitelist", "http,tcp", *_LOOK, "-i", source_url),
        *_streams(sound, conversion.target),
        *_encoder(sound, conversion),
        *_muxer(sound, conversion.target, moov_room),
    ]


def to_sink(url: str) -> list[str]:
    return ["-protocol_whitelist", "ftp,tcp", "-ftp-write-seekable", "1", url]


def to_file(path: str) -> list[str]:
    return ["-protocol_whitelist", "file", "-y", f"file:{path}"]


def moov_room(sound: Sound, target: Format) -> int:
    """Bytes to reserve in front of the audio for `moov`, so that an M4A starts to play at once.

    4 bytes a frame for the sample sizes, the tags, chapters and cover, and some air. 0, which means
    `moov` last, where that cannot be known. Measured on ffmpeg 6.0: 5,989 bytes for 30 s without
    tags; too little is an error on its log, and on 5.1 and 6.0 a broken file with exit code 0.
    """
    if target.muxer != "ipod" or sound.duration_seconds is None or sound.duration_is_guess:
        return 0
    cover = 0 if sound.cover is None else sound.cover.bytes
    if cover is None:
        return 0
    samples = sound.duration_seconds * min(sound.sample_rate, _FASTEST_AAC)
    frames = int(1.02 * samples / _SAMPLES_OF_AN_AAC_FRAME)
    return _BOX_BYTES + 4 * frames + 2 * sound.tag_bytes + 1024 * sound.chapters + cover


def projected_bytes(sound: Sound, conversion: Conversion) -> int:
    """About how large the output will be; 0 when the input's duration is not known."""
    target = conversion.target
    seconds = sound.duration_seconds or 0.0
    if target.bitrates is None:
        depth = 3 if _is_deep(sound, target) else 2
        return int(seconds * sound.sample_rate * _channels(sound, target) * depth)
    kbps = conversion.bitrate_kbps or target.bitrates.default or target.bitrates.most
    return int(seconds * kbps * 1000 / 8)


def _streams(sound: Sound, target: Format) -> list[str]:
    """One audio stream and, where the container holds it, the cover. Ogg keeps its tags on the
    stream; muxers that have only global ones would lose them."""
    chosen = ["-map", f"0:{sound.stream}"]
    if sound.cover is not None and target.cover:
        chosen += ["-map", f"0:{sound.cover.stream}", "-c:v", "copy"]
        chosen += ["-disposition:v:0", "attached_pic"]
    if sound.tags_are_on_stream:
        chosen += ["-map_metadata", f"0:s:{sound.stream}"]
    return chosen


def _encoder(sound: Sound, conversion: Conversion) -> list[str]:
    target = conversion.target
    is_deep = _is_deep(sound, target)
    arguments = ["-c:a", (is_deep and target.deep_encoder) or target.encoder]
    arguments += [] if is_deep else target.shallow_arguments
    if sound.channels > target.most_channels:
        arguments += ["-ac", str(target.most_channels)]
    bitrate = conversion.bitrate_kbps or (target.bitrates and target.bitrates.default)
    return arguments + (["-b:a", f"{bitrate}k"] if bitrate else list(target.arguments))


def _muxer(sound: Sound, target: Format, room: int) -> list[str]:
    """`-flush_packets 0`: fewer, larger writes, and the same bytes."""
    arguments = [*target.muxer_arguments, "-flush_packets", "0", "-f", target.muxer]
    if room:
        arguments += ["-moov_size", str(room)]
    large = projected_bytes(sound, Conversion(target.name)) > _RIFF_BYTES
    if target.muxer == "wav" and large:
        arguments += ["-rf64", "always"]
    return arguments


def _is_deep(sound: Sound, target: Format) -> bool:
    return target.lossless and sound.bits > 16


def _channels(sound: Sound, target: Format) -> int:
    return min(sound.channels, target.most_channels)
