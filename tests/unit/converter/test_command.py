"""The command lines: nothing in them that should not be, everything that a request asks for."""

from __future__ import annotations

from typing import Any

import pytest

from conversion.conversion import Conversion
from conversion.formats import FORMATS
from tasks.converter.command import DEMUXERS, convert_command, probe_command, to_sink
from tasks.converter.sound import Sound


def _found(**changes: Any) -> dict[str, Any]:
    audio = {
        "index": 0,
        "codec_type": "audio",
        "codec_name": "flac",
        "channels": 2,
        "sample_rate": "44100",
        "bits_per_raw_sample": "24",
        "duration": "30.5",
    }
    form = {"format_name": "flac", "duration": "31.0", "tags": {"title": "A"}}
    return {"streams": [audio | changes], "format": form}


def _sound(**changes: Any) -> Sound:
    return Sound.from_probe(_found(**changes), duration_is_guess=False)


@pytest.mark.parametrize("name", FORMATS)
def test_a_command_holds_no_secret_and_forces_the_demuxer(name: str) -> None:
    sound = _sound()
    command = [*convert_command("ffmpeg", sound, Conversion(name), "http://g"), *to_sink("ftp://s")]

    before = command[: command.index("-i")]
    assert before[before.index("-f") + 1] == "flac"
    assert before[before.index("-protocol_whitelist") + 1] == "http,tcp"
    assert command[-1] == "ftp://s"
    assert command[command.index("-c:a") + 1] in FORMATS[name].encoders


def test_playlists_are_not_among_the_demuxers() -> None:
    allowed = set(DEMUXERS.split(","))
    assert not allowed & {"hls", "concat", "dash", "sdp", "rtsp", "image2", "lavfi", "data"}
    assert DEMUXERS in probe_command("ffprobe", "http://g")


def test_the_rate_is_said_even_where_it_stays() -> None:
    """A filter may work at another one, and the encoder would keep that."""
    command = convert_command(
        "ffmpeg", _sound(), Conversion("flac"), "http://g", filters=["-af", "anull"]
    )
    assert command[command.index("-ar") + 1] == "44100"
    assert command[command.index("-af") + 1] == "anull"


def test_tags_on_the_stream_are_lifted() -> None:
    found = _found(tags={"TITLE": "A"})
    found["format"]["format_name"] = "ogg"
    command = convert_command("f", Sound.from_probe(found, False), Conversion("mp3"), "http://g")
    assert command[command.index("-map_metadata") + 1] == "0:s:0"
