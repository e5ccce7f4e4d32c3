"""One file's way: upload, wait for its job, watch it, download what it made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from client.destination import Destination
from client.errors import ClientError
from client.moment import Moment
from client.outcome import Outcome
from client.outputs import save_output
from client.sending import Sending
from client.service import Service
from client.source import Source, output_stem
from client.unfinished import Wanted
from client.watch import until_over


class Journey:
    """One file on its way. `number` is the first one its output's name may carry; `shown` hears
    of every moment. Its job's id is known from the moment there is a job."""

    def __init__(
        self,
        file: Path,
        wanted: Wanted,
        destination: Destination,
        number: int,
        shown: Callable[[Moment], None],
    ) -> None:
        self.file = file
        self._job_id: str | None = None
        self._wanted = wanted
        self._destination = destination
        self._number = number
        self._shown = shown

    async def run(self, service: Service) -> Outcome:
        """Raises a ClientError for whatever keeps the file from being converted."""
        file_id = await Sending(Source.at(self.file), service, self._shown).run(self._wanted)
        self._shown(Moment("queued"))
        self._job_id = (await service.job_of(file_id)).job_id
        # The file is not over with its job, whose end is not shown: its download follows.
        job = await until_over(
            *(service.steady, self._job_id, service.patience),
            lambda progress: self._shown(Moment.of(progress)),
        )
        placed = await save_output(
            service, job, self._destination, output_stem(self.file), self._number, self._shown
        )
        return Outcome.completed(self.file, job, placed)

    def failed(self, error: ClientError) -> Outcome:
        return Outcome.failed(self.file, error, self._job_id)
