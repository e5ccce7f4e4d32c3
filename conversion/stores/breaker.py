"""A store that does not answer is left alone for a while.

Each call of a dead store costs its timeout, and a reader would pay that at every poll. After some
failures in a row nothing is asked; then one call tries again. That a store was lost, and that it is
back, is said once each and not at every call.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")


class Breaker:
    """`failures` in a row, or answers later than `slow_seconds`, open it for `seconds`."""

    def __init__(
        self,
        store: str,
        errors: tuple[type[Exception], ...],
        failures: int,
        seconds: float,
        slow_seconds: float = float("inf"),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._errors = errors
        self._most = failures
        self._seconds = seconds
        self._slow_seconds = slow_seconds
        self._clock = clock
        self._failures = 0
        self._open_until = float("-inf")
        self._is_degraded = False

    @property
    def is_open(self) -> bool:
        return self._clock() < self._open_until

    def call(self, ask: Callable[[], T]) -> T | None:
        """The answer; None when there is none, or when nothing was asked."""
        if self.is_open:
            return None
        began = self._clock()
        try:
            answer = ask()
        except self._errors as error:
            self._failed(str(error))
            return None
        took = self._clock() - began
        if took > self._slow_seconds:
            self._failed(f"it took {took:.2f} s to answer")
        else:
            self._worked()
        return answer

    def _failed(self, why: str) -> None:
        self._failures += 1
        if self._failures < self._most:
            return
        self._open_until = self._clock() + self._seconds
        if not self._is_degraded:
            self._is_degraded = True
            log.warning("degraded: %s does not answer", self._store, extra={"reason": why})

    def _worked(self) -> None:
        self._failures = 0
        if self._is_degraded:
            self._is_degraded = False
            # A warning as well: whoever is shown the first must be shown this.
            log.warning("%s answers again", self._store)
