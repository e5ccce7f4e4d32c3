"""One object out of S3 by a signed URL: exactly as long as announced, and gone on with where it
broke off.

A URL is used as long as S3 takes it; then another is signed. Bytes that are here already are kept
while the object is the same by its ETag, and the download begins anew where it is not, or where
ranges are not served.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import BinaryIO

import httpx

from client.errors import DownloadBroken, StorageRefused, UnexpectedAnswer
from client.retry import Patience
from client.s3_error import NO_ANSWER, storage_error, why

Moved = Callable[[int], None]
SignedUrl = Callable[[], Awaitable[str]]

# A break behind at least so much is no failed attempt: a bad line may break often in 5 GB.
WORTHWHILE = 1024 * 1024
# What is of no known size is a waveform: 4,000,000 pixels at most (tasks/converter/waveform.py), of
# two numbers each that take up to five characters in its JSON, make 40 MB.
MOST_OF_NO_KNOWN_SIZE = 64 * 1024 * 1024
# With all of it, or with the range that was asked for (RFC 9110 §15.3.1, §15.3.7).
SERVED = frozenset({HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT})
# The object is another one than the bytes here began, or has no such byte (RFC 9110 §15.5.13,
# §15.5.17).
OTHER = frozenset({HTTPStatus.PRECONDITION_FAILED, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE})
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18})")


class Fetch:
    """`size` where it is known; in any case as many bytes come as S3 announces, and never more are
    written. `moved` hears how many are here."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        signed_url: SignedUrl,
        file: BinaryIO,
        size: int | None,
        moved: Moved,
    ) -> None:
        self._http = http
        self._signed_url = signed_url
        self._file = file
        self._size = size
        self._moved = moved
        self._url: str | None = None
        self._etag: str | None = None

    async def run(self, patience: Patience) -> None:
        """Raises StorageRefused, DownloadBroken or UnexpectedAnswer."""
        async for attempt in patience.retrying():
            with attempt:
                while not await self._get_further():
                    await asyncio.sleep(patience.first_wait)

    async def _get_further(self) -> bool:
        """Whether all is here. Raises DownloadBroken when it broke off too soon to be worth it."""
        began = self._file.tell()
        try:
            await self._go_on()
        except DownloadBroken:
            if self._file.tell() - began < WORTHWHILE:
                raise
            return False
        return True

    async def _go_on(self) -> None:
        used_before = self._url is not None
        self._url = self._url or await self._signed_url()
        try:
            async with self._http.stream("GET", self._url, headers=self._asked()) as response:
                if response.status_code not in SERVED:
                    await response.aread()
                    raise self._refused(response, used_before)
                await self._take(response, self._begin(response))
        except NO_ANSWER as error:
            raise UnexpectedAnswer(f"The output cannot be read ({error}).") from error
        except httpx.TransportError as error:
            raise DownloadBroken(f"The download broke off ({why(error)}): try again.") from error

    def _asked(self) -> dict[str, str]:
        # The stored bytes are wanted as they are: a compressed answer could not be counted.
        headers = {"accept-encoding": "identity"}
        if self._etag and self._file.tell():
            headers |= {"range": f"bytes={self._file.tell()}-", "if-match": self._etag}
        else:
            self._start_anew()
        return headers

    def _refused(self, response: httpx.Response, used_before: bool) -> Exception:
        """A URL that has served may have expired since: another one is signed, and asked once."""
        if response.status_code in OTHER and self._file.tell():
            self._start_anew()
            return DownloadBroken("The output is another one than it was: try again.")
        if not response.is_error:  # another server's: 302 to a page to log in at, 204 of nothing
            return DownloadBroken(f"S3 answered {response.status_code}, and no output: try again.")
        error = storage_error(response, DownloadBroken)
        if not isinstance(error, StorageRefused):
            return error
        self._url = None
        return DownloadBroken(error.message) if used_before else error

    def _begin(self, response: httpx.Response) -> int | None:
        """How many bytes there are to be in all, if that is known; the file stands where the answer
        goes on."""
        etag = response.headers.get("etag")
        there = self._file.tell()
        if response.status_code == HTTPStatus.PARTIAL_CONTENT:
            match = _CONTENT_RANGE.fullmatch(response.headers.get("content-range", ""))
            if match is None or int(match[1]) != there or etag != self._etag:
                self._start_anew()
                raise DownloadBroken("S3 sent another range than it was asked for: try again.")
            total = int(match[2])
        else:
            self._start_anew()
            total = int(response.headers.get("content-length", -1))
        self._etag = etag if etag and not etag.startswith("W/") else None
        return self._agreed(total if total >= 0 else None)

    def _agreed(self, told: int | None) -> int | None:
        """What S3 announces is what the job says, where it says anything."""
        if told is not None and self._size not in (None, told):
            raise self._wrong(f"has {self._size} bytes, but {told} were announced")
        if told is not None and told > (self._size or MOST_OF_NO_KNOWN_SIZE):
            raise self._wrong(f"is to have {told} bytes, which no waveform has")
        return self._size if told is None else told

    async def _take(self, response: httpx.Response, size: int | None) -> None:
        most = MOST_OF_NO_KNOWN_SIZE if size is None else size
        async for chunk in response.aiter_raw():
            if self._file.tell() + len(chunk) > most:
                raise self._wrong(f"has {most} bytes at most, but more came")
            self._file.write(chunk)
            self._moved(self._file.tell())
        if size is not None and self._file.tell() != size:
            raise self._wrong(f"has {size} bytes, but {self._file.tell()} came")

    def _wrong(self, what: str) -> DownloadBroken:
        self._start_anew()
        return DownloadBroken(f"The output {what}: try again.")

    def _start_anew(self) -> None:
        self._etag = None
        self._file.seek(0)
        self._file.truncate()
