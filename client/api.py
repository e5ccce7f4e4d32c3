"""The Sluice API over HTTP: one method a route, each with its retries and its coded errors."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from client.answers import Cleaned, Job, Progress, UploadPlan
from client.asking import Asked
from client.errors import (
    ApiBusy,
    ApiFull,
    ApiUnreachable,
    JobStillRunning,
    Refused,
    UnexpectedAnswer,
)
from client.retry import BUSY, Patience, retry_after

Answer = TypeVar("Answer")

# Loopback is never reached through a proxy, whatever HTTP_PROXY says: a local pipeline would be
# out of reach on every machine behind one.
DIRECT: dict[str, httpx.AsyncBaseTransport | None] = {
    "all://127.0.0.1": None,
    "all://localhost": None,
    "all://[::1]": None,
}
# API Gateway gives up after 30 s (HTTP API quotas, "Maximum integration timeout").
TIMEOUT = httpx.Timeout(35.0, connect=10.0, pool=None)


def api_client(url: str, tls: ssl.SSLContext) -> httpx.AsyncClient:
    """A client for the API at `url`, which ends in /v1."""
    return httpx.AsyncClient(base_url=url, timeout=TIMEOUT, mounts=DIRECT, verify=tls)


class Api:
    """Every method raises Refused, ApiBusy, ApiUnreachable or UnexpectedAnswer."""

    def __init__(self, http: httpx.AsyncClient, patience: Patience) -> None:
        self._http = http
        self._patience = patience

    async def create_upload(self, file_name: str, size: int, conversion: Asked) -> UploadPlan:
        body = {"fileName": file_name, "bytes": size, "conversions": [conversion]}
        return _read(await self._ask("POST", "uploads", json=body), UploadPlan.from_json)

    async def jobs_of(self, file_id: str) -> list[Job]:
        response = await self._ask("GET", "jobs", params={"fileId": file_id})
        return _read(response, lambda body: [Job.from_json(each) for each in body["jobs"]])

    async def progress(self, job_id: str) -> tuple[Progress, float]:
        """How far the job is, and the seconds to wait before asking again."""
        response = await self._ask("GET", f"jobs/{job_id}/progress")
        return _read(response, Progress.from_json), self._patience.until_next_poll(response)

    async def finished_job(self, job_id: str) -> Job:
        """A job whose progress said it is over; raises JobStillRunning if its record never does."""
        job: Job = await self._patience.retrying()(self._finished_job, job_id)
        return job

    async def url_of(self, job_id: str, what: str = "output") -> str:
        """Where the output, or `waveform.json` or `waveform.png`, can be had for a while: the API
        answers 303 with a signed URL."""
        response = await self._ask("GET", f"jobs/{job_id}/{what}")
        location = response.headers.get("location")
        if response.status_code != HTTPStatus.SEE_OTHER or not location:
            raise _unexpected(response)
        return str(response.url.join(location))

    async def cancel(self, job_id: str) -> Job:
        """The job as it is then; cancelling twice is no error. The id comes from a person."""
        response = await self._ask("DELETE", f"jobs/{quote(job_id, safe='')}")
        return _read(response, Job.from_json)

    async def clean_up(self, dry_run: bool) -> Cleaned:
        response = await self._ask("POST", "cleanup", json={"dryRun": dry_run})
        return _read(response, Cleaned.from_json)

    async def _finished_job(self, job_id: str) -> Job:
        job = _read(await self._ask("GET", f"jobs/{job_id}"), Job.from_json)
        if not job.is_over:
            raise JobStillRunning(f"Job {job_id} is still {job.status}; ask again in a moment.")
        return job

    async def _ask(self, method: str, path: str, **parts: Any) -> httpx.Response:
        response: httpx.Response = await self._patience.retrying()(
            self._ask_once, method, path, **parts
        )
        return response

    async def _ask_once(self, method: str, path: str, **parts: Any) -> httpx.Response:
        try:
            response = await self._http.request(method, path, **parts)
        except httpx.TransportError as error:
            raise ApiUnreachable(
                f"{self._http.base_url} does not answer ({error or type(error).__name__}): "
                "check --api and the network."
            ) from error
        if response.status_code in BUSY:
            code, message = _problem(response)
            full = response.status_code == HTTPStatus.TOO_MANY_REQUESTS
            raise (ApiFull if full else ApiBusy)(message, code, retry_after(response))
        if response.is_error:
            code, message = _problem(response)
            raise Refused(message, code or f"HTTP_{response.status_code}")
        return response


def _problem(response: httpx.Response) -> tuple[str | None, str]:
    """Code and message of a problem (RFC 9457); API Gateway's own errors have only `message`."""
    plain = f"The API answered {response.status_code} {response.reason_phrase}."
    try:
        body = response.json()
    except ValueError:
        return None, plain
    if not isinstance(body, dict):
        return None, plain
    code, message = body.get("code"), body.get("detail") or body.get("message") or plain
    return (str(code) if code else None), str(message)


def _read(response: httpx.Response, shape: Callable[[Any], Answer]) -> Answer:
    try:
        return shape(response.json())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unexpected(response) from error


def _unexpected(response: httpx.Response) -> UnexpectedAnswer:
    return UnexpectedAnswer(
        f"{response.request.method} {response.url} answered {response.status_code}, but not as "
        "Sluice does: is this the address of a Sluice API?"
    )
