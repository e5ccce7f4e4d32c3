"""What the steps share: the deployment, what they have made there, and eyes on every percent."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from client.answers import Job, Progress
from client.api import Api
from client.asking import Asked
from client.errors import ClientError, NotAsPromised, Refused
from client.offers import Offers
from client.outputs import output_of
from client.sending import Sending
from client.service import Service
from client.smoke.ecs import Cluster
from client.smoke.run import Skip
from client.smoke.sounds import Sound
from client.source import Source
from client.unfinished import Wanted
from client.watch import until_over

# A cancel is refused with these where there is nothing left to cancel (conversion/errors.py).
_ENDED = frozenset({"JOB_FINISHED", "JOB_EXPIRED"})


class Witness:
    """The API, asked for progress and never believed to fall."""

    def __init__(self, api: Api) -> None:
        self.polls = 0
        self._api = api
        self._seen: dict[str, float] = {}
        # Seen on their way: past the beginning, and not over.
        self.under_way: set[str] = set()

    async def progress(self, job_id: str) -> tuple[Progress, float]:
        """Raises NotAsPromised when it has fallen, or is whole too soon."""
        progress, wait = await self._api.progress(job_id)
        self.polls += 1
        before = self._seen.get(job_id, 0.0)
        if progress.percent < before:
            raise NotAsPromised(
                f"Job {job_id} fell from {before:g} % to {progress.percent:g} % ({progress.stage})."
            )
        if progress.percent >= 100 and progress.status != "completed":
            raise NotAsPromised(f"Job {job_id} is at 100 % and {progress.status}.")
        self._seen[job_id] = progress.percent
        if progress.percent > 0 and not progress.is_over:
            self.under_way.add(job_id)
        return progress, wait

    async def finished_job(self, job_id: str) -> Job:
        return await self._api.finished_job(job_id)

    @property
    def jobs(self) -> int:
        return len(self._seen)


@dataclass(frozen=True)
class Tidied:
    """Jobs that were cancelled, and why each of the others could not be."""

    cancelled: tuple[str, ...]
    left: Mapping[str, str]

    def told(self) -> str:
        """Raises NotAsPromised where something runs on."""
        if self.left:
            each = "; ".join(f"{job_id} ({why})" for job_id, why in self.left.items())
            raise NotAsPromised(f"Not cancelled, see to them by `sluice cancel`: {each}")
        left = "a job is gone when its download's link ends, an upload with the retention"
        number = len(self.cancelled)
        return left if not number else f"{number} jobs had to be cancelled; {left}"


@dataclass
class Scene:
    """`file_id` and `long_file_id` once a second of sound and 18 minutes of noise are there; `done`
    is a job that has completed."""

    service: Service
    http: httpx.AsyncClient
    folder: Path
    witness: Witness
    cluster: Cluster | None = None
    why_no_cluster: str = ""
    offers: Offers | None = None
    sound: Sound | None = None
    file_id: str | None = None
    long_sound: Sound | None = None
    long_file_id: str | None = None
    done: Job | None = None
    open_jobs: set[str] = field(default_factory=set[str])

    @property
    def api(self) -> Api:
        return self.service.api

    async def send(self, sound: Sound, *conversions: Asked) -> str:
        wanted = Wanted(conversions, delete_after_download=True)
        return await Sending(Source.at(sound.file), self.service, lambda _: None).run(wanted)

    async def ask(self, file_id: str, conversion: Asked) -> Job:
        """For a job that goes with its download."""
        job = await self.api.create_job(file_id, conversion, True, uuid.uuid4().hex)
        self.open_jobs.add(job.job_id)
        return job

    async def over(self, job: Job) -> Job:
        ended = await until_over(self.witness, job.job_id, self.service.patience, lambda _: None)
        self.open_jobs.discard(job.job_id)
        return ended

    async def completed(self, job: Job) -> Job:
        """Raises Refused with the job's own code when it is anything else."""
        ended = await self.over(job)
        try:
            output_of(ended)
        except Refused as error:
            raise Refused(f"Job {job.job_id}: {error.message}", error.code) from error
        return ended

    async def at_work(self, job: Job) -> Progress:
        """Once its converter has told of a percentage. Raises NotAsPromised when it is over
        before."""
        while True:
            progress, wait = await self.witness.progress(job.job_id)
            if progress.is_over:
                raise NotAsPromised(
                    f"The job was {progress.status} before it was seen at work above 0 %: its "
                    "progress is not told, or its conversion is too quick here for this step."
                )
            if progress.stage == "converting" and progress.percent > 0:
                return progress
            await asyncio.sleep(wait)

    async def whole(self, job: Job) -> bytes:
        """Its output, as long as the job says it is. Raises NotAsPromised."""
        made = output_of(job)
        answer = await self.get(await self.api.url_of(job.job_id))
        if len(answer.content) != made.bytes:
            raise NotAsPromised(
                f"The job says {made.bytes} bytes, and {len(answer.content)} came of them."
            )
        return answer.content

    async def get(self, url: str, **headers: str) -> httpx.Response:
        """Raises NotAsPromised for whatever is no part of an object."""
        try:
            answer = await self.http.get(url, headers={"accept-encoding": "identity", **headers})
        except httpx.TransportError as error:
            raise NotAsPromised(f"S3 does not answer ({error or type(error).__name__}).") from error
        if not answer.is_success:
            raise NotAsPromised(f"S3 answered {answer.status_code} to a URL that was signed.")
        return answer

    def offered(self, name: str) -> None:
        """Raises Skip where the deployment does not make it."""
        if self.offers is not None and name not in {each.name for each in self.offers.formats}:
            raise Skip(f"the deployment makes no {name}")

    async def tidy(self) -> Tidied:
        """Cancels the jobs that nobody waits for any more."""
        cancelled, left = list[str](), dict[str, str]()
        for job_id in sorted(self.open_jobs):
            try:
                await self.api.cancel(job_id)
                cancelled.append(job_id)
            except ClientError as error:
                if error.code not in _ENDED:
                    left[job_id] = f"{error.code}: {error.message}"
        return Tidied(tuple(cancelled), left)


def there(what: str | None, step: str) -> str:
    if what is None:
        raise Skip(f"not tried: {step} did not pass")
    return what
