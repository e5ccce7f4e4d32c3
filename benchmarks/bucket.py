"""An S3 in a process of its own, as cheap as it can be: what is measured is the converter.

moto and ministack hold objects in memory and cost more CPU than the conversion. This one keeps
bytes in files, sends them with sendfile(2), and knows the seven requests that the measured ways
make. It counts requests and bytes. It checks neither signatures nor checksums and its ETags are
made up: benchmarks/identity.py compares the bytes that arrived instead.

    python -m benchmarks.bucket FOLDER      prints its port, then serves until it is killed
"""

from __future__ import annotations

import json
import re
import sys
import threading
import uuid
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

STATISTICS = "/statistics"
_CHUNK_BYTES = 1024**2


@dataclass(frozen=True)
class Stored:
    """An object as the files of its parts, in order: completing an upload copies nothing."""

    etag: str
    parts: list[Path]

    @property
    def size(self) -> int:
        return sum(part.stat().st_size for part in self.parts)

    def drop(self) -> None:
        for part in self.parts:
            part.unlink(missing_ok=True)


@dataclass
class Bucket:
    """Every object of every bucket, by path."""

    folder: Path
    objects: dict[str, Stored] = field(default_factory=dict[str, Stored])
    uploads: dict[str, dict[int, Path]] = field(default_factory=dict[str, dict[int, Path]])
    requests: Counter[str] = field(default_factory=Counter[str])
    received: int = 0
    sent: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def file(self) -> Path:
        return self.folder / uuid.uuid4().hex

    def count(self, request: str, received: int = 0, sent: int = 0) -> None:
        with self.lock:
            self.requests[request] += 1
            self.received += received
            self.sent += sent

    def statistics(self) -> dict[str, Any]:
        with self.lock:
            return {"requests": dict(self.requests), "received": self.received, "sent": self.sent}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, bucket: Bucket) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bucket = bucket

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed, or left with an answer half read, is nobody's error here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    @property
    def _bucket(self) -> Bucket:
        return cast(_Server, self.server).bucket

    @property
    def _path(self) -> str:
        return unquote(urlsplit(self.path).path)

    @property
    def _query(self) -> dict[str, str]:
        query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        return {name: values[0] for name, values in query.items()}

    def do_HEAD(self) -> None:
        self._bucket.count("HeadObject")
        if (found := self._bucket.objects.get(self._path)) is None:
            self._answer(404)
        else:
            self._answer(200, length=found.size, ETag=f'"{found.etag}"')

    def do_GET(self) -> None:
        if self._path == STATISTICS:
            self._answer(200, json.dumps(self._bucket.statistics()).encode())
        elif (found := self._bucket.objects.get(self._path)) is None:
            self._bucket.count("GetObject")
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        else:
            self._send_range(found)

    def do_PUT(self) -> None:
        length = int(self.headers["Content-Length"])
        path = self._bucket.file()
        with path.open("wb", buffering=0) as file:
            self._receive_into(file, length)
        if upload := self._query.get("uploadId"):
            self._bucket.count("UploadPart", received=length)
            self._bucket.uploads[upload][int(self._query["partNumber"])] = path
            self._answer(200, ETag=f'"{path.name}"')
        else:
            self._bucket.count("PutObject", received=length)
            self._bucket.objects[self._path] = Stored(path.name, [path])
            self._answer(200, ETag=f'"{path.name}"')

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        if upload := self._query.get("uploadId"):
            self._bucket.count("CompleteMultipartUpload")
            parts = self._bucket.uploads.pop(upload)
            etag = f"{upload}-{len(parts)}"
            stored = Stored(etag, [parts[number] for number in sorted(parts)])
            self._bucket.objects[self._path] = stored
            self._answer(200, _xml("CompleteMultipartUploadResult", ETag=f'"{etag}"'))
        else:
            self._bucket.count("CreateMultipartUpload")
            upload = uuid.uuid4().hex
            self._bucket.uploads[upload] = {}
            self._answer(200, _xml("InitiateMultipartUploadResult", UploadId=upload))

    def do_DELETE(self) -> None:
        if upload := self._query.get("uploadId"):
            self._bucket.count("AbortMultipartUpload")
            Stored("", list(self._bucket.uploads.pop(upload, {}).values())).drop()
        else:
            self._bucket.count("DeleteObject")
            if found := self._bucket.objects.pop(self._path, None):
                found.drop()
        self._answer(204)

    def _send_range(self, found: Stored) -> None:
        size = found.size
        asked = re.match(r"bytes=(\d+)-(\d*)$", self.headers.get("Range", ""))
        start = int(asked[1]) if asked else 0
        end = min(int(asked[2]) + 1, size) if asked and asked[2] else size
        self._bucket.count("GetObject", sent=end - start)
        headers = {"ETag": f'"{found.etag}"', "Content-Range": f"bytes {start}-{end - 1}/{size}"}
        self._answer(206 if asked else 200, b"", end - start, **headers)
        at = 0
        for part in found.parts:
            length = part.stat().st_size
            first, last = max(start - at, 0), min(end - at, length)
            if first < last:
                with part.open("rb") as file:
                    self.connection.sendfile(file, first, last - first)
            at += length

    def _receive_into(self, file: Any, length: int) -> None:
        buffer = memoryview(bytearray(min(length, _CHUNK_BYTES)))
        while length and (taken := self.rfile.readinto(buffer[: min(length, len(buffer))])):
            file.write(buffer[:taken])
            length -= taken

    def _answer(self, status: int, body: bytes = b"", length: int = 0, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length or len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """A line for each request would cost more than the request."""


def _xml(root: str, **fields: str) -> bytes:
    inside = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
    return f'<?xml version="1.0"?><{root}>{inside}</{root}>'.encode()


def main(folder: str) -> None:
    server = _Server(Bucket(Path(folder)))
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
