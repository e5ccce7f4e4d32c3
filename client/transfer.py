"""Bytes to and from S3 by the URLs the API signs: streamed, tried again from the start, counted."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import BinaryIO
from xml.etree import ElementTree

import httpx

from client.answers import UploadPlan
from client.api import DIRECT
from client.errors import DownloadBroken, PassingError, StorageRefused, UploadBroken
from client.retry import BUSY, Patience, retry_after
from client.source import Source

Moved = Callable[[int], None]

# Between two reads or writes, not for the whole transfer; S3 takes a while to answer a large PUT.
TIMEOUT = httpx.Timeout(120.0, connect=10.0, pool=None)
# Two conditional writes of one key met (S3 API reference, PutObject): the other may yet fail.
CONFLICT = HTTPStatus.CONFLICT


def storage_client(tls: ssl.SSLContext) -> httpx.AsyncClient:
    """Apart from the API's: what signs requests to the API must never be sent to S3."""
    return httpx.AsyncClient(timeout=TIMEOUT, mounts=DIRECT, verify=tls)


class Storage:
    def __init__(self, http: httpx.AsyncClient, patience: Patience) -> None:
        self._http = http
        self._patience = patience

    async def put(self, source: Source, plan: UploadPlan, moved: Moved) -> None:
        """Raises FileChanged, FileNotReadable, StorageRefused or UploadBroken."""
        async for attempt in self._patience.retrying():
            with attempt:
                status = await self._put_once(source, plan, moved)
                # The PUT is signed with If-None-Match: the object can only be what an attempt
                # before this one sent, whose answer was lost.
                landed_before = attempt.retry_state.attempt_number > 1
                if status == HTTPStatus.PRECONDITION_FAILED and not landed_before:
                    raise StorageRefused("There is an object in this upload's place already.")

    async def fetch(
        self,
        signed_url: Callable[[], Awaitable[str]],
        file: BinaryIO,
        size: int | None,
        moved: Moved,
    ) -> None:
        """Write the object into `file`: exactly `size` bytes where that is known, and in any case
        as many as S3 announces. Each attempt asks for a URL of its own, so that one that has
        expired in the meantime does no harm. Raises StorageRefused or DownloadBroken."""
        async for attempt in self._patience.retrying():
            with attempt:
                file.seek(0)
                file.truncate()
                await self._fetch_once(await signed_url(), file, size, moved)

    async def _put_once(self, source: Source, plan: UploadPlan, moved: Moved) -> int:
        headers = httpx.Headers(dict(plan.headers))
        headers.setdefault("content-length", str(source.bytes))  # S3 refuses chunked bodies
        try:
            response = await self._http.put(plan.url, content=source.chunks(moved), headers=headers)
        except httpx.TransportError as error:
            raise UploadBroken(f"The upload broke off ({_why(error)}): try again.") from error
        if response.is_success or response.status_code == HTTPStatus.PRECONDITION_FAILED:
            return response.status_code
        raise _storage_error(response, UploadBroken)

    async def _fetch_once(self, url: str, file: BinaryIO, size: int | None, moved: Moved) -> None:
        # The stored bytes are wanted as they are: a compressed answer could not be counted.
        as_stored = {"accept-encoding": "identity"}
        try:
            async with self._http.stream("GET", url, headers=as_stored) as response:
                if not response.is_success:
                    await response.aread()
                    raise _storage_error(response, DownloadBroken)
                _check_length(response.headers.get("content-length"), size)
                async for chunk in response.aiter_raw():
                    file.write(chunk)
                    moved(file.tell())
        except httpx.TransportError as error:
            raise DownloadBroken(f"The download broke off ({_why(error)}): try again.") from error
        _check_length(str(file.tell()), size)


def _check_length(got: str | None, size: int | None) -> None:
    if got is not None and size is not None and got != str(size):
        raise DownloadBroken(f"The output has {size} bytes, but {got} came: try again.")


def _why(error: httpx.TransportError) -> str:
    return str(error) or type(error).__name__


def _storage_error(response: httpx.Response, broken: type[PassingError]) -> Exception:
    message = f"S3 answered {response.status_code}{_s3_reason(response)}"
    if response.status_code in BUSY or response.status_code == CONFLICT:
        return broken(f"{message}: try again later.", retry_after=retry_after(response))
    return StorageRefused(f"{message}: try again, and check this machine's clock.")


def _s3_reason(response: httpx.Response) -> str:
    """`, AccessDenied: Request has expired`, out of S3's XML; empty where there is none."""
    try:
        root = ElementTree.fromstring(response.content)  # noqa: S314 the signed URL's own server
    except ElementTree.ParseError:
        return ""
    return f", {root.findtext('Code', '')}: {root.findtext('Message', '')}".rstrip(": ")
