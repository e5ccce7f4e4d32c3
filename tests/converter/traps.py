"""What a hostile file would like to reach, and the watch that is kept while one is converted."""

from __future__ import annotations

import logging
import resource
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conversion import errors
from conversion.job import Job, Status
from tests.converter.world import World

# The promise: a coded end within 30 s, and 512 MB for each child. Seconds of its own CPU, since a
# busy machine makes everything last; what waits instead of working is told by CONVERTER_STALLED.
_MOST_CPU_SECONDS = 30
_MOST_BYTES = 512 * 1024**2
_WRITTEN_BY_THE_FLOW = {"CONVERTER_CRASHED", "CONVERTER_INTERRUPTED", "TASK_NOT_STARTED"}
_CODES = {each.code for each in errors.PermanentError.__subclasses__()} - _WRITTEN_BY_THE_FLOW
SECRET = b"the secret of sluice "


def _own_peak() -> int:
    """The least that can be seen of a child: see `Child.peak_bytes`."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 + 1024**2


class Trap:
    """One port, for TCP and for UDP, that hostile files point to; it counts who comes."""

    def __init__(self) -> None:
        self._tcp = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._tcp.getsockname()[1]
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", self.port))
        self.visitors = 0
        self._threads = [
            threading.Thread(target=self._listen, daemon=True),
            threading.Thread(target=self._receive, daemon=True),
        ]
        for each in self._threads:
            each.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/secret"

    def close(self) -> None:
        self._tcp.shutdown(socket.SHUT_RDWR)
        self._tcp.close()
        self._udp.sendto(b"", self._udp.getsockname())
        for each in self._threads:
            each.join()
        self._udp.close()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._tcp.accept()
            except OSError:
                return
            self.visitors += 1
            connection.close()

    def _receive(self) -> None:
        while self._udp.recv(2048):
            self.visitors += 1


class Children(logging.Handler):
    """What each child took, as the engine tells its debug log."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.ended: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() == "child ended":
            self.ended.append(vars(record))

    def check(self) -> int:
        """Of the children since the last time, and how many they are."""
        ended, self.ended = self.ended, []
        for each in ended:
            assert each["cpuSeconds"] < _MOST_CPU_SECONDS
            assert each["peakBytes"] < max(_MOST_BYTES, _own_peak())
        return len(ended)


@dataclass
class Guard:
    """`convert` as in World; whatever the file is, nothing may come of it but an honest end."""

    world: World
    trap: Trap
    secret: Path
    children: Children = field(default_factory=Children)

    def convert(self, data: bytes, conversion: str = "wav", **changes: Any) -> Job:
        job = self.world.convert(data, conversion, **changes)
        assert self.trap.visitors == 0, "somebody was called"
        assert self.children.check() or not data, "no child was seen"
        assert self.world.open_uploads() == []
        self._check_end(job)
        return job

    def refuse(self, data: bytes, conversion: str = "wav", **changes: Any) -> str:
        """The code with which it failed."""
        job = self.convert(data, conversion, **changes)
        assert job.failure is not None, "it was converted"
        return job.failure.code

    def _check_end(self, job: Job) -> None:
        if job.status is Status.COMPLETED:
            made = self.world.output(job)
            assert made
            assert SECRET not in made
            return
        assert job.failure is not None
        assert job.failure.code in _CODES - {"CONVERTER_STALLED"}, job.failure
        assert SECRET.decode() not in job.failure.message
        assert "http://" not in job.failure.message

    def references(self) -> list[str]:
        """The trap and the secret, in every form in which ffmpeg can name what it opens."""
        host = f"127.0.0.1:{self.trap.port}"
        networks = "http https ftp tcp udp tls rtmp rtmpt rtp rtsp gopher mmst mmsh icecast srtp"
        file = str(self.secret)
        return [
            *(f"{each}://{host}/secret" for each in networks.split()),
            *(file, f"file:{file}", f"file://{file}", f"../../../..{file}"),
            *(f"subfile,,start,0,end,64,,:{file}", f"concat:{file}|{file}", f"concatf:{file}"),
            *(f"crypto:{file}", f"crypto+http://{host}/x", f"cache:{file}", f"async:{file}"),
            *(f"unix:{file}", "pipe:0", "fd:3", f"data:audio/wav;base64,{'UklGRg' * 20}"),
            *(f"hls+http://{host}/x", f"httpproxy://{host}/x", f"ipfs://{host}/x"),
            *(f"concat:http://{host}/a|http://{host}/b", f"md5:{file}", f"tee:{file}"),
        ]


@contextmanager
def guarded(world: World, folder: Path) -> Generator[Guard]:
    secret = folder / "secret"
    secret.write_bytes(SECRET * 5000)
    guard = Guard(world, Trap(), secret)
    heard = logging.getLogger("tasks.converter.child")
    level = heard.level
    heard.setLevel(logging.DEBUG)
    heard.addHandler(guard.children)
    try:
        yield guard
    finally:
        heard.removeHandler(guard.children)
        heard.setLevel(level)
        guard.trap.close()
