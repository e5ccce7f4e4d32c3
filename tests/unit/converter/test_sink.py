"""The FTP server, spoken to as ffmpeg speaks to it."""

from __future__ import annotations

import re
import socket
import threading
import time
from typing import cast
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings

from conversion.errors import OutputBroken, PatchOutOfReach
from conversion.stores.objects import Objects, Part
from tasks.converter.sink import ObjectSink
from tasks.converter.upload import MultipartUpload
from tasks.converter.writer import ObjectWriter
from tests.unit.converter.writes import PART, File, Write, writes


class Memory:
    """A writer that is a plain file in memory."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.error: Exception | None = None

    def write(self, offset: int, data: memoryview) -> None:
        if self.error is not None:
            raise self.error
        self.data.extend(bytes(max(0, offset + len(data) - len(self.data))))
        self.data[offset : offset + len(data)] = data


class Client:
    """As much of libavformat's FTP client as writes."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        assert address.port
        self.control = socket.create_connection(("127.0.0.1", address.port))
        self.lines = self.control.makefile("r", newline="\r\n")
        self.password = address.password

    def log_in(self) -> None:
        assert self.hear() == "220"
        assert self.ask("USER sluice") == "331"
        assert self.ask(f"PASS {self.password}") == "230"

    def ask(self, command: str) -> str:
        self.control.sendall(f"{command}\r\n".encode())
        return self.hear()

    def hear(self) -> str:
        self.heard = self.lines.readline()
        return self.heard[:3]

    def store(self, offset: int) -> socket.socket:
        assert self.ask("EPSV") == "229"
        port = re.search(r"\|\|\|(\d+)\|", self.heard)
        assert port
        data = socket.create_connection(("127.0.0.1", int(port[1])))
        if offset:
            assert self.ask(f"REST {offset}") == "350"
        assert self.ask("STOR /output") == "150"
        return data

    def seek(self, data: socket.socket, offset: int) -> socket.socket:
        """ABOR, then close the data connection, then wait: the order of libavformat."""
        self.control.sendall(b"ABOR\r\n")
        data.close()
        assert self.hear() == "226"
        return self.store(offset)

    def leave(self) -> None:
        self.lines.close()
        self.control.close()


def test_a_patch_never_overtakes_what_it_patches() -> None:
    file = Memory()
    with ObjectSink(file) as sink:
        client = Client(sink.url)
        client.log_in()
        for command, answer in (("TYPE I", "200"), ("FEAT", "211"), ("PWD", "257")):
            assert client.ask(command) == answer
        assert client.ask("SIZE /output") == "550"
        data = client.store(0)
        for round in range(20):
            data.sendall(bytes([round]) * 500_000)
            data = client.seek(data, 10)
            data.sendall(b"patch")
            data = client.seek(data, 500_000 * (round + 1))
        client.leave()
        data.close()
        while not sink.has_drained(0.1):
            pass

    assert len(file.data) == 20 * 500_000
    assert file.data[10:15] == b"patch"
    assert file.data[0] == 0
    assert file.data[-1] == 19
    assert sink.bytes_received == 20 * 500_005


def test_a_stranger_may_store_nothing() -> None:
    file = Memory()
    with ObjectSink(file) as sink:
        client = Client(sink.url)
        assert client.hear() == "220"
        assert client.ask("STOR /output") == "530"
        assert client.ask("USER sluice") == "331"
        assert client.ask("PASS guess") == "530"
        assert client.ask("EPSV") == "530"
        client.leave()
    assert file.data == b""


def test_reading_back_is_refused_at_once() -> None:
    with ObjectSink(Memory()) as sink:
        client = Client(sink.url)
        client.log_in()
        assert client.ask("RETR /output") == "502"
        assert client.ask("PASV") == "227"
        assert client.ask("ABOR") == "226"
        assert client.ask("QUIT") == "221"
        client.leave()


def test_what_the_writer_meets_is_raised_and_the_connection_ends() -> None:
    file = Memory()
    file.error = PatchOutOfReach("gone")
    with ObjectSink(file) as sink:
        client = Client(sink.url)
        client.log_in()
        data = client.store(0)
        data.sendall(b"x")
        assert client.lines.read() == ""
        assert sink.error is file.error  # by then: ffmpeg is judged as soon as it sees this
        with pytest.raises(PatchOutOfReach):
            sink.has_drained(5)
        data.close()
        client.leave()


def test_nobody_came() -> None:
    with ObjectSink(Memory()) as sink, pytest.raises(OutputBroken):
        sink.has_drained(0)


class Bucket:
    """S3 behind a real MultipartUpload: takes a moment for each part."""

    def __init__(self) -> None:
        self.parts: dict[int, bytes] = {}
        self.whole: bytes | None = None
        self.ended: str | None = None

    def start_multipart(self, key: str, media_type: str) -> str:
        return "upload"

    def put_part(self, key: str, upload_id: str, number: int, body: bytes | bytearray) -> Part:
        time.sleep(0.001 * (number % 3))
        assert number not in self.parts
        self.parts[number] = bytes(body)
        return Part(number, f"etag-{number}", "crc")

    def put(self, key: str, body: bytes | bytearray, media_type: str) -> str:
        self.whole, self.ended = bytes(body), "completed"
        return "etag"

    def complete_multipart(self, key: str, upload_id: str, parts: list[Part]) -> str:
        assert [part.number for part in parts] == list(range(1, len(self.parts) + 1))
        self.ended = "completed"
        return "etag"

    def abort_multipart(self, key: str, upload_id: str) -> None:
        self.ended = "aborted"

    @property
    def object(self) -> bytes:
        if self.whole is not None:
            return self.whole
        return b"".join(self.parts[number] for number in sorted(self.parts))


def _play(url: str, file: File, steps: list[Write]) -> None:
    """Say it all as ffmpeg would. Stops, as ffmpeg does, when the sink hangs up."""
    client, at = Client(url), 0
    client.log_in()
    data = client.store(0)
    try:
        for step in steps:
            offset = step.offset(len(file.data))
            if offset != at:
                data = client.seek(data, offset)
            if not file.can_take(offset, step.length):
                file.refused = True
            file.write(offset, step.data)
            data.sendall(step.data)
            at = offset + step.length
    except (ConnectionError, AssertionError):
        if not file.refused:
            raise
    finally:
        client.leave()
        data.close()


def _check_through_ftp(steps: list[Write]) -> None:
    bucket, file = Bucket(), File()
    upload = MultipartUpload(cast(Objects, bucket), "key", "audio/x", threading.Event())
    try:
        with ObjectWriter(upload, 100_000, PART) as writer, ObjectSink(writer) as sink:
            _play(sink.url, file, steps)
            while not sink.has_drained(0.1):
                pass
            writer.finish()
    except PatchOutOfReach:
        assert file.refused
        assert bucket.ended == "aborted"
        return
    assert not file.refused
    assert bucket.ended == "completed"
    assert bucket.object == bytes(file.data)


@given(writes(most=12))
@settings(max_examples=40, deadline=None)
def test_any_session_makes_the_file_or_is_refused(steps: list[Write]) -> None:
    """From ffmpeg's end of the connection to S3's: client, sink, writer, upload, threads."""
    _check_through_ftp(steps)


@given(writes(most=40))
@pytest.mark.long
@settings(max_examples=400, deadline=None)
def test_so_do_many_long_sessions(steps: list[Write]) -> None:
    _check_through_ftp(steps)
