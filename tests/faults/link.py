"""The network between a process and its Redis, which does what it is told to.

The Redis behind it is a real one. Every mode holds from the next byte on, for connections that are
open as for new ones.
"""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from enum import Enum
from typing import Self

_TICK = 0.01


class Mode(Enum):
    PASS = "everything passes"
    REFUSED = "nobody listens, and what was open is closed"
    BLACK_HOLE = "what is sent is taken, and nothing comes back"
    SLOW = "an answer comes, later than anybody waits for"
    SLUGGISH = "an answer comes just in time, at every step"
    GARBLED = "the answer is noise"
    UNHEARD = "Redis does what it is told to, and the answer is lost"


_LATE_SECONDS = {Mode.SLOW: 0.3, Mode.SLUGGISH: 0.06}


class Link:
    """`with Link(redis.port) as link:` — give the process `link.port`."""

    def __init__(self, port: int) -> None:
        self.mode = Mode.PASS
        self.connections = 0
        self._upstream = port
        self._over = threading.Event()
        self._listener = _listen(0)
        self.port = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for each in self._threads:
            each.join()
        self._listener.close()

    def _start(self, what: object, *arguments: object) -> None:
        thread = threading.Thread(target=what, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._over.is_set():
            if self.mode is Mode.REFUSED:
                self._listener.close()
                while self.mode is Mode.REFUSED and not self._over.is_set():
                    time.sleep(_TICK)
                self._listener = _listen(self.port)
            if select.select([self._listener], [], [], _TICK)[0]:
                client, _ = self._listener.accept()
                self.connections += 1
                self._start(self._forward, client)

    def _forward(self, client: socket.socket) -> None:
        upstream = socket.create_connection(("127.0.0.1", self._upstream))
        with client, upstream:
            while not self._over.is_set() and self.mode is not Mode.REFUSED:
                for each in select.select([client, upstream], [], [], _TICK)[0]:
                    try:
                        data = each.recv(65536)
                    except ConnectionError:
                        return
                    if not data or not self._pass_on(data, each is client, client, upstream):
                        return

    def _pass_on(
        self, data: bytes, is_request: bool, client: socket.socket, upstream: socket.socket
    ) -> bool:
        """False when the connection has come to its end."""
        mode = self.mode
        if mode is Mode.REFUSED:
            return False
        try:
            if is_request:
                if mode is not Mode.BLACK_HOLE:
                    upstream.sendall(data)
            elif mode not in (Mode.BLACK_HOLE, Mode.UNHEARD):
                self._over.wait(_LATE_SECONDS.get(mode, 0))
                client.sendall(os.urandom(len(data)) if mode is Mode.GARBLED else data)
        except ConnectionError:
            return False
        return True


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(64)
    return listener
