"""One file's way: upload, wait for its job, watch it, download what it made."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath

from tenacity import (
    AsyncRetrying,
    RetryError,
    retry_if_result,
    stop_after_delay,
    wait_random_exponential,
)

from client.answers import Job, Output
from client.api import Api
from client.asking import Asked
from client.destination import Destination
from client.errors import JobCancelled, JobNotStarted, Refused, UnexpectedAnswer
from client.moment import Meter, Moment
from client.outcome import Outcome
from client.retry import LEAST_POLL, Patience
from client.source import Source, output_stem
from client.transfer import Storage
from client.watch import Watch

# All of an output's name that we take from afar: it must never lead out of the folder.
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,10}")
# What is saved beside an output that has a waveform, and what the API calls it.
_WAVEFORM = {".waveform.json": "waveform.json", ".waveform.png": "waveform.png"}


@dataclass(frozen=True)
class Service:
    """One deployment of Sluice, local or not, as this client sees it."""

    api: Api
    storage: Storage
    patience: Patience


class Journey:
    """One file on its way. `number` is the first one its output's name may carry; `shown` hears
    of every moment. `job_id` is known from the moment there is a job."""

    def __init__(
        self,
        file: Path,
        conversion: Asked,
        destination: Destination,
        number: int,
        shown: Callable[[Moment], None],
    ) -> None:
        self.file = file
        self.job_id: str | None = None
        self._conversion = conversion
        self._destination = destination
        self._number = number
        self._shown = shown

    async def run(self, service: Service) -> Outcome:
        """Raises a ClientError for whatever keeps the file from being converted."""
        file_id = await self._upload(service)
        self._shown(Moment("queued"))
        self.job_id = (await self._job_of(file_id, service)).job_id
        job = await self._watch(self.job_id, service)
        made = _output_of(job)
        return Outcome.completed(self.file, job, await self._download(job, made, service))

    async def _upload(self, service: Service) -> str:
        source = Source.at(self.file)
        self._shown(Moment("connecting"))
        plan = await service.api.create_upload(source.name, source.bytes, self._conversion)
        meter = Meter("uploading", source.bytes)
        self._shown(meter.at(0))
        await service.storage.put(source, plan, lambda done: self._shown(meter.at(done)))
        return plan.file_id

    async def _job_of(self, file_id: str, service: Service) -> Job:
        """The job that the arrival of the file starts: it takes an event, a queue and a starter."""
        appearing = AsyncRetrying(
            retry=retry_if_result(lambda job: job is None),
            wait=wait_random_exponential(LEAST_POLL, max=2.0, min=LEAST_POLL),
            stop=stop_after_delay(service.patience.job_appears),
        )
        try:
            job: Job = await appearing(self._find_job, file_id, service)
        except RetryError as error:
            raise JobNotStarted(
                f"The upload arrived as file {file_id}, but no job was started for it within "
                f"{service.patience.job_appears:.0f} s: look at the start_jobs function and the "
                "dead-letter queue of the deployment."
            ) from error
        return job

    async def _find_job(self, file_id: str, service: Service) -> Job | None:
        """An upload of ours asks for one conversion, and so has one job."""
        return next(iter(await service.api.jobs_of(file_id)), None)

    async def _watch(self, job_id: str, service: Service) -> Job:
        """The job when it is over. Raises JobStalled when it has ceased to move."""
        watch = Watch(job_id, service.patience)
        while True:
            progress, wait = await service.api.progress(job_id)
            progress = watch.see(progress)
            if not progress.is_over:  # the file is not over with its job: its download follows
                self._shown(Moment.of(progress))
            else:
                return await service.api.finished_job(job_id)
            await asyncio.sleep(wait)

    async def _download(self, job: Job, made: Output, service: Service) -> list[Path]:
        """The output and what comes with it, once all of it is there."""
        meter = Meter("downloading", made.bytes)
        self._shown(meter.at(0))
        with ExitStack() as open_parts:
            parts = {
                suffix: open_parts.enter_context(self._destination.part())
                for suffix in (_suffix(job, made), *(_WAVEFORM if made.has_waveform else ()))
            }
            for suffix, part in parts.items():
                beside = _WAVEFORM.get(suffix)
                await service.storage.fetch(
                    partial(service.api.url_of, job.job_id, beside or "output"),
                    part.file,
                    None if beside else made.bytes,
                    _unseen if beside else lambda done: self._shown(meter.at(done)),
                )
            return self._destination.place(parts, output_stem(self.file), self._number)


def _suffix(job: Job, made: Output) -> str:
    """The one the deployment gives the format; its name is our own file's. What is no suffix, and
    could lead elsewhere, is left out."""
    told = (PurePath(made.file_name).suffix, f".{job.format}")
    return next((each for each in told if _SUFFIX.fullmatch(each)), "")


def _unseen(_: int) -> None:
    """A waveform is downloaded in no time."""


def _output_of(job: Job) -> Output:
    """Raises Refused with the job's own code when it has no output."""
    if job.status == "cancelled":
        raise JobCancelled(f"Job {job.job_id} was cancelled.")
    if job.failure is not None:
        raise Refused(job.failure.message, job.failure.code)
    if job.output is None:
        raise UnexpectedAnswer(f"Job {job.job_id} is {job.status} but names no output.")
    return job.output
