"""Input that is no audio, or too much of it: a coded refusal, and not one connection elsewhere."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from conversion.job import Status
from tests.converter.sounds import Sounds
from tests.converter.world import World


@dataclass
class Trap:
    """Listens where hostile files point, and counts who comes."""

    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    visitors: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}/secret"

    def listen(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.visitors += 1
            connection.close()


@pytest.fixture
def trap() -> Iterator[Trap]:
    made = Trap()
    thread = threading.Thread(target=made.listen, daemon=True)
    thread.start()
    yield made
    made.listener.shutdown(socket.SHUT_RDWR)
    made.listener.close()
    thread.join()


def _wav_header(rate: int, channels: int, data: bytes) -> bytes:
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * channels * 2, channels * 2, 16)
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(data))
    return b"RIFF" + struct.pack("<I", len(body) + len(data)) + body + data


HOSTILE = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{url}.ts\n#EXT-X-ENDLIST\n",
    "m3u": "#EXTM3U\n#EXTINF:123,Song\n{url}.mp3\n",
    "concat": "ffconcat version 1.0\nfile '{url}.mp3'\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 ::1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" '
    'profiles="urn:mpeg:dash:profile:isoff-live:2011"><BaseURL>{url}</BaseURL></MPD>',
    "svg": '<svg xmlns="http://www.w3.org/2000/svg"><image href="{url}"/></svg>',
    "text": "Notes of the meeting, saved as notes.mp3.\n" * 300,
    "html": "<html><body><audio src='{url}'></audio></body></html>\n" * 40,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_audio_is_unsupported_and_calls_nobody(
    world: World, trap: Trap, name: str
) -> None:
    job = world.convert(HOSTILE[name].format(url=trap.url).encode(), "mp3")

    assert job.status is Status.FAILED
    assert job.failure is not None
    assert job.failure.code == "UNSUPPORTED_INPUT", job.failure
    assert "http://" not in job.failure.message
    assert trap.visitors == 0
    assert world.keys() == []


def test_an_empty_file(world: World) -> None:
    job = world.convert(b"", "mp3")

    assert job.failure is not None
    assert job.failure.code == "EMPTY_INPUT"


def test_a_picture_has_no_audio(world: World, sounds: Sounds) -> None:
    job = world.convert(sounds.cover_bytes(), "mp3")

    assert job.failure is not None
    assert job.failure.code == "UNSUPPORTED_INPUT"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"max_input_bytes": 1000}, "INPUT_TOO_LARGE"),
        ({"max_duration_seconds": 1}, "INPUT_TOO_LONG"),
        ({"max_output_bytes": 1000}, "OUTPUT_TOO_LARGE"),
    ],
)
def test_limits(world: World, sounds: Sounds, changes: dict[str, int], code: str) -> None:
    job = world.convert(sounds.bytes("wav"), "mp3", **changes)

    assert job.failure is not None
    assert job.failure.code == code


@pytest.mark.parametrize(
    ("rate", "channels"), [(1, 2), (3999, 1), (800_000, 1), (44_100, 9), (44_100, 255)]
)
def test_absurd_headers(world: World, rate: int, channels: int) -> None:
    job = world.convert(_wav_header(rate, channels, bytes(20_000)), "mp3")

    assert job.failure is not None
    assert job.failure.code in ("INPUT_OUT_OF_RANGE", "UNSUPPORTED_INPUT")


def test_a_bomb_is_stopped_when_its_output_passes_the_limit(world: World, sounds: Sounds) -> None:
    """Its declared duration is small, so that only the writer can notice."""
    data = bytearray(sounds.bytes("mp3-no-xing"))

    job = world.convert(bytes(data), "wav", max_output_bytes=600_000)

    assert job.failure is not None
    assert job.failure.code == "OUTPUT_TOO_LARGE"
    assert world.keys() == []
