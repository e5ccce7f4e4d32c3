"""How much of a file is missing at its end, asked of the container's own structure.

ffmpeg does not notice: it converts half a file and exits with 0. ffprobe's duration helps with
some containers (FLAC, WavPack); for others it counts the bytes there are, takes the last whole page
for the end, or guesses from the bitrate. So the sizes that a container writes down are looked up
here. What writes down none (MP3 without a Xing header, AC-3, DTS, ADTS, AMR, MPEG streams, a file
that was recorded live) cannot tell, and its job says so (verify.py).
"""

from __future__ import annotations

from collections.abc import Callable

from tasks.converter.containers import boxes, chunks, rows
from tasks.converter.containers.claims import UNKNOWN, Bytes, Missing

# Its demuxer asks for whole frames, so "Packet corrupt" can only be a cut.
FRAME_BY_FRAME = frozenset({"aac"})

# By ffmpeg's name of the demuxer.
_LOOKS: dict[str, Callable[[Bytes], Missing]] = {
    "aiff": chunks.iff,
    "ape": rows.ape,
    "asf": boxes.asf,
    "au": chunks.au,
    "avi": chunks.avi,
    "caf": chunks.caf,
    "dsf": chunks.dsf,
    "dtshd": chunks.dtshd,
    "flac": rows.flac,
    "flv": boxes.flv,
    "iff": chunks.iff,
    "matroska": boxes.matroska,
    "mov": boxes.mov,
    "mp3": rows.mp3,
    "mxf": boxes.mxf,
    "ogg": rows.ogg,
    "rm": chunks.realmedia,
    "tta": rows.tta,
    "voc": chunks.voc,
    "w64": chunks.w64,
    "wav": chunks.wav,
    "wv": rows.wavpack,
    "xwma": chunks.wav,
}

# How files begin that a cut makes unreadable for ffprobe: where, what, whose look.
_BEGINNINGS = (
    (4, b"ftyp", "mov"),
    (4, b"moov", "mov"),
    (4, b"mdat", "mov"),
    (4, b"wide", "mov"),
    (0, b"ID3", "mp3"),
    (0, b"\xff\xfb", "mp3"),
    (0, b"\xff\xf3", "mp3"),
    (0, b"caff", "caf"),
    (0, b"RIFF", "wav"),
    (0, b"FORM", "aiff"),
    (0, b"OggS", "ogg"),
    (0, b"TTA1", "tta"),
    (0, b"wvpk", "wv"),
    (0, b"fLaC", "flac"),
    (0, b".RMF", "rm"),
    (0, b".snd", "au"),
    (0, b"RF64", "wav"),
    (0, b"riff", "w64"),
    (0, b"FRM8", "iff"),
    (0, b"DSD ", "dsf"),
    (0, b"MAC ", "ape"),
    (0, b"FLV\1", "flv"),
    (0, b"Creative Voice File", "voc"),
    (0, b"DTSHDHDR", "dtshd"),
    (0, b"\x06\x0e\x2b\x34", "mxf"),
    (0, b"\x1a\x45\xdf\xa3", "matroska"),
    (0, b"\x30\x26\xb2\x75", "asf"),
)


def missing(demuxer: str, source: Bytes) -> Missing:
    look = _LOOKS.get(demuxer)
    return look(source) if look else UNKNOWN


def is_cut(source: Bytes) -> bool:
    """Whether a file that could not be read at all was cut, going by how it begins."""
    head = bytes(source.read(0, min(20, source.size)))
    look = next((name for at, start, name in _BEGINNINGS if head[at:].startswith(start)), "")
    if look == "wav" and head[8:12] == b"AVI ":
        look = "avi"
    return rows.ends_in_its_tag(source) or missing(look, source).bytes > 0
