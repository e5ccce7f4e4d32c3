"""How far several jobs are, by one request for all of them.

Each job is watched by itself and asks when its time has come; those that ask at nearly the same
moment are asked for together. They stay together, because one answer tells all of them when to ask
again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from client.answers import Job, Progress
from client.api import Api
from client.errors import Refused, UnexpectedAnswer

# As many as the API tells of at once (lambdas/get_progress/handler.py).
MOST_AT_ONCE = 100
# So long a question waits for others: too short to be seen.
GATHERING = 0.05

Told = tuple[Progress, float]


class Together:
    """As an Api asked for one job, by whom many are watched."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._waiting: dict[str, asyncio.Future[Told | None]] = {}
        self._asking: set[asyncio.Task[None]] = set()
        self._are_told_together = True

    async def progress(self, job_id: str) -> Told:
        """A job that is not among the answers is asked for alone, and that says why it is not."""
        if self._are_told_together and job_id.isalnum():
            told = await self._ask_with_others(job_id)
            if told is not None:
                return told
        return await self._api.progress(job_id)

    async def finished_job(self, job_id: str) -> Job:
        return await self._api.finished_job(job_id)

    async def _ask_with_others(self, job_id: str) -> Told | None:
        if not self._waiting:
            asking = asyncio.create_task(self._ask_soon())
            self._asking.add(asking)
            asking.add_done_callback(self._asking.discard)
        self._waiting[job_id] = asyncio.get_running_loop().create_future()
        return await self._waiting[job_id]

    async def _ask_soon(self) -> None:
        await asyncio.sleep(GATHERING)
        waiting, self._waiting = self._waiting, {}
        names = list(waiting)
        for first in range(0, len(names), MOST_AT_ONCE):
            some = names[first : first + MOST_AT_ONCE]
            found = await self._ask(some)
            for name in some:
                _answer(waiting[name], found if isinstance(found, Exception) else found.get(name))

    async def _ask(self, names: Sequence[str]) -> dict[str, Told] | Exception:
        if len(names) == 1 or not self._are_told_together:
            return {}
        try:
            found, wait = await self._api.progresses(names)
        except (Refused, UnexpectedAnswer):  # each by itself is told, or told why not
            self._are_told_together = False
            return {}
        except Exception as error:  # whatever it is, those who wait for us are to hear of it
            return error
        return {name: (progress, wait) for name, progress in found.items()}


def _answer(waiting: asyncio.Future[Told | None], told: Told | Exception | None) -> None:
    if waiting.done():  # nobody waits any more
        return
    if isinstance(told, Exception):
        waiting.set_exception(told)
    else:
        waiting.set_result(told)
