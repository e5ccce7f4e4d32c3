"""Many files of one call, side by side: what befalls one does not touch the others."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from client.deployment import Deployment
from client.errors import (
    ApiUnreachable,
    ClientError,
    FileNotReadable,
    InternalError,
    Interrupted,
    PipelineNotStarted,
)
from client.outcome import Ended
from client.retry import Patience
from client.service import Service, serving
from client.show import Display
from client.source import Source, output_stem
from client.unfinished import Unfinished

End = TypeVar("End", bound=Ended)
Ends = TypeVar("Ends", bound=Ended, covariant=True)


class Journey(Protocol[Ends]):
    @property
    def file(self) -> Path: ...

    async def run(self, service: Service) -> Ends:
        """Raises a ClientError for whatever ends it early."""
        ...

    def failed(self, error: ClientError) -> Ends:
        """What it ends with then."""
        ...


class Batch(Generic[End]):
    """`over` hears of each file's outcome once, in the order in which they come about. `was_heard`
    says whether the API has answered any of them."""

    def __init__(
        self,
        journeys: Sequence[Journey[End]],
        display: Display,
        over: Callable[[End], None],
    ) -> None:
        self.outcomes: dict[int, End] = {}
        self._journeys = journeys
        self._display = display
        self._over = over
        self.was_heard = False
        self._unreachable: ApiUnreachable | None = None

    @property
    def succeeded(self) -> int:
        return sum(each.error is None for each in self.outcomes.values())

    async def run(
        self,
        deployment: AbstractAsyncContextManager[Deployment],
        side_by_side: int,
        patience: Patience,
        remembers: bool,
        anew: bool,
    ) -> list[End]:
        """Send what can be read; `deployment` is entered only for that. What is broken off is
        remembered for a later run, if there can be one; `anew` takes up nothing of an earlier.

        However it ends, every file has an outcome.
        """
        try:
            self._fail_unreadable()
            if self._left():
                async with deployment as there:
                    unfinished = self._unfinished(there, anew) if remembers else None
                    async with serving(there, patience, unfinished) as service:
                        await self._run_at(service, asyncio.Semaphore(side_by_side))
        except PipelineNotStarted as error:
            self._fail_rest(error)
        except asyncio.CancelledError:
            self._fail_rest(Interrupted("Stopped before its end; run it again."))
            raise
        return [self.outcomes[row] for row in sorted(self.outcomes)]

    def _unfinished(self, there: Deployment, anew: bool) -> Unfinished:
        return Unfinished(there.url, there.caller, self._display.note, anew)

    async def _run_at(self, service: Service, places: asyncio.Semaphore) -> None:
        async with asyncio.TaskGroup() as group:
            for row in self._left():
                group.create_task(self._travel(row, service, places))
        self.was_heard = service.heard.is_set()

    async def _travel(self, row: int, service: Service, places: asyncio.Semaphore) -> None:
        journey = self._journeys[row]
        async with places:
            try:
                # Found out by a file before: do not wait once more for each. An API that has
                # answered may do so again.
                if self._unreachable and not service.heard.is_set():
                    raise self._unreachable
                outcome = await journey.run(service)
            except ClientError as error:
                if isinstance(error, ApiUnreachable):
                    self._unreachable = error
                outcome = journey.failed(error)
            except Exception as error:
                traceback.print_exc(file=sys.stderr)
                mistake = InternalError(f"sluice itself failed ({error!r}): please report it.")
                outcome = journey.failed(mistake)
        self._finish(row, outcome)

    def _fail_unreadable(self) -> None:
        for row, journey in enumerate(self._journeys):
            try:
                Source.at(journey.file)
            except FileNotReadable as error:
                self._finish(row, journey.failed(error))

    def _fail_rest(self, error: ClientError) -> None:
        for row in self._left():
            self._finish(row, self._journeys[row].failed(error))

    def _finish(self, row: int, outcome: End) -> None:
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
