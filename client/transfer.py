"""Bytes to and from S3 by the URLs the API signs: streamed, tried again, counted.

What tells the API who calls is never sent here: the URLs alone let in.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from typing import BinaryIO

import httpx

from client.answers import SignedPart, SignedRequest
from client.api import DIRECT
from client.errors import SignatureExpired, StorageRefused, UploadBroken
from client.fetch import Fetch
from client.retry import Patience
from client.s3_error import storage_error, why
from client.source import Source

Moved = Callable[[int], None]

# Between two reads or writes, not for the whole transfer; S3 takes a while to answer a large PUT.
TIMEOUT = httpx.Timeout(120.0, connect=10.0, pool=None)


def storage_client(tls: ssl.SSLContext) -> httpx.AsyncClient:
    """Apart from the API's: what signs requests to the API must never be sent to S3."""
    return httpx.AsyncClient(timeout=TIMEOUT, mounts=DIRECT, verify=tls)


class Storage:
    def __init__(self, http: httpx.AsyncClient, patience: Patience) -> None:
        self._http = http
        self._patience = patience

    async def put(
        self, source: Source, signed: Callable[[], Awaitable[SignedRequest | None]], moved: Moved
    ) -> None:
        """The whole file by one PUT. Each attempt asks for a signature of its own; None says that
        the object is there. Raises FileChanged, FileNotReadable, StorageRefused or UploadBroken."""
        async for attempt in self._patience.retrying():
            with attempt:
                request = await signed()
                if request is None:
                    return
                # The PUT is signed with If-None-Match: the object can only be what an attempt
                # before this one sent, whose answer was lost.
                landed_before = attempt.retry_state.attempt_number > 1
                response = await self._put_once(request, source.chunks(moved), source.bytes)
                if response.status_code == HTTPStatus.PRECONDITION_FAILED:
                    if not landed_before:
                        raise StorageRefused("There is an object in this upload's place already.")
                elif not response.is_success:
                    raise storage_error(response, UploadBroken)

    async def put_part(self, source: Source, part: SignedPart, moved: Moved) -> None:
        """One attempt. Raises as `put`, and SignatureExpired when S3 takes the URL no more: 403
        when it is too old, 400 when the credentials that signed it are (S3 API reference, "Error
        responses")."""
        chunks = source.chunks(moved, part.offset, part.bytes)
        response = await self._put_once(part, chunks, part.bytes)
        if response.is_success:
            return
        if response.status_code == HTTPStatus.FORBIDDEN or b"ExpiredToken" in response.content:
            raise SignatureExpired(str(storage_error(response, UploadBroken)))
        raise storage_error(response, UploadBroken)

    async def fetch(
        self,
        signed_url: Callable[[], Awaitable[str]],
        file: BinaryIO,
        size: int | None,
        moved: Moved,
    ) -> None:
        """Write the object into `file`: exactly `size` bytes where that is known, and in any case
        as many as S3 announces. Raises StorageRefused or DownloadBroken."""
        await Fetch(self._http, signed_url, file, size, moved).run(self._patience)

    async def _put_once(
        self, signed: SignedRequest | SignedPart, body: AsyncIterator[bytes], size: int
    ) -> httpx.Response:
        headers = httpx.Headers(dict(signed.headers))
        headers.setdefault("content-length", str(size))  # S3 refuses chunked bodies
        try:
            return await self._http.put(signed.url, content=body, headers=headers)
        except httpx.TransportError as error:
            raise UploadBroken(f"The upload broke off ({why(error)}): try again.") from error
