"""A small proxy between the converter and its AWS, which spoils the exchanges it is told to spoil.

It knows just enough of HTTP to name a request as S3's and DynamoDB's API references do, so that a
test can say "the answer to the second UploadPart is lost". Everything else passes as it came. What
a network does is done to the real socket: a reset is an RST (SO_LINGER of 0, socket(7)), a broken
body ends with its connection.
"""

from __future__ import annotations

import http.client
import json
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self, cast
from urllib.parse import parse_qs, urlsplit

from tests.faults.answers import Answer, refusal, s3_operation
from tests.faults.plans import Fault, Kind, Request
from tests.loopback import Connection, Loopback

_DELAY_SECONDS = 0.03


def _pass(_: Request) -> Fault | None:
    return None


def _ignore(_: Request, __: Answer) -> None:
    return


@dataclass
class Proxy:
    """`with Proxy(endpoint) as proxy:` — give the converter `proxy.url`.

    `plan` is asked before a request goes on; `answered` hears what AWS said before the converter
    does. Both run in the connection's own thread and may take their time.
    """

    endpoint: str
    plan: Callable[[Request], Fault | None] = _pass
    answered: Callable[[Request, Answer], None] = _ignore
    seen: list[Request] = field(default_factory=list)
    spoilt: list[tuple[Request, Fault]] = field(default_factory=list)
    percents: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._has_spoilt = threading.Event()
        self._server = _Server(self)

    @property
    def url(self) -> str:
        return f"http://{self._server.address}"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.stop()

    def wait_for_fault(self, seconds: float) -> None:
        assert self._has_spoilt.wait(seconds), [str(each) for each in self.seen]

    def take(self, operation: str) -> tuple[Request, Fault | None]:
        with self._lock:
            self._counts[operation] += 1
            request = Request(operation, self._counts[operation])
            self.seen.append(request)
        fault = self.plan(request)
        if fault is not None:
            with self._lock:
                self.spoilt.append((request, fault))
            self._has_spoilt.set()
        return request, fault

    def hear(self, request: Request, answer: Answer) -> None:
        """Progress as it was written, in the order in which it was: by the table's own answers."""
        if request.operation == "UpdateItem progress" and answer.status == 200:
            with self._lock:
                self.percents.append(float(json.loads(answer.body)["Attributes"]["percent"]["N"]))
        self.answered(request, answer)


class _Server(Loopback):
    def __init__(self, proxy: Proxy) -> None:
        super().__init__(_Connection)
        self.proxy = proxy

    def shutdown_request(self, request: Any) -> None:
        """Without the FIN that socketserver sends first: after it, a reset would be none."""
        self.close_request(request)


class _Connection(Connection):
    """One connection of the converter, with one of its own to the endpoint behind it."""

    def setup(self) -> None:
        super().setup()
        self._proxy = cast(_Server, self.server).proxy
        self._upstream = http.client.HTTPConnection(
            urlsplit(self._proxy.endpoint).netloc, timeout=60
        )

    def finish(self) -> None:
        self._upstream.close()
        super().finish()

    def exchange(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        # DynamoDB's request says in its body which table it is for; S3's may be a part of 8 MiB.
        body = self.rfile.read(length) if "X-Amz-Target" in self.headers else b""
        request, fault = self._proxy.take(self._operation(body))
        if fault is not None and fault.kind is Kind.CUT_REQUEST:
            self.rfile.read(int(fault.at * (length - len(body))))
            self._break_off(b"", fault)
            return
        body = body or self.rfile.read(length)
        if fault is not None and fault.kind is Kind.HANG:
            self._say_nothing()
            return
        if fault is not None and fault.kind is Kind.REFUSE:
            self.connection.sendall(refusal(request, fault).to_bytes())
            return
        answer = self._carried_out(body, fault)
        self._proxy.hear(request, answer)
        self._pass_on(answer, fault)

    def _operation(self, body: bytes) -> str:
        target = self.headers.get("X-Amz-Target")
        if target is not None:
            table = str(json.loads(body).get("TableName", "")).partition("-")[0]
            return f"{target.partition('.')[2]} {table}".strip()
        address = urlsplit(self.path)
        return s3_operation(self.command, parse_qs(address.query, keep_blank_values=True))

    def _carried_out(self, body: bytes, fault: Fault | None) -> Answer:
        # `Expect` was answered here already, by BaseHTTPRequestHandler.
        dropped = ["expect"]
        if fault is not None and fault.kind is Kind.WHOLE:
            dropped.append("range")
        self._upstream.putrequest(
            self.command, self.path, skip_host=True, skip_accept_encoding=True
        )
        for name, value in self.headers.items():
            if name.lower() not in dropped:
                self._upstream.putheader(name, value)
        self._upstream.endheaders(body or None)
        found = self._upstream.getresponse()
        content = found.read()
        own = ("transfer-encoding", "connection", "content-length")
        headers = [(name, value) for name, value in found.getheaders() if name.lower() not in own]
        length = found.getheader("Content-Length") if self.command == "HEAD" else len(content)
        headers.append(("Content-Length", str(length or 0)))
        return Answer(found.status, found.reason, headers, content)

    def _pass_on(self, answer: Answer, fault: Fault | None) -> None:
        if fault is None:
            self.connection.sendall(answer.to_bytes())
        elif fault.kind is Kind.LOSE:
            self._break_off(b"", fault)
        elif fault.kind is Kind.CUT_ANSWER:
            self._break_off(answer.cut(fault), fault)
        else:
            time.sleep(_DELAY_SECONDS if fault.kind is Kind.DELAY else 0)
            self.connection.sendall(answer.changed(fault).to_bytes())

    def _say_nothing(self) -> None:
        """Until the converter gives up on this connection."""
        self.connection.recv(1)
        self.close_connection = True

    def _break_off(self, raw: bytes, fault: Fault) -> None:
        self.connection.sendall(raw)
        if fault.reset:
            now = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
        else:
            self.connection.shutdown(socket.SHUT_WR)
        self.close_connection = True
