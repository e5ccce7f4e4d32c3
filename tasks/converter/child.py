"""A child process that is always ended and reaped, cut off from everything it does not need.

It gets an argument list (no shell), no standard input, an environment without one variable of
ours (so no credentials), a process group of its own (Ctrl-C at a terminal is for us to handle),
and the limits of launch.py.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from conversion.errors import SettingsError
from tasks.converter.launch import NOT_STARTED

_LAUNCH = Path(__file__).with_name("launch.py")
_TICK_SECONDS = 0.1
_PIECE_BYTES = 8192


@dataclass(frozen=True)
class Limits:
    """What the kernel lets the child have; 0 bytes of files keeps the streaming run honest."""

    cpu_seconds: int
    file_bytes: int = 0
    address_bytes: int = 4 * 1024**3
    open_files: int = 64

    def __str__(self) -> str:
        return (
            f"CPU={self.cpu_seconds},FSIZE={self.file_bytes},AS={self.address_bytes},"
            f"NOFILE={self.open_files},CORE=0"
        )


class Child:
    """`with Child(command, limits, hear, cut) as child:` — dead and reaped when the block is left.

    `hear` gets every line of its standard error, in a thread of its own. `cut` says how its
    standard output is handed on: `lines_of` for what is read by lines, else `chunks_of`.
    """

    def __init__(
        self,
        command: list[str],
        limits: Limits,
        hear: Callable[[str], None],
        cut: Callable[[IO[bytes]], Iterator[bytes]],
    ) -> None:
        self._command = command
        self._limits = limits
        self._hear = hear
        self._cut = cut
        self._pieces: queue.Queue[bytes | None] = queue.Queue(maxsize=1000)
        self._gone = threading.Event()

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_LAUNCH), str(self._limits), *self._command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"},
            start_new_session=True,
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._readers = [
            threading.Thread(target=self._read_stdout, args=(self._process.stdout,), daemon=True),
            threading.Thread(target=self._read_stderr, args=(self._process.stderr,), daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._gone.set()
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for reader in self._readers:
            reader.join()

    @property
    def pid(self) -> int:
        return self._process.pid

    def ticks(self) -> Iterator[bytes | None]:
        """Each piece of its standard output, and None ten times a second while there is none,
        until it has ended: whoever iterates decides how long to wait."""
        piece: bytes | None = b""
        while piece is not None or self._process.poll() is None:
            try:
                piece = self._pieces.get(timeout=_TICK_SECONDS)
            except queue.Empty:
                yield None
                continue
            if piece is not None:
                yield piece

    def exit_code(self) -> int:
        """For use after `ticks`; negative for a signal, as in `subprocess`. Raises SettingsError
        when there is no such program."""
        code = self._process.wait()
        for reader in self._readers:
            reader.join()
        if code == NOT_STARTED:
            raise SettingsError(
                f"{self._command[0]} cannot be started; set SLUICE_FFMPEG and SLUICE_FFPROBE to "
                "where they are."
            )
        return code

    def _read_stdout(self, stream: IO[bytes]) -> None:
        with stream:
            for piece in self._cut(stream):
                self._push(piece)
        self._push(None)

    def _read_stderr(self, stream: IO[bytes]) -> None:
        with stream:
            for line in lines_of(stream):
                self._hear(text_of(line))

    def _push(self, piece: bytes | None) -> None:
        while not self._gone.is_set():
            try:
                self._pieces.put(piece, timeout=_TICK_SECONDS)
            except queue.Full:
                continue
            return


def lines_of(stream: IO[bytes]) -> Iterator[bytes]:
    """Lines, each up to a bounded length. The rest of a longer one is dropped: it is text out of
    the file, and handed on as a line it could pass for one of ffmpeg's own."""
    is_start = True
    while piece := stream.readline(_PIECE_BYTES):
        if is_start:
            yield piece
        is_start = piece.endswith(b"\n")


def chunks_of(stream: IO[bytes]) -> Iterator[bytes]:
    """The bytes as they come: a document, in which one tag can be a line of any length."""
    while chunk := os.read(stream.fileno(), _PIECE_BYTES):
        yield chunk


def text_of(line: bytes) -> str:
    return line.decode("utf-8", "replace").strip()
