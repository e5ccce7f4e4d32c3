"""The attempt as a segment of its request's X-Ray trace, with a subsegment for each step.

Sent when the attempt is over, by one call of a second at most, in vain or not: a trace is never
worth a job. Nothing is sent where no trace was handed down, or it is not sampled.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from conversion.errors import FenceError, PermanentError
from conversion.fields import Item
from conversion.traces import TraceHeader

log = logging.getLogger(__name__)

SEND_SECONDS = 1.0
# A segment is 64 kB at most ("AWS X-Ray endpoints and quotas"); a step takes about 150 bytes.
_MOST_STEPS = 100


class Trace:
    """`put` sends a segment; without a sampled header nothing is kept and nothing sent."""

    def __init__(
        self, header: TraceHeader | None = None, put: Callable[[Item], object] | None = None
    ) -> None:
        self._header = header if header is not None and header.is_sampled else None
        self._put = put
        self._began = time.time()
        self._steps: list[Item] = []
        self._notes: dict[str, Any] = {}
        self._failure: BaseException | None = None

    def annotate(self, **notes: str | int) -> None:
        """What the trace can be found by."""
        self._notes.update(notes)

    @contextmanager
    def step(self, name: str) -> Generator[None]:
        """What goes on in here, timed, and marked if it raises."""
        began = time.time()
        told: Item = {"name": name, "id": _id(), "start_time": began}
        try:
            yield
        except BaseException as error:
            told |= _outcome(error)
            raise
        finally:
            told["end_time"] = time.time()
            if len(self._steps) < _MOST_STEPS:
                self._steps.append(told)

    def failed(self, error: BaseException) -> None:
        """The attempt came to an end that it has recorded itself."""
        self._failure = error

    @contextmanager
    def sent(self, name: str) -> Generator[None]:
        """The attempt goes on in here; when it is over its segment is sent."""
        try:
            yield
        except BaseException as error:
            self.failed(error)
            raise
        finally:
            self._send(name)

    def _send(self, name: str) -> None:
        """Never raises, and returns within SEND_SECONDS."""
        if self._header is None or self._put is None:
            return
        segment = {
            "name": name,
            "id": _id(),
            "trace_id": self._header.root,
            "parent_id": self._header.parent,
            "start_time": self._began,
            "end_time": time.time(),
            "origin": "AWS::ECS::Container",
            "annotations": self._notes,
            "subsegments": self._steps,
            **_outcome(self._failure),
        }
        sender = threading.Thread(target=self._try, args=(self._put, segment), daemon=True)
        sender.start()
        sender.join(SEND_SECONDS)

    def _try(self, put: Callable[[Item], object], segment: Item) -> None:
        try:
            put(segment)
        except Exception as error:
            log.debug("the trace was not sent", extra={"reason": type(error).__name__})


def _id() -> str:
    return secrets.token_hex(8)


def _outcome(failure: BaseException | None) -> Item:
    """`error` is the input's doing or its owner's, `fault` ours or AWS's ("X-Ray segment
    documents"). Messages stay out: they are for the job's record."""
    if failure is None:
        return {}
    told = {"id": _id(), "type": getattr(failure, "code", type(failure).__name__)}
    kind = "error" if isinstance(failure, PermanentError | FenceError) else "fault"
    return {kind: True, "cause": {"working_directory": "", "exceptions": [told]}}
