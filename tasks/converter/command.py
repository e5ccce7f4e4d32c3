"""The command lines: what we let ffprobe and ffmpeg do, in one place.

An argument list each, built from what the probe found and, by encode.py, from the format table.
"""

from __future__ import annotations

from collections.abc import Sequence

from conversion.conversion import Conversion
from tasks.converter.encode import output_options
from tasks.converter.sound import Sound

# Demuxers that read one input and open nothing else: no playlists, no `concat`, no `sdp`, no image
# sequences, no subtitles. ffmpeg's names (`ffmpeg -demuxers`).
DEMUXERS = (
    "aac,ac3,adx,aiff,amr,ape,asf,au,avi,caf,dsf,dts,dtshd,eac3,flac,flv,iff,ircam,loas,matroska,"
    "mov,mp3,mpc,mpc8,mpeg,mpegts,mxf,ogg,rm,shn,sox,tak,tta,voc,w64,wav,wv,xwma"
)

# How much is read to find out what it is: enough for a big cover in front of the audio. ffmpeg
# gets the same figures as ffprobe, or the two could disagree.
_LOOK = ["-probesize", "16M", "-analyzeduration", "10M", "-max_streams", "64"]
_SEE = (
    "format=format_name,duration,probe_score:format_tags:"
    "stream=index,codec_name,codec_type,channels,channel_layout,sample_rate,sample_fmt,"
    "bits_per_raw_sample,bits_per_sample,start_time,duration:stream_tags:"
    "stream_disposition=attached_pic,default:"
    "packet=stream_index,size:chapter=id:chapter_tags"
)
# One allocation may take this much: the index of a day of AAC does, a forged header must not.
_MOST_ALLOCATED = str(512 * 1024**2)


def probe_command(ffprobe: str, url: str) -> list[str]:
    """The packets asked for are the first few: a cover is among them, and so its size known."""
    return [
        *(ffprobe, "-hide_banner", "-v", "level+warning"),
        *("-format_whitelist", DEMUXERS, "-protocol_whitelist", "http,tcp", *_LOOK),
        *("-show_entries", _SEE, "-read_intervals", "%+#4", "-of", "json", url),
    ]


def convert_command(
    ffmpeg: str,
    sound: Sound,
    conversion: Conversion,
    source_url: str,
    moov_room: int = 0,
    filters: Sequence[str] = (),
) -> list[str]:
    """Everything but the output, which is one of the two below. `filters` are filters.py's."""
    return [
        *_reading(ffmpeg, sound, source_url),
        *filters,
        *output_options(sound, conversion, moov_room),
    ]


def measure_command(ffmpeg: str, sound: Sound, source_url: str, filters: str) -> list[str]:
    """Decode, measure, and write nothing: the `null` muxer opens no file."""
    return [
        *_reading(ffmpeg, sound, source_url),
        *("-map", f"0:{sound.stream}", *(("-af", filters) if filters else ())),
        *("-f", "null", "-"),
    ]


def to_sink(url: str) -> list[str]:
    return ["-protocol_whitelist", "ftp,tcp", "-ftp-write-seekable", "1", url]


def to_file(path: str) -> list[str]:
    return ["-protocol_whitelist", "file", "-y", f"file:{path}"]


def _reading(ffmpeg: str, sound: Sound, source_url: str) -> list[str]:
    return [
        *(ffmpeg, "-hide_banner", "-nostdin", "-nostats", "-v", "level+verbose"),
        *("-progress", "pipe:1", "-stats_period", "0.5", "-max_alloc", _MOST_ALLOCATED),
        *("-f", sound.demuxer, "-format_whitelist", sound.demuxer),
        *("-protocol_whitelist", "http,tcp", *_LOOK, "-i", source_url),
    ]
