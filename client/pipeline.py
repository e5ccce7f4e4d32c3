"""The local pipeline as a child process: `python -m local`.

It tears itself down when its standard input ends. We hold the other end, so nothing of it stays
even if we are killed. It gets a session of its own: Ctrl-C in a terminal reaches us alone, and we
decide what it becomes.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from client.errors import PipelineNotStarted

# local/ and all that it starts are found from here, wherever the user stands.
ROOT = Path(__file__).resolve().parent.parent
LOCAL = (sys.executable, "-m", "local")
# Speak to a program: say in JSON when it is ready, and end when standard input does.
READY = "--ready-json"

# The first start synthesises the templates: half a minute on a laptop, more on a busy one.
START_SECONDS = 300.0
# It deletes what it deployed and waits for its own children.
STOP_SECONDS = 30.0
# What we keep of its log, in bytes, to show when something goes wrong.
TAIL = 4000
# A line of its standard output; only the first matters, and that is short.
LONGEST_LINE = 1024 * 1024


@dataclass(frozen=True)
class Ready:
    """`api` is for clients. `engine` stands for AWS's own services, and `cluster` is where the
    tasks run; None where that is not told."""

    api: str
    engine: str | None = None
    cluster: str | None = None


@asynccontextmanager
async def local_pipeline(
    note: Callable[[str], None], command: Sequence[str] = LOCAL
) -> AsyncGenerator[str]:
    """The URL of its API, while it runs. Raises PipelineNotStarted; what it said goes to `note`."""
    async with local_ready(note, command) as ready:
        yield ready.api


@asynccontextmanager
async def local_ready(
    note: Callable[[str], None], command: Sequence[str] = LOCAL
) -> AsyncGenerator[Ready]:
    """As local_pipeline, with all that it tells of itself."""
    note("Starting the local pipeline; the first time takes half a minute.")
    child = await _start(command)
    log = _Log()
    reading = log.read(child.stderr)
    broken = False
    try:
        ready = await _ready(child)
        if ready is None:
            broken = True
            raise PipelineNotStarted(
                "The local pipeline did not start; its last words are on standard error."
            )
        reading |= log.read(child.stdout)
        yield ready
    finally:
        broken = broken or child.returncode is not None
        if not broken:
            note("Stopping the local pipeline.")
        await _stop(child)
        # What its own children might hold open must not hold us.
        _, unfinished = await asyncio.wait(reading, timeout=1.0)
        for each in unfinished:
            each.cancel()
        if broken:
            note(f"The local pipeline ended with exit code {child.returncode}. It said:")
            for line in log.lines():
                note(f"  {line}")


def run_in_foreground(arguments: Sequence[str], command: Sequence[str] = LOCAL) -> int:
    """Run it until it ends and return its exit code; what would end us is handed on to it."""
    with subprocess.Popen(
        [*command, *arguments, READY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        start_new_session=True,
    ) as child:

        def hand_on(number: int, _: FrameType | None) -> None:
            child.send_signal(number)

        before = {each: signal.signal(each, hand_on) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            assert child.stdout is not None
            if ready := child.stdout.readline():
                print(f"Sluice is ready at {_told(ready).api} (Ctrl-C ends it)", flush=True)
            code = child.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    return code if code >= 0 else 128 - code  # ended by a signal: the shell's way to say so


class _Log:
    """Reads a child's output to its end, so that it never blocks, and keeps the last of it."""

    def __init__(self) -> None:
        self._tail = b""

    def read(self, stream: asyncio.StreamReader | None) -> set[asyncio.Task[None]]:
        return set() if stream is None else {asyncio.create_task(self._read(stream))}

    async def _read(self, stream: asyncio.StreamReader) -> None:
        while chunk := await stream.read(65536):
            self._tail = (self._tail + chunk)[-TAIL:]

    def lines(self) -> list[str]:
        return self._tail.decode("utf-8", "replace").splitlines()


async def _start(command: Sequence[str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *command,
        "--port",
        "0",
        READY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        start_new_session=True,
        limit=LONGEST_LINE,
    )


async def _ready(child: asyncio.subprocess.Process) -> Ready | None:
    """Where it is, once it is ready; None when it ends first or takes too long."""
    assert child.stdout is not None
    with suppress(TimeoutError):
        async with asyncio.timeout(START_SECONDS):
            line = await child.stdout.readline()
            return _told(line) if line else None
    return None


def _told(ready: bytes) -> Ready:
    """Out of the line of JSON it prints when it is ready."""
    facts = json.loads(ready)
    return Ready(str(facts["api"]), facts.get("engine"), facts.get("cluster"))


async def _stop(child: asyncio.subprocess.Process) -> None:
    """First by ending its input; a child that does not heed that is told, then made to."""
    assert child.stdin is not None
    child.stdin.close()
    for word in (signal.SIGTERM, signal.SIGKILL):
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await child.wait()
                return
        with suppress(ProcessLookupError):  # it ended just now
            os.killpg(child.pid, word)
    await child.wait()
