"""Clocks that a test sets: one true time, and machines whose clocks are off by minutes."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo

import pytest


class Clock:
    """`with clock.off(minutes=-10):` — the machine that acts inside is so far behind."""

    def __init__(self, now: datetime) -> None:
        self.true = now
        self._skew = timedelta()

    def now(self, _: tzinfo | None = None) -> datetime:
        return self.true + self._skew

    def go_on(self, **by: float) -> None:
        self.true += timedelta(**by)

    @contextmanager
    def off(self, minutes: float) -> Generator[None]:
        self._skew = timedelta(minutes=minutes)
        try:
            yield
        finally:
            self._skew = timedelta()


@contextmanager
def set_clock() -> Generator[Clock]:
    """All of conversion/ goes by `conversion.clock`, and so by this."""
    clock = Clock(datetime.now(UTC))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("conversion.clock.datetime", clock)
        yield clock
