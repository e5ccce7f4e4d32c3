"""One file to the deployment and no further, and what became of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from client.errors import ClientError
from client.moment import Moment
from client.outcome import Ended
from client.sending import Sending
from client.service import Service
from client.source import Source
from client.unfinished import Wanted


@dataclass(frozen=True)
class Uploaded(Ended):
    """`file_id` and `bytes` are there without `error`; a file may be there though its job is not:
    then all three are."""

    WELL = "uploaded"

    file_id: str | None = None
    bytes: int | None = None
    job_ids: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "file": str(self.file),
            "fileId": self.file_id,
            "status": self.status,
            "bytes": self.bytes,
            "jobIds": list(self.job_ids),
            "error": self.error_json,
        }

    @property
    def made_of_it(self) -> str:
        return f"{self.file_id}{''.join(f', job {each}' for each in self.job_ids)}"


class Delivery:
    """One file on its way there; `shown` hears of every moment."""

    def __init__(self, file: Path, wanted: Wanted, shown: Callable[[Moment], None]) -> None:
        self.file = file
        self._wanted = wanted
        self._shown = shown
        self._file_id: str | None = None
        self._bytes: int | None = None

    async def run(self, service: Service) -> Uploaded:
        source = Source.at(self.file)
        self._file_id = await Sending(source, service, self._shown).run(self._wanted)
        self._bytes = source.bytes
        jobs: tuple[str, ...] = ()
        if self._wanted.conversions:
            self._shown(Moment("queued"))
            jobs = ((await service.job_of(self._file_id)).job_id,)
        return Uploaded(self.file, self._file_id, self._bytes, jobs)

    def failed(self, error: ClientError) -> Uploaded:
        return Uploaded(self.file, self._file_id, self._bytes, error=error)
