"""The Sluice API over HTTP: one method a route. Ids come from people: they are only ever ids."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from client.answers import Job, JobPage, PartsThere, Progress, SignedPart, Upload
from client.asking import Asked
from client.batch_run import BatchRun
from client.cleaned import Cleaned
from client.errors import JobStillRunning, UnexpectedAnswer
from client.exchange import Exchange, read, unexpected
from client.health import Health
from client.history import History
from client.offers import Offers
from client.retry import Patience

# Loopback is never reached through a proxy, whatever HTTP_PROXY says: a local pipeline would be
# out of reach on every machine behind one.
DIRECT: dict[str, httpx.AsyncBaseTransport | None] = {
    "all://127.0.0.1": None,
    "all://localhost": None,
    "all://[::1]": None,
}
# API Gateway gives up after 30 s (HTTP API quotas, "Maximum integration timeout").
TIMEOUT = httpx.Timeout(35.0, connect=10.0, pool=None)


def api_client(url: str, tls: ssl.SSLContext, auth: httpx.Auth | None = None) -> httpx.AsyncClient:
    """A client for the API at `url`, which ends in /v1; `auth` says who asks, with each request."""
    return httpx.AsyncClient(base_url=url, timeout=TIMEOUT, mounts=DIRECT, verify=tls, auth=auth)


# Jobs a page, at most (conversion/listing.py).
MOST_JOBS = 100
# Sixteen bits (RFC 9293 §3.1); httpx takes more, and asyncio fails on them.
MOST_PORT = 65535


class Api:
    """Every method raises Refused, ApiBusy, ApiUnreachable or UnexpectedAnswer."""

    def __init__(self, http: httpx.AsyncClient, patience: Patience) -> None:
        self._exchange = Exchange(http, patience)
        self._patience = patience
        self._ask = self._exchange.ask

    async def create_upload(
        self,
        file_name: str,
        size: int,
        media_type: str | None,
        conversions: Iterable[Asked],
        delete_after_download: bool,
        idempotency_key: str,
    ) -> Upload:
        """However often it is asked with one key, there is one upload."""
        body: dict[str, Any] = {
            "fileName": file_name,
            "bytes": size,
            "conversions": list(conversions),
        }
        body |= {"contentType": media_type} if media_type else {}
        body |= {"deleteAfterDownload": True} if delete_after_download else {}
        headers = {"idempotency-key": idempotency_key}
        return read(
            await self._ask("POST", "uploads", json=body, headers=headers), Upload.from_json
        )

    async def upload(self, file_id: str) -> Upload:
        return read(await self._ask("GET", _upload(file_id)), Upload.from_json)

    async def sign_parts(self, file_id: str, numbers: Iterable[int]) -> list[SignedPart]:
        """A hundred at a time, at most."""
        body = {"partNumbers": list(numbers)}
        response = await self._ask("POST", _upload(file_id, "parts"), json=body)
        return read(response, lambda body: [SignedPart.from_json(each) for each in body["parts"]])

    async def acknowledge(self, file_id: str, number: int) -> Upload:
        response = await self._ask("PUT", _upload(file_id, "parts", str(number)))
        return read(response, Upload.from_json)

    async def parts(self, file_id: str) -> PartsThere:
        return read(await self._ask("GET", _upload(file_id, "parts")), PartsThere.from_json)

    async def complete(self, file_id: str) -> Upload:
        """Twice is as once."""
        return read(await self._ask("POST", _upload(file_id, "complete")), Upload.from_json)

    async def abort(self, file_id: str) -> None:
        """Twice is as once. What lands afterwards starts no jobs."""
        await self._ask("DELETE", _upload(file_id))

    async def create_job(
        self, file_id: str, conversion: Asked, delete_after_download: bool | None, key: str
    ) -> Job:
        """However often it is asked with one idempotency key, there is one job."""
        body: dict[str, Any] = {"fileId": file_id, "conversion": conversion}
        body |= {} if delete_after_download is None else {"deleteAfterDownload": True}
        headers = {"idempotency-key": key}
        return read(await self._ask("POST", "jobs", json=body, headers=headers), Job.from_json)

    async def jobs_of(self, file_id: str) -> list[Job]:
        response = await self._ask("GET", "jobs", params={"fileId": file_id})
        return read(response, lambda body: [Job.from_json(each) for each in body["jobs"]])

    async def jobs(
        self,
        most: int,
        file_id: str | None = None,
        status: str | None = None,
        cursor: str | None = None,
    ) -> JobPage:
        """The newest of those the caller may see, or those that follow the page of this cursor."""
        asked = {
            "limit": str(min(most, MOST_JOBS)),
            **({} if file_id is None else {"fileId": file_id}),
            **({} if status is None else {"status": status}),
            **({} if cursor is None else {"cursor": cursor}),
        }
        page = read(await self._ask("GET", "jobs", params=asked), JobPage.from_json)
        if cursor is not None and page.cursor == cursor:
            raise UnexpectedAnswer("The API lists the same jobs again and again: it is broken.")
        return page

    async def history(self, job_id: str) -> History:
        return read(await self._ask("GET", _job(job_id, "history")), History.from_json)

    async def formats(self) -> Offers:
        return read(await self._ask("GET", "formats"), Offers.from_json)

    async def health(self) -> Health:
        """503 is the answer of one that is down, and no error."""
        response = await self._ask("GET", "health", also=(HTTPStatus.SERVICE_UNAVAILABLE,))
        return read(response, Health.from_json)

    @property
    def clock_ahead(self) -> float | None:
        """Seconds by which the API's clock was ahead of ours, in its last answer that told."""
        return self._exchange.clock_ahead

    async def progress(self, job_id: str) -> tuple[Progress, float]:
        """How far the job is, and the seconds to wait before asking again."""
        response = await self._ask("GET", _job(job_id, "progress"))
        return read(response, Progress.from_json), self._patience.until_next_poll(response)

    async def progresses(self, job_ids: Iterable[str]) -> tuple[dict[str, Progress], float]:
        """Of those the caller may see, a hundred at a time at most, and the seconds to wait."""
        response = await self._ask("GET", "progress", params={"jobId": ",".join(job_ids)})
        return read(response, _by_job), self._patience.until_next_poll(response)

    async def job(self, job_id: str) -> Job:
        return read(await self._ask("GET", _job(job_id)), Job.from_json)

    async def finished_job(self, job_id: str) -> Job:
        """A job whose progress said it is over; raises JobStillRunning if its record never does."""
        job: Job = await self._patience.retrying()(self._finished_job, job_id)
        return job

    async def url_of(self, job_id: str, what: str = "output") -> str:
        """Where the output, or `waveform.json` or `waveform.png`, can be had for a while: the API
        answers 303 with a signed URL."""
        response = await self._ask("GET", _job(job_id, what))
        location = response.headers.get("location")
        if response.status_code != HTTPStatus.SEE_OTHER or not location:
            raise unexpected(response)
        url = response.url.join(location)
        if (url.port or 0) > MOST_PORT:
            raise unexpected(response)
        return str(url)

    async def cancel(self, job_id: str) -> Job:
        """The job as it is then; cancelling twice is no error."""
        return read(await self._ask("DELETE", _job(job_id)), Job.from_json)

    async def clean_up(self, dry_run: bool) -> Cleaned:
        response = await self._ask("POST", "cleanup", json={"dryRun": dry_run})
        return read(response, Cleaned.from_json)

    async def create_batch(self, body: dict[str, Any], key: str) -> BatchRun:
        """However often it is asked with one idempotency key, there is one batch."""
        headers = {"idempotency-key": key}
        response = await self._ask("POST", "batches", json=body, headers=headers)
        return read(response, BatchRun.from_json)

    async def batch(self, batch_id: str) -> tuple[BatchRun, float]:
        """How the batch stands, and the seconds to wait before asking again."""
        response = await self._ask("GET", _path("batches", batch_id))
        return read(response, BatchRun.from_json), self._patience.until_next_poll(response)

    async def cancel_batch(self, batch_id: str) -> BatchRun:
        """Cancelling twice is no error."""
        response = await self._ask("DELETE", _path("batches", batch_id))
        return read(response, BatchRun.from_json)

    async def _finished_job(self, job_id: str) -> Job:
        job = await self.job(job_id)
        if not job.is_over:
            raise JobStillRunning(f"Job {job_id} is still {job.status}; ask again in a moment.")
        return job


def _by_job(body: Any) -> dict[str, Progress]:
    return {str(each["jobId"]): Progress.from_json(each) for each in body["progress"]}


def _upload(file_id: str, *below: str) -> str:
    return _path("uploads", file_id, *below)


def _job(job_id: str, *below: str) -> str:
    return _path("jobs", job_id, *below)


def _path(*segments: str) -> str:
    return "/".join(_segment(each) for each in segments)


def _segment(text: str) -> str:
    """Dots too, where they are all there is: `..` would lead elsewhere."""
    return quote(text, safe="") if text.strip(".") else "%2E" * len(text)
