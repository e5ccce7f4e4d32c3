"""Many files of one call, side by side: what befalls one does not touch the others."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import httpx

from client.api import Api, api_client
from client.asking import Asked
from client.convert import Journey, Service
from client.destination import Destination
from client.errors import (
    ApiUnreachable,
    ClientError,
    FileNotReadable,
    InternalError,
    Interrupted,
    PipelineNotStarted,
)
from client.moment import Moment
from client.outcome import Outcome
from client.retry import Patience
from client.show import Display
from client.source import Source, output_stem
from client.transfer import Storage, storage_client


class Batch:
    """`over` hears of each file's outcome once, in the order in which they come about."""

    def __init__(
        self,
        files: Sequence[Path],
        conversion: Asked,
        destination: Destination,
        display: Display,
        over: Callable[[Outcome], None],
    ) -> None:
        self.outcomes: dict[int, Outcome] = {}
        self._display = display
        self._over = over
        self._unreachable: ApiUnreachable | None = None
        self._journeys = [
            Journey(file, conversion, destination, number, _shown_in(display, row))
            for row, (file, number) in enumerate(zip(files, numbers_for(files), strict=True))
        ]

    @property
    def converted(self) -> int:
        return sum(each.error is None for each in self.outcomes.values())

    async def run(
        self,
        deployment: AbstractAsyncContextManager[str],
        side_by_side: int,
        patience: Patience,
    ) -> list[Outcome]:
        """Convert what can be read; `deployment` (giving its API's URL) is entered only for that.

        However it ends, every file has an outcome.
        """
        try:
            self._fail_unreadable()
            if self._left():
                async with deployment as url:
                    await self._run_at(url, asyncio.Semaphore(side_by_side), patience)
        except PipelineNotStarted as error:
            self._fail_rest(error)
        except asyncio.CancelledError:
            self._fail_rest(Interrupted("Stopped before its end; run it again to convert it."))
            raise
        return [self.outcomes[row] for row in sorted(self.outcomes)]

    async def _run_at(self, url: str, places: asyncio.Semaphore, patience: Patience) -> None:
        tls = httpx.create_ssl_context()  # reads every trusted certificate: once is enough
        async with (
            api_client(url, tls) as api,
            storage_client(tls) as storage,
            asyncio.TaskGroup() as group,
        ):
            service = Service(Api(api, patience), Storage(storage, patience), patience)
            for row in self._left():
                group.create_task(self._travel(row, service, places))

    async def _travel(self, row: int, service: Service, places: asyncio.Semaphore) -> None:
        journey = self._journeys[row]
        async with places:
            try:
                if self._unreachable:  # found out by a file before: do not wait once more for each
                    raise self._unreachable
                outcome = await journey.run(service)
            except ApiUnreachable as error:
                self._unreachable = error
                outcome = Outcome.failed(journey.file, error, journey.job_id)
            except ClientError as error:
                outcome = Outcome.failed(journey.file, error, journey.job_id)
            except Exception as error:
                traceback.print_exc(file=sys.stderr)
                mistake = InternalError(f"sluice itself failed ({error!r}): please report it.")
                outcome = Outcome.failed(journey.file, mistake, journey.job_id)
        self._finish(row, outcome)

    def _fail_unreadable(self) -> None:
        for row, journey in enumerate(self._journeys):
            try:
                Source.at(journey.file)
            except FileNotReadable as error:
                self._finish(row, Outcome.failed(journey.file, error))

    def _fail_rest(self, error: ClientError) -> None:
        for row in self._left():
            journey = self._journeys[row]
            self._finish(row, Outcome.failed(journey.file, error, journey.job_id))

    def _finish(self, row: int, outcome: Outcome) -> None:
        self.outcomes[row] = outcome
        self._display.drop(row, outcome.last_word)
        self._over(outcome)

    def _left(self) -> list[int]:
        return [row for row in range(len(self._journeys)) if row not in self.outcomes]


def numbers_for(files: Sequence[Path]) -> list[int]:
    """For each file, how many before it lead to the same output name: a.wav 0, a.flac 1.

    Decided in the order given, so that which one is `a (1).mp3` does not hang on which was faster;
    case-folded, because most desktops' file systems are.
    """
    seen: Counter[str] = Counter()
    numbers: list[int] = []
    for file in files:
        stem = output_stem(file).casefold()
        numbers.append(seen[stem])
        seen[stem] += 1
    return numbers


def _shown_in(display: Display, row: int) -> Callable[[Moment], None]:
    return lambda moment: display.show(row, moment)
