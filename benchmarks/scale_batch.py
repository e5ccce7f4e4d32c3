"""How `sluice batch` feeds files into the simulated pipeline: so many at a time, each child
execution waiting until its own are over (statemachine/batch_files.asl.json)."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from benchmarks.scale_quotas import Assumed, Code


@dataclass(slots=True)
class Child:
    """Of its files so many are not over."""

    left: int


class Batch:
    """`at` does something at a time; `land` has a file of a child's arrive."""

    def __init__(
        self,
        files: int,
        slots: int,
        assumed: Assumed,
        code: Code,
        drawn: random.Random,
        at: Callable[..., None],
        land: Callable[[Child], None],
    ) -> None:
        self._left, self._assumed, self._code = files, assumed, code
        self._random, self._at, self._land = drawn, at, land
        most = slots + code.most_waiting // 2
        self._at_once = min(max(most // code.files_each, 1), code.most_children)

    def begin(self) -> None:
        for _ in range(self._at_once):
            self._feed(0.0)

    def _feed(self, now: float) -> None:
        """The next child, if files are left; a file is copied after the other."""
        number = min(self._code.files_each, self._left)
        if not number:
            return
        self._left -= number
        child, when = Child(number), now
        for _ in range(number):
            when += self._assumed.copied
            self._at(when, self._land, child)
        self._pause(when, child, 0)

    def _pause(self, now: float, child: Child, looks: int) -> None:
        first, growth = self._code.pause_look
        longest = min(self._code.longest_pause, first * growth ** min(looks, 50))
        when = now + ceil((0.5 + self._random.random() / 2) * longest)
        self._at(when, self._look, when, child, looks + 1)

    def _look(self, now: float, child: Child, looks: int) -> None:
        if child.left:
            self._pause(now, child, looks)
        else:
            self._feed(now)
