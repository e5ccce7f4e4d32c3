"""Input that is no audio, or points elsewhere: a coded end, and not one connection, not one byte of
another file.

Of the allowed demuxers only `mov` can open a second source at all (`mov_open_dref` in ffmpeg's
libavformat/mov.c), and does not unless told to by `-enable_drefs`.
"""

from __future__ import annotations

import gzip
import io
import random
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from conversion.job import Status
from tests.converter import forged
from tests.converter.links import LINKS, referring
from tests.converter.sounds import Sounds
from tests.converter.traps import Guard, Trap

_LONG = pytest.mark.long


def _each(form: str) -> Callable[[list[str]], str]:
    return lambda references: "".join(form.format(each) for each in references)


def _around(head: str, form: str, tail: str = "") -> Callable[[list[str]], str]:
    return lambda references: head + _each(form)(references) + tail


_HLS = "#EXTM3U\n#EXT-X-VERSION:5\n#EXT-X-TARGETDURATION:9\n"
_SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n"
_MPD = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'mediaPresentationDuration="PT9S" profiles="urn:mpeg:dash:profile:isoff-live:2011"><Period>'
)
_SET = '<AdaptationSet><Representation id="1" bandwidth="1"><BaseURL>{}</BaseURL></Representation>'
PLAYLISTS: dict[str, Callable[[list[str]], str]] = {
    "hls": _around(_HLS, "#EXTINF:9,\n{}\n", "#EXT-X-ENDLIST\n"),
    "hls-master": _around("#EXTM3U\n", "#EXT-X-STREAM-INF:BANDWIDTH=1\n{}\n"),
    "hls-key": _around(_HLS, '#EXT-X-KEY:METHOD=AES-128,URI="{}"\n#EXTINF:9,\nx.ts\n'),
    "hls-map": _around(_HLS, '#EXT-X-MAP:URI="{}"\n#EXTINF:9,\nx.mp4\n'),
    "m3u": _around("#EXTM3U\n", "#EXTINF:123,Song\n{}\n"),
    "pls": _around("[playlist]\nNumberOfEntries=1\nVersion=2\n", "File1={}\nLength1=-1\n"),
    "xspf": _around(
        '<?xml version="1.0"?><playlist version="1" xmlns="http://xspf.org/ns/0/"><trackList>',
        "<track><location>{}</location></track>",
        "</trackList></playlist>",
    ),
    "cue": _around("", 'FILE "{}" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n'),
    "wpl": _around("<?wpl version='1.0'?><smil><body><seq>", '<media src="{}"/>', "</seq></body>"),
    "asx": _around('<asx version="3.0">', '<entry><ref href="{}"/></entry>', "</asx>"),
    "concat": _around("ffconcat version 1.0\n", "file '{}'\nduration 5\n"),
    "ffmetadata": _around(";FFMETADATA1\n", "title={}\n"),
    "sdp": _around(_SDP, "a=control:{}\n"),
    "dash": _around(_MPD, _SET + "</AdaptationSet>", "</Period></MPD>"),
    "ism": _around("<SmoothStreamingMedia>", '<c n="{}"/>', "</SmoothStreamingMedia>"),
    "imf": _around("<CompositionPlaylist>", "<Id>{}</Id>", "</CompositionPlaylist>"),
    "svg": _around('<svg xmlns="http://www.w3.org/2000/svg">', '<image href="{}"/>', "</svg>"),
    "html": _around("<html><body>", "<audio src='{}'></audio>", "</body></html>"),
    "entity": _around("<!DOCTYPE x [", '<!ENTITY e SYSTEM "{}">', "]><x>&e;</x>"),
    "ram": _each("{}\n"),
    "rtsptext": _around("RTSPtext\n", "{}\n"),
    "avisynth": _each('DirectShowSource("{}")\n'),
    "webvtt": _around("WEBVTT\n\n", "00:00.000 --> 00:09.000\n{}\n\n"),
    "idx": _around("# VobSub index file, v7\n", "id: en, index: 0\nalt: {}\n"),
}


def _with_tail(names: Iterable[str], first: int) -> list[Any]:
    """The first few in every run, the rest in the long one."""
    whole = list(names)
    return [*whole[:first], *(pytest.param(name, marks=_LONG) for name in whole[first:])]


@pytest.mark.parametrize("name", _with_tail(PLAYLISTS, 15))
def test_a_playlist_is_unsupported_and_calls_nobody(guard: Guard, name: str) -> None:
    text = PLAYLISTS[name](guard.references())

    assert guard.refuse(text.encode()) == "UNSUPPORTED_INPUT"


@pytest.mark.long
@pytest.mark.parametrize("name", PLAYLISTS)
def test_a_playlist_of_one_entry_in_any_form(guard: Guard, name: str) -> None:
    for reference in guard.references()[::4]:
        text = PLAYLISTS[name]([reference]).encode()
        assert guard.refuse(text) == "UNSUPPORTED_INPUT", reference


def _tagged(text: bytes, sounds: Sounds) -> bytes:
    return forged.id3(forged.id3_frame(b"TIT2", b"\0song")) + text


def _in_aac(text: bytes, sounds: Sounds) -> bytes:
    return sounds.bytes("adts")[:400] + text


def _in_wav(text: bytes, sounds: Sounds) -> bytes:
    return forged.wav(data=text)


def _in_utf16(text: bytes, sounds: Sounds) -> bytes:
    return text.decode().encode("utf-16")


def _behind_zeros(text: bytes, sounds: Sounds) -> bytes:
    return bytes(1024) + text


@pytest.mark.parametrize("wrap", [_tagged, _in_aac, _in_wav, _in_utf16, _behind_zeros])
@pytest.mark.parametrize(
    "name", ["hls", *(pytest.param(name, marks=_LONG) for name in ("concat", "dash", "sdp"))]
)
def test_a_playlist_in_disguise_calls_nobody(
    guard: Guard, sounds: Sounds, name: str, wrap: Callable[[bytes, Sounds], bytes]
) -> None:
    """It may pass for audio, of which it is very little."""
    guard.convert(wrap(PLAYLISTS[name](guard.references()).encode(), sounds))


def _zipped(name: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(name, b"<x/>" * 500)
    return held.getvalue()


def _picture(sounds: Sounds, muxer: str, *encoder: str) -> bytes:
    path = sounds.folder / f"picture.{muxer}"
    if not path.exists():
        source = ["-f", "lavfi", "-i", "testsrc=size=64x64:duration=1", "-frames:v", "1"]
        sounds.make(path, [*source, *encoder, "-f", muxer])
    return path.read_bytes()


NO_AUDIO: dict[str, Callable[[Sounds], bytes]] = {
    "one-byte": lambda _: b"\xff",
    "zeros": lambda _: bytes(100_000),
    "text": lambda _: b"Notes of the meeting, saved as notes.mp3.\n" * 300,
    "utf-16": lambda _: ("Notizen über das Treffen.\n" * 300).encode("utf-16"),
    "huge-text": lambda _: b"All work and no play makes Jack a dull boy. " * 400_000,
    "html": lambda _: b"<html><body><audio src='x'></audio></body></html>\n" * 40,
    "json": lambda _: b'{"a": [' + b"1, " * 30_000 + b"1]}",
    "zip": lambda _: _zipped("song.mp3"),
    "docx": lambda _: _zipped("word/document.xml"),
    "gzip": lambda _: gzip.compress(bytes(10**7)),
    "pdf": lambda _: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n" * 50 + b"%%EOF",
    "exe": lambda _: b"MZ\x90\0\x03" + bytes(55) + b"\x80\0\0\0" + bytes(64) + b"PE\0\0L\x01" * 99,
    "elf": lambda _: Path(sys.executable).read_bytes()[:200_000],
    "jpeg": lambda sounds: sounds.cover_bytes(),
    "png": lambda sounds: _picture(sounds, "image2pipe", "-c:v", "png"),
    "gif": lambda sounds: _picture(sounds, "gif"),
    "tiff": lambda sounds: _picture(sounds, "image2pipe", "-c:v", "tiff"),
    "midi": lambda _: b"MThd\0\0\0\x06\0\x01\0\x01\0\x60MTrk\0\0\0\x04\0\xff\x2f\0",
    "postscript": lambda _: b"%!PS-Adobe-3.0\n(/etc/passwd) (r) file\n" * 20,
    "shell": lambda _: b"#!/bin/sh\ncat /etc/passwd\n",
}


@pytest.mark.parametrize("name", _with_tail(NO_AUDIO, 15))
def test_what_is_no_audio_is_unsupported(guard: Guard, sounds: Sounds, name: str) -> None:
    assert guard.refuse(NO_AUDIO[name](sounds)) in ("UNSUPPORTED_INPUT", "NO_AUDIO_STREAM")


def test_an_empty_file(guard: Guard) -> None:
    assert guard.refuse(b"") == "EMPTY_INPUT"


def test_a_film_without_sound(guard: Guard, sounds: Sounds) -> None:
    assert guard.refuse(_picture(sounds, "mp4", "-c:v", "mpeg4")) == "NO_AUDIO_STREAM"


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(n, marks=_LONG) for n in range(3, 40))])
def test_random_bytes(guard: Guard, seed: int) -> None:
    guard.convert(random.Random(seed).randbytes(200_000))


@pytest.mark.parametrize("kind", [b"url ", b"urn ", b"alis"])
def test_an_m4a_whose_audio_is_elsewhere_opens_nothing(
    guard: Guard, sounds: Sounds, kind: bytes
) -> None:
    for reference in (str(guard.secret), f"file://{guard.secret}", guard.trap.url):
        guard.convert(referring(sounds, kind, reference))


@pytest.mark.parametrize("name", LINKS)
def test_a_container_that_links_to_another_file_opens_nothing(
    guard: Guard, sounds: Sounds, name: str
) -> None:
    for reference in (str(guard.secret), guard.trap.url):
        job = guard.convert(LINKS[name](reference, sounds), "flac")
        assert (job.status is Status.COMPLETED) is (name != "mov"), job.failure


def test_the_trap_and_the_secret_would_tell(guard: Guard, sounds: Sounds, tmp_path: Path) -> None:
    """What cannot spring proves nothing: an ffprobe that may do more walks into both."""
    trap, playlist, movie = Trap(), tmp_path / "trap.m3u8", tmp_path / "movie.m4a"
    playlist.write_text(PLAYLISTS["hls"]([trap.url + ".ts"]))
    movie.write_bytes(referring(sounds, b"alis", str(guard.secret)))
    probe = [guard.world.settings.ffprobe, "-v", "quiet", "-show_packets", "-show_data"]

    subprocess.run([*probe, "-protocol_whitelist", "file,http,tcp", playlist], check=False)
    opened = ["-enable_drefs", "1", "-use_absolute_path", "1", movie]
    said = subprocess.run([*probe, *opened], capture_output=True, check=False).stdout

    assert trap.visitors > 0
    assert b"secret" in said
    trap.close()
