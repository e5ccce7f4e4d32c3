"""The output's end of ffmpeg: an FTP server of one client, one file, on loopback.

FTP because it is the one output protocol in which ffmpeg really seeks (`-ftp-write-seekable 1`).
To go back it sends ABOR, closes the data connection without waiting, and after the answer opens
another with `REST offset` and `STOR`. So one thread does everything strictly in turn: it reads a
data connection to its very end before it looks at the next command, and a patch can never overtake
the bytes it patches. ffmpeg's client never sends QUIT and does not wait for the last bytes to be
taken: whoever runs it must wait for `has_drained` after its end.

pyftpdlib was measured and lost bytes in most runs: it drops a transfer on ABOR (decision 0006).
"""

from __future__ import annotations

import logging
import re
import secrets
import select
import socket
import threading
from typing import Protocol, Self

from conversion.errors import Interrupted, OutputBroken

log = logging.getLogger(__name__)

_POLL_SECONDS = 0.2
_CHUNK_BYTES = 256 * 1024
_USER = "sluice"


class Writer(Protocol):
    def write(self, offset: int, data: memoryview) -> None: ...


class ObjectSink:
    """`with ObjectSink(writer) as sink:` — give ffmpeg `sink.url`, then wait for `has_drained`."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._token = secrets.token_urlsafe(24)
        self._control_port = _listen()
        self._data_port = _listen()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="sink", daemon=True)
        self.error: BaseException | None = None
        self.bytes_received = 0
        self.is_waiting = False  # for S3 to take what has been written
        self._greeted = False

    @property
    def url(self) -> str:
        port = self._control_port.getsockname()[1]
        return f"ftp://{_USER}:{self._token}@127.0.0.1:{port}/output"

    def has_drained(self, seconds: float) -> bool:
        """After ffmpeg's end: wait for what it sent to be written. Raises what the writer met."""
        self._thread.join(seconds)
        if self.error is not None:
            raise self.error
        if not self._greeted:
            raise OutputBroken("ffmpeg ended without having written anything.")
        return not self._thread.is_alive()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._closing.set()
        self._thread.join(10 * _POLL_SECONDS)
        self._control_port.close()
        self._data_port.close()

    def _serve(self) -> None:
        """Serve one client from its connection to its end; an error here ends the run."""
        try:
            with self._accept(self._control_port) as control:
                self._greeted = True
                _Session(self, control).run()
        except Exception as error:  # kept for `has_drained` and for the watch over ffmpeg
            self.error = error

    def _accept(self, port: socket.socket) -> socket.socket:
        while not self._closing.is_set():
            try:
                connection, _ = port.accept()
            except TimeoutError:
                continue
            connection.settimeout(_POLL_SECONDS)
            return connection
        raise Interrupted("The sink was closed while it waited for ffmpeg.")

    def accept_data(self) -> socket.socket:
        return self._accept(self._data_port)

    @property
    def data_port(self) -> int:
        return self._data_port.getsockname()[1]

    def is_token(self, password: str) -> bool:
        return secrets.compare_digest(password.encode(), self._token.encode())

    def check_open(self) -> None:
        if self._closing.is_set():
            raise Interrupted("The sink was closed while ffmpeg was writing.")

    def take(self, offset: int, data: memoryview) -> None:
        """The error stands before the connections close: ffmpeg, seeing them go, may be at its end
        and judged before this thread is."""
        self.is_waiting = True
        try:
            self._writer.write(offset, data)
        except Exception as error:
            self.error = error
            raise
        self.is_waiting = False
        self.bytes_received += len(data)


class _Session:
    """One control connection: what ffmpeg says, in order, and nothing else."""

    def __init__(self, sink: ObjectSink, control: socket.socket) -> None:
        self._sink = sink
        self._control = control
        self._pending = b""
        self._offset = 0
        self._known = False
        self._buffer = memoryview(bytearray(_CHUNK_BYTES))

    def run(self) -> None:
        self._say("220 sluice")
        while (line := self._hear()) is not None:
            verb, _, argument = line.partition(" ")
            if verb.upper() == "QUIT":
                self._say("221 bye")
                break
            self._answer(verb.upper(), argument)

    def _answer(self, verb: str, argument: str) -> None:
        if verb == "PASS" and self._sink.is_token(argument):
            self._known = True
            self._say("230 come in")
        elif verb == "STOR" and self._known:
            self._store()
        elif verb == "REST" and self._known and argument.isdecimal():
            self._offset = int(argument)
            self._say("350 from there")
        elif self._known or verb == "USER":
            self._say(self._plain_answer(verb))
        else:
            self._say("530 not logged in")

    def _plain_answer(self, verb: str) -> str:
        """RETR is refused on purpose: a muxer that wants to read back (`+faststart`) must fail at
        once and not hang."""
        return {
            "USER": "331 password",
            "TYPE": "200 as you like",
            "FEAT": "211 nothing more",
            "PWD": '257 "/"',
            "EPSV": f"229 passive (|||{self._sink.data_port}|)",
            "PASV": f"227 passive (127,0,0,1,{self._sink.data_port >> 8},"
            f"{self._sink.data_port & 255})",
            "SIZE": "550 nothing yet",
            "ABOR": "226 nothing under way",
        }.get(verb, "502 not here")

    def _store(self) -> None:
        """Take one data connection to its end, then the ABOR that may have announced its end."""
        offset, self._offset = self._offset, 0
        with self._sink.accept_data() as data:
            self._say("150 go on")
            while received := self._receive(data):
                self._sink.take(offset, self._buffer[:received])
                offset += received
        # ffmpeg sends ABOR before it closes the data connection, so it is here by now: then 226
        # is the answer to both. A second answer would be taken for that of a later command.
        if not (self._pending or select.select([self._control], [], [], 0)[0]):
            self._say("226 stored")

    def _receive(self, data: socket.socket) -> int:
        while True:
            self._sink.check_open()
            try:
                return data.recv_into(self._buffer)
            except TimeoutError:
                continue

    def _hear(self) -> str | None:
        """The next command; None when ffmpeg has gone, which is how it always leaves."""
        while b"\n" not in self._pending:
            self._sink.check_open()
            try:
                received = self._control.recv(4096)
            except TimeoutError:
                continue
            except ConnectionError:
                return None
            if not received:
                return None
            self._pending += received
        line, _, self._pending = self._pending.partition(b"\n")
        return re.sub(r"[^\x20-\x7e]", "", line.decode("ascii", "replace"))

    def _say(self, line: str) -> None:
        try:
            self._control.sendall(f"{line}\r\n".encode())
        except ConnectionError:
            log.debug("ffmpeg left before it was told: %s", line)


def _listen() -> socket.socket:
    listener = socket.create_server(("127.0.0.1", 0), backlog=4)
    listener.settimeout(_POLL_SECONDS)
    return listener
