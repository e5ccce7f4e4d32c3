"""One file to the deployment and no further, and what became of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from client.errors import ClientError, Interrupted
from client.moment import Moment
from client.sending import Sending
from client.service import Service
from client.source import Source
from client.unfinished import Wanted


@dataclass(frozen=True)
class Uploaded:
    """`file_id` and `bytes` are there without `error`; a file may be there though its job is not:
    then all three are."""

    file: Path
    file_id: str | None = None
    bytes: int | None = None
    job_ids: tuple[str, ...] = ()
    error: ClientError | None = None

    @property
    def status(self) -> str:
        if self.error is None:
            return "uploaded"
        return "interrupted" if isinstance(self.error, Interrupted) else "failed"

    @property
    def last_word(self) -> str:
        if self.error is None:
            return "uploaded 100 %"
        return f"failed ({self.error.code})" if self.status == "failed" else self.status

    def to_json(self) -> dict[str, Any]:
        error = self.error and {"code": self.error.code, "message": self.error.message}
        return {
            "file": str(self.file),
            "fileId": self.file_id,
            "status": self.status,
            "bytes": self.bytes,
            "jobIds": list(self.job_ids),
            "error": error,
        }

    def __str__(self) -> str:
        if self.error is not None:
            return f"{self.file}: {self.error.code}: {self.error.message}"
        jobs = "".join(f", job {each}" for each in self.job_ids)
        return f"{self.file} -> {self.file_id}{jobs}"

    @property
    def told_warnings(self) -> list[str]:
        return []


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
