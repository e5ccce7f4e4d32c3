"""Somebody who watches a job twenty times a second and forgets nothing of what was shown."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Self

import httpx

from tests.faults.live import OVER

HERTZ = 20
# After the job is over, to see that it stays so.
_LOOKS_AFTER = 5


@dataclass(frozen=True)
class Seen:
    status: str
    stage: str
    percent: float


@dataclass
class Poller:
    """`with Poller(api, job_id) as poller:` watches until the job is over or the block is left."""

    api: str
    job_id: str
    seen: list[Seen] = field(default_factory=list[Seen])
    refused: list[str] = field(default_factory=list[str])
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def wait(self, seconds: float) -> None:
        """Until the job has been over for some looks. Raises AssertionError when it is not."""
        self._thread.join(seconds)
        assert not self._thread.is_alive(), (
            f"job {self.job_id} does not end: {self.story}, {self.refused[-1:]}"
        )

    @property
    def falls(self) -> list[tuple[Seen, Seen]]:
        """Each pair of looks between which the percent fell."""
        return [(old, new) for old, new in pairwise(self.seen) if new.percent < old.percent]

    @property
    def story(self) -> list[str]:
        """What was shown, each change once."""
        told = [f"{each.status}/{each.stage} {each.percent:g}" for each in self.seen]
        return [each for each, last in zip(told, ["", *told], strict=False) if each != last]

    @property
    def false_hundreds(self) -> list[Seen]:
        """Looks that showed 100 for a job that was not completed, or less for one that was."""
        return [each for each in self.seen if (each.percent == 100) != (each.status == "completed")]

    @property
    def wrong(self) -> list[str]:
        """All that nobody may ever be shown, of a job that goes its way to the end."""
        over = [
            (old, new)
            for old, new in pairwise(self.seen)
            if old.status in OVER and new.status != old.status
        ]
        shown = {
            "the percent fell": self.falls,
            "100 without completed, or less with it": self.false_hundreds,
            "what was over went on": over,
            "a look was refused": self.refused[:3],
        }
        return [f"{what}: {where}" for what, where in shown.items() if where]

    def _watch(self) -> None:
        looks_after = 0
        with httpx.Client(timeout=30) as http:
            due = time.monotonic()
            while not self._over.is_set() and looks_after < _LOOKS_AFTER:
                self._look(http.get(f"{self.api}/jobs/{self.job_id}/progress"))
                looks_after += bool(self.seen) and self.seen[-1].status in OVER
                due = max(due + 1 / HERTZ, time.monotonic())
                self._over.wait(due - time.monotonic())

    def _look(self, answer: httpx.Response) -> None:
        if answer.status_code != 200:
            self.refused.append(f"{answer.status_code} {answer.text}")
            return
        shown: dict[str, Any] = answer.json()
        self.seen.append(Seen(shown["status"], shown["stage"], shown["percent"]))
