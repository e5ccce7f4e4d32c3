"""A child process that is always ended and reaped, cut off from everything it does not need.

It gets an argument list (no shell), no standard input, an environment without one variable of
ours (so no credentials), a process group of its own (Ctrl-C at a terminal is for us to handle, and
what it started in its turn dies with it), and the limits of launch.py.

Where this ends: it is of our own user and has our network. A program taken over by its input could
read in `/proc` what our environment names; hiding ours (PR_SET_DUMPABLE) would leave that of init,
which is the same. So nothing it is told to do lets a file name what is opened: see command.py.
"""

from __future__ import annotations

import contextlib
import logging
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

log = logging.getLogger(__name__)

_LAUNCHER = (sys.executable, "-I", "-S", str(Path(__file__).with_name("launch.py")))
_TICK_SECONDS, _LAST_TICK_SECONDS = 0.1, 0.005
_PIECE_BYTES = 8192
LEAST_MEMORY_BYTES = 384 * 1024**2
# The task has 2 GiB (infra/constructs/converter_task.py), of which Python takes some 150 MB.
_MOST_MEMORY_BYTES = 1280 * 1024**2
# What is left of a killed group has let go of its pipes by then; whoever left the group has not.
_PATIENCE_SECONDS = 5.0
MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024  # getrusage(2)

# Exit codes of a child that a signal ended which was not its own doing: a machine that goes down
# sends them to everyone, and that must not fail the job.
TOLD_TO_END = (-signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP)
KILLED = -signal.SIGKILL

# A static ffmpeg crashes in the C library's tables of character sets, which the names in an MPEG
# transport stream ask for (measured on 6.0), unless it finds none.
_ENVIRONMENT = {"LC_ALL": "C.UTF-8", "GCONV_PATH": "/nonexistent"}


@dataclass(frozen=True)
class Limits:
    """What the kernel lets the child have; 0 bytes of files keeps the streaming run honest.

    Memory is bounded as data, which is near to what the child really uses: 70 to 100 MB in a usual
    conversion. Its address space says nothing (460 to 840 MB in the same runs: every thread
    reserves 64 MB that it never touches). A thread's stack counts as data at its full size, so that
    is kept at 2 MiB. No limit on processes: threads count as such, and those of every other process
    of the user too (setrlimit(2)).
    """

    cpu_seconds: int
    file_bytes: int = 0
    data_bytes: int = LEAST_MEMORY_BYTES
    stack_bytes: int = 2 * 1024**2
    open_files: int = 64

    def __str__(self) -> str:
        return (
            f"CPU={self.cpu_seconds},FSIZE={self.file_bytes},DATA={self.data_bytes},"
            f"STACK={self.stack_bytes},NOFILE={self.open_files},CORE=0"
        )


def memory_for(source_bytes: int) -> int:
    """How much data a child may hold that reads a source of this size.

    Only an index grows with the input: some 70 bytes a frame to read an M4A and as many to write
    one, for a day of AAC at 48 kHz 490 to 600 MB in all (ffmpeg 6.0, 9.0 and 5.1). A frame that is
    there has bytes in the file, ten at the least (silence), and one that a forged table only
    declares has none: so what a small file can make ffmpeg take stays small.
    """
    return min(LEAST_MEMORY_BYTES + 8 * source_bytes, _MOST_MEMORY_BYTES)


class Child:
    """`with Child(command, limits, hear, cut) as child:` — dead and reaped when the block is left.

    `hear` gets every line of its standard error, in a thread of its own. `cut` says how its
    standard output is handed on: `lines_of` for what is read by lines, else `chunks_of`. `fds` stay
    open in it, under the same numbers.
    """

    def __init__(
        self,
        command: list[str],
        limits: Limits,
        hear: Callable[[str], None],
        cut: Callable[[IO[bytes]], Iterator[bytes]],
        fds: tuple[int, ...] = (),
    ) -> None:
        self._command = command
        self._limits = limits
        self._hear = hear
        self._cut = cut
        self._fds = fds
        self._pieces: queue.Queue[bytes | None] = queue.Queue(maxsize=1000)
        self._gone = threading.Event()
        self._readers: list[threading.Thread] = []
        self._broken: Exception | None = None
        self.peak_bytes = 0
        self.cpu_seconds = 0.0

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [*_LAUNCHER, str(os.getpid()), str(self._limits), *self._command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": os.environ.get("PATH", os.defpath), **_ENVIRONMENT},
            start_new_session=True,
            pass_fds=self._fds,
        )
        out, err = self._process.stdout, self._process.stderr
        assert out is not None
        assert err is not None
        try:
            self._start(self._read_stdout, out)
            self._start(self._read_stderr, err)
        except BaseException:  # no thread to be had, or an interrupt: nobody else would end it
            self.__exit__()
            out.close()
            err.close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self._gone.set()
        self._end()
        log.debug(
            "child ended",
            extra={
                "pid": self.pid,
                "exitCode": self._process.returncode,
                "cpuSeconds": self.cpu_seconds,
                "peakBytes": self.peak_bytes,
            },
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def ticks(self) -> Iterator[bytes | None]:
        """Each piece of its standard output, and None at least ten times a second while there is
        none, until it has ended: whoever iterates decides how long to wait."""
        piece: bytes | None = b""
        while piece is not None or not self._has_ended(os.WNOHANG):
            if self._broken is not None:
                raise self._broken
            # With its output closed it is as good as gone: most jobs wait here three times.
            seconds = _LAST_TICK_SECONDS if piece is None else _TICK_SECONDS
            try:
                piece = self._pieces.get(timeout=seconds)
            except queue.Empty:
                self._has_ended(os.WNOHANG)
                yield None
                continue
            if piece is not None:
                yield piece

    def exit_code(self) -> int:
        """For use after `ticks`; negative for a signal, as in `subprocess`. Raises SettingsError
        when there is no such program, and what a reader of its output met: facts would be missing
        from what was heard."""
        self._has_ended(0)
        self._end()
        if self._broken is not None:
            raise self._broken
        if self._process.returncode == NOT_STARTED:
            raise SettingsError(
                f"{self._command[0]} cannot be started; set SLUICE_FFMPEG and SLUICE_FFPROBE to "
                "where they are."
            )
        return self._process.returncode

    def _start(self, read: Callable[[IO[bytes]], None], stream: IO[bytes]) -> None:
        reader = threading.Thread(target=self._run, args=(read, stream), daemon=True)
        reader.start()
        self._readers.append(reader)

    def _run(self, read: Callable[[IO[bytes]], None], stream: IO[bytes]) -> None:
        try:
            read(stream)
        except Exception as error:  # raised by `ticks`; unread, the child would wait for ever
            self._broken = error

    def _end(self) -> None:
        if not self._has_ended(os.WNOHANG):
            self._kill()
            self._has_ended(0)
        for reader in self._readers:
            reader.join(_PATIENCE_SECONDS)

    def _has_ended(self, options: int) -> bool:
        """Reaps it, and keeps how much memory it had at its peak: never less than our own, which it
        shares until it has started (vfork(2)). What it leaves behind in its group would hold the
        pipes open, and their readers for ever."""
        if self._process.returncode is None:
            pid, status, used = os.wait4(self._process.pid, options)
            if pid == 0:
                return False
            self._kill()
            self.peak_bytes = used.ru_maxrss * MAXRSS_UNIT
            self.cpu_seconds = used.ru_utime + used.ru_stime
            self._process.returncode = os.waitstatus_to_exitcode(status)
        return True

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

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
