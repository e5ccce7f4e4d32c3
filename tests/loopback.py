"""A server on loopback that stands between a process under test and whom it talks to."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Loopback(ThreadingHTTPServer):
    """Serves in a thread of its own, from `start` to `stop`."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, connection: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), connection)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A process that was killed leaves its connections: nothing to print."""


class Connection(BaseHTTPRequestHandler):
    """Every request is an `exchange`."""

    protocol_version = "HTTP/1.1"
    # Head and body leave as two segments: with Nagle's algorithm each answer would cost 40 ms.
    disable_nagle_algorithm = True

    def exchange(self) -> None:
        raise NotImplementedError

    def do_GET(self) -> None:
        self.exchange()

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """One line a request would drown what a failing test says."""
