"""When to give up on a child: told to stop, one of its ends broke, nothing moves, or it takes too
long.

ffmpeg cannot be relied on to end by itself: 5.1 hangs when its output goes away, and a broken
input looks to it like the end of the file. What moves a byte now and then never stalls; that is
what `most_seconds` is for.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from conversion.errors import ConverterStalled, Interrupted

STALL_SECONDS = 60.0
_ADVICE = "this input makes ffmpeg hang. Convert it to WAV elsewhere and upload that."


class End(Protocol):
    """One end of the stream: a SourceGate or an ObjectSink."""

    @property
    def error(self) -> BaseException | None: ...

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for S3, which has its own limits: then standing still is no stall."""
        ...


@dataclass
class Watch:
    """Asked at every tick; `moved` is any value that changes while the child gets on."""

    stop: threading.Event
    ends: list[End]
    moved: Callable[[], object]
    stall_seconds: float = STALL_SECONDS
    most_seconds: float = math.inf
    _last: object = None
    _since: float = field(default_factory=time.monotonic)
    _checked: float = field(default_factory=time.monotonic)
    _spent: float = 0.0

    def check(self) -> None:
        """Raises what an end met, Interrupted, or ConverterStalled. Time in which an end waits for
        S3 counts for neither limit."""
        if self.stop.is_set():
            raise Interrupted("The task was told to stop; the conversion will be tried again.")
        for end in self.ends:
            if end.error is not None:
                raise end.error
        now = time.monotonic()
        is_waiting = any(end.is_waiting for end in self.ends)
        self._spent += 0.0 if is_waiting else now - self._checked
        self._checked = now
        state = self.moved()
        if state != self._last or is_waiting:
            self._last, self._since = state, now
        elif now - self._since > self.stall_seconds:
            raise ConverterStalled(f"Nothing moved for {self.stall_seconds:.0f} s; {_ADVICE}")
        if self._spent > self.most_seconds:
            raise ConverterStalled(f"It was not done after {self.most_seconds:.0f} s; {_ADVICE}")
