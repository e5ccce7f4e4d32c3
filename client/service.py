"""One deployment of Sluice, local or not, as this client sees it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field

import httpx
from tenacity import (
    AsyncRetrying,
    RetryError,
    retry_if_result,
    stop_after_delay,
    wait_random_exponential,
)

from client.answers import Job
from client.api import Api, api_client
from client.deployment import Deployment
from client.errors import JobNotStarted
from client.retry import LEAST_POLL, Patience
from client.source import Source
from client.transfer import Storage, storage_client
from client.unfinished import Memory, Unfinished, Wanted, nothing_kept


@dataclass(frozen=True)
class Service:
    """`steady` is the same API, asked for longer when it does not answer, by what is well under
    way. Without `unfinished` every upload begins anew. `heard` is set once the API has answered,
    whatever it said."""

    api: Api
    steady: Api
    storage: Storage
    patience: Patience
    unfinished: Unfinished | None = None
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    def memory(self, source: Source, wanted: Wanted) -> AbstractContextManager[Memory]:
        if self.unfinished is None:
            return nothing_kept(source)
        return self.unfinished.memory(source, wanted)

    async def job_of(self, file_id: str) -> Job:
        """The job that the arrival of the file starts: it takes an event, a queue and a starter."""
        appearing = AsyncRetrying(
            retry=retry_if_result(lambda job: job is None),
            wait=wait_random_exponential(LEAST_POLL, max=2.0, min=LEAST_POLL),
            stop=stop_after_delay(self.patience.job_appears),
        )
        try:
            job: Job = await appearing(self._find_job, file_id)
        except RetryError as error:
            raise JobNotStarted(
                f"The upload arrived as file {file_id}, but no job was started for it within "
                f"{self.patience.job_appears:.0f} s: look at the start_jobs function and the "
                "dead-letter queue of the deployment."
            ) from error
        return job

    async def _find_job(self, file_id: str) -> Job | None:
        """An upload of ours asks for one conversion, and so has one job."""
        return next(iter(await self.steady.jobs_of(file_id)), None)


@asynccontextmanager
async def serving(
    deployment: Deployment, patience: Patience, unfinished: Unfinished | None = None
) -> AsyncGenerator[Service]:
    tls = httpx.create_ssl_context()  # reads every trusted certificate: once is enough
    async with (
        api_client(deployment.url, tls, deployment.auth) as api,
        storage_client(tls) as storage,
    ):
        service = Service(
            *(Api(api, patience), Api(api, patience.steady), Storage(storage, patience)),
            *(patience, unfinished),
        )

        async def hear(_: httpx.Response) -> None:
            service.heard.set()

        api.event_hooks["response"].append(hear)
        yield service
