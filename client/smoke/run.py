"""One step after the other, or side by side: how long each took, and how it ended."""

from __future__ import annotations

import asyncio
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from client.errors import ClientError, InternalError, JobStalled

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
# Two starts of a Fargate task and two conversions of some minutes; a full deployment has others
# first.
MOST_SECONDS = 20 * 60.0


class Skip(Exception):
    """The step cannot be taken here; says why."""


@dataclass(frozen=True)
class Result:
    """`told` is what was seen, or what was wrong, or why it was skipped."""

    step: str
    status: str
    seconds: float
    told: str
    error: ClientError | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "status": self.status,
            "seconds": round(self.seconds, 3),
            "detail": self.told,
            "code": self.error and self.error.code,
        }


Act = Callable[[], Awaitable[str]]


class Run:
    """`over` hears of each step when it has ended."""

    def __init__(self, over: Callable[[Result], None]) -> None:
        self.results: list[Result] = []
        self._over = over

    @property
    def passed(self) -> bool:
        """Nothing failed; what was skipped says so itself."""
        return all(each.status != FAILED for each in self.results)

    async def step(self, name: str, act: Act) -> None:
        began = time.monotonic()
        status, told, error = await _outcome(act)
        result = Result(name, status, time.monotonic() - began, told, error)
        self.results.append(result)
        self._over(result)

    async def steps(self, acts: dict[str, Act]) -> None:
        """Side by side."""
        async with asyncio.TaskGroup() as group:
            for name, act in acts.items():
                group.create_task(self.step(name, act))


async def _outcome(act: Act) -> tuple[str, str, ClientError | None]:
    try:
        async with asyncio.timeout(MOST_SECONDS):
            return PASSED, await act(), None
    except Skip as reason:
        return SKIPPED, str(reason), None
    except ClientError as error:
        return FAILED, error.message, error
    except TimeoutError:
        error = JobStalled(f"It was not over after {MOST_SECONDS / 60:.0f} minutes.")
        return FAILED, error.message, error
    except Exception as mistake:
        traceback.print_exc(file=sys.stderr)
        error = InternalError(f"sluice itself failed ({mistake!r}): please report it.")
        return FAILED, error.message, error
