"""The line between a client and the pipeline: it counts the parts that pass, and can break.

The client reaches the API and S3 through one loopback server. What the API signs for the engine's
address is handed on with the line's instead, and reaches the engine under its own again, since the
host is part of each signature: client, API and S3 are all the real ones.
"""

from __future__ import annotations

import http.client
import threading
from typing import Self, cast
from urllib.parse import parse_qs, urlsplit

from tests.loopback import Connection, Loopback

_DROPPED = ("connection", "transfer-encoding", "content-length", "date", "server")


class Line:
    """`with Line(api, engine, most=3) as line:` — give the client `line.api`. It lets so many parts
    pass, and holds the next one up until it is mended."""

    def __init__(self, api: str, engine: str, most: int) -> None:
        self._api = urlsplit(api).netloc
        self._engine = urlsplit(engine).netloc
        self._most = most
        self._lock = threading.Lock()
        self._mended = threading.Event()
        self._holding = threading.Event()
        self.parts: list[int] = []
        self._server = _Server(self)

    @property
    def address(self) -> str:
        return self._server.address

    @property
    def api(self) -> str:
        return f"http://{self.address}/v1"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.mend()
        self._server.stop()

    def wait_until_it_holds(self, seconds: float) -> None:
        assert self._holding.wait(seconds), self.parts

    def mend(self) -> None:
        """What is held is dropped; on connections made from now on all pass."""
        self._mended.set()

    @property
    def is_mended(self) -> bool:
        return self._mended.is_set()

    def upstream(self, path: str) -> str:
        return self._api if path.startswith("/v1/") else self._engine

    def lets_pass(self, path: str, mended: bool) -> bool:
        """Whether a request goes on; `mended`: whether the line was when it was connected to."""
        numbers = parse_qs(urlsplit(path).query).get("partNumber")
        if path.startswith("/v1/") or numbers is None:
            return True
        with self._lock:
            held = len(self.parts) >= self._most and not mended
            if not held:
                self.parts.append(int(numbers[0]))
        if held:
            self._holding.set()
            self._mended.wait()
        return not held

    def rewritten(self, path: str, body: bytes) -> bytes:
        if not path.startswith("/v1/"):
            return body
        return body.replace(f"//{self._engine}/".encode(), f"//{self.address}/".encode())


class _Server(Loopback):
    def __init__(self, line: Line) -> None:
        super().__init__(_Connection)
        self.line = line


class _Connection(Connection):
    def setup(self) -> None:
        super().setup()
        self._mended = cast(_Server, self.server).line.is_mended

    def exchange(self) -> None:
        line = cast(_Server, self.server).line
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if not line.lets_pass(self.path, self._mended):
            self.close_connection = True
            return
        upstream = line.upstream(self.path)
        connection = http.client.HTTPConnection(upstream, timeout=60)
        try:
            headers = {name: value for name, value in self.headers.items() if name != "host"}
            connection.request(self.command, self.path, body, headers | {"Host": upstream})
            answer = connection.getresponse()
            self._pass_on(answer, line.rewritten(self.path, answer.read()))
        finally:
            connection.close()

    def _pass_on(self, answer: http.client.HTTPResponse, body: bytes) -> None:
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in _DROPPED:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
