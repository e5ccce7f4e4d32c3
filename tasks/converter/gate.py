"""The source's end of ffmpeg: an HTTP server on loopback that serves one object, with ranges.

ffmpeg reads from it as from a file, seeks included, and never learns a bucket, a key or a
credential. The address holds a random token. One gate serves ffprobe, ffmpeg and any second pass,
so what the probe read is still in memory when the conversion starts.

ffmpeg takes a connection that breaks off for the end of the file and exits with 0. So an error
here is kept in `error`, and whoever runs ffmpeg kills it for that.
"""

from __future__ import annotations

import re
import secrets
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, cast

from tasks.converter.blocks import BLOCK_BYTES, Blocks, Readable

_RANGE = re.compile(r"bytes=(\d{1,18})-(\d{0,18})")
_POLL_SECONDS = 0.05
# The kernel's own grow to megabytes on loopback: filled for nothing at every seek (an MP4 in
# fragments was sent 19 times over, 3.7 times with this), and "served" ran ahead of what was read.
_SEND_BUFFER_BYTES = 256 * 1024


class SourceGate:
    """`with SourceGate(objects, key, etag, size) as gate:` — give ffmpeg `gate.url`."""

    def __init__(self, objects: Readable, key: str, etag: str, size: int) -> None:
        self.size = size
        self._blocks = Blocks(objects, key, etag, size)
        self._token = secrets.token_urlsafe(24)
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_SECONDS,), name="gate", daemon=True
        )
        self._lock = threading.Lock()
        self._reached: dict[int, int] = {}
        self.error: BaseException | None = None
        self.bytes_served = 0

    @property
    def url(self) -> str:
        """Without a suffix: ffprobe must go by the bytes, not by what a name claims."""
        return f"http://127.0.0.1:{self._server.server_port}/{self._token}"

    @property
    def bytes_reached(self) -> int:
        """How much of the object has been handed out at least once: never falls."""
        with self._lock:
            return sum(self._reached.values())

    @property
    def bytes_fetched(self) -> int:
        return self._blocks.bytes_fetched

    @property
    def is_waiting(self) -> bool:
        return self._blocks.is_fetching

    def read(self, start: int, end: int) -> bytes:
        """Bytes for our own look at the container, through the same cache."""
        return b"".join(self._pieces(start, min(end, self.size)))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._blocks.close()
        self._server.shutdown()
        self._server.server_close()

    def is_mine(self, path: str) -> bool:
        return secrets.compare_digest(path.encode(), f"/{self._token}".encode())

    def send(self, start: int, end: int, connection: Any) -> None:
        """Send a range block by block; keeps what went wrong with the source in `error`."""
        pieces = self._pieces(start, end)
        while True:
            try:
                piece = next(pieces, None)
            except Exception as error:
                self.error = self.error or error
                raise
            if piece is None:
                return
            connection.sendall(piece)
            self._note(start, len(piece))
            start += len(piece)

    def _pieces(self, start: int, end: int) -> Any:
        """The range as views of blocks, none larger than the send buffer."""
        while start < end:
            index, within = divmod(start, BLOCK_BYTES)
            block = memoryview(self._blocks.get(index))
            length = min(_SEND_BUFFER_BYTES, end - start, len(block) - within)
            yield block[within : within + length]
            start += length

    def _note(self, start: int, length: int) -> None:
        index, within = divmod(start, BLOCK_BYTES)
        with self._lock:
            self.bytes_served += length
            self._reached[index] = max(self._reached.get(index, 0), within + length)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, gate: SourceGate) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        self.gate = gate

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing to print: a reader that left is no error, and the gate keeps those that are."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        gate = cast(_Server, self.server).gate
        if not gate.is_mine(self.path):
            self._refuse(404)
        elif (wanted := self._wanted(gate.size)) is None:
            self._refuse(416)
        else:
            self._serve(gate, *wanted)

    def _serve(self, gate: SourceGate, start: int, end: int) -> None:
        self.send_response(206 if "Range" in self.headers else 200)
        self.send_header("Content-Length", str(end - start))
        self.send_header("Content-Range", f"bytes {start}-{end - 1}/{gate.size}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Type", "application/octet-stream")
        self.end_headers()
        try:
            gate.send(start, end, self.connection)
        except Exception:  # kept by the gate, or a reader that left: either way this answer is over
            self.close_connection = True

    def _wanted(self, size: int) -> tuple[int, int] | None:
        """The range asked for, end exclusive; None when it cannot be satisfied."""
        asked = self.headers.get("Range")
        if asked is None:
            return (0, size)
        match = _RANGE.fullmatch(asked)
        if match is None:
            return None
        start, end = int(match[1]), min(int(match[2] or size) + 1, size)
        return (start, end) if start < end else None

    def _refuse(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """One line a request would drown the job's log."""
