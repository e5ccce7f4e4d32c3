"""A large file in parts: several on their way side by side, each read from disk as it goes, so that
memory does not grow with the file.

Signatures are asked for as they are needed, some at a time, and last for an hour: those of a slow
line run out on the way. So a part that is tried again is signed again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection
from itertools import islice

from client.answers import Multipart, SignedPart
from client.errors import SignatureExpired, StorageRefused, UnexpectedAnswer
from client.service import Service
from client.source import Source

# One for each 85-90 MB/s (S3 user guide, "Performance design patterns", request parallelization):
# four fill the lines people have.
AT_ONCE = 4
# 128 MiB of the smallest parts: an hour's validity is enough from 0.3 Mbit/s on. The API signs up
# to 100 at once.
SIGNED_AT_ONCE = 16


class Parts:
    """The parts of one upload. `moved` hears of the bytes that are there, or on their way."""

    def __init__(
        self,
        source: Source,
        file_id: str,
        plan: Multipart,
        service: Service,
        moved: Callable[[int], None],
    ) -> None:
        self._source = source
        self._file_id = file_id
        self._plan = plan
        self._service = service
        self._moved = moved
        self._there = 0
        self._on_the_way: dict[int, int] = {}
        self._waiting: deque[int] = deque()
        self._signed: dict[int, SignedPart] = {}
        self._signing = asyncio.Lock()

    async def send(self, missing: Collection[int]) -> None:
        """All that are missing. Raises what ended the first of them that failed for good."""
        self._waiting = deque(sorted(missing))
        self._there = self._source.bytes - sum(map(self._length, self._waiting))
        self._moved(self._there)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(AT_ONCE, len(self._waiting))):
                    group.create_task(self._send_what_waits())
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from failed

    async def _send_what_waits(self) -> None:
        while self._waiting:
            number = self._waiting.popleft()
            await self._send(number)
            await self._service.steady.acknowledge(self._file_id, number)
            self._on_the_way.pop(number, None)
            self._there += self._length(number)

    async def _send(self, number: int) -> None:
        async for attempt in self._service.patience.steady.retrying():
            with attempt:
                again = attempt.retry_state.attempt_number > 1
                part = await self._signature(number, again)
                try:
                    await self._service.storage.put_part(
                        self._source, part, lambda done: self._has_moved(number, done)
                    )
                except SignatureExpired as error:
                    self._signed.clear()  # they are as old
                    if again:  # one just made is not too old: S3 means something else
                        raise StorageRefused(error.message) from error
                    raise

    async def _signature(self, number: int, again: bool) -> SignedPart:
        async with self._signing:
            if again:
                self._signed.pop(number, None)
            if number not in self._signed:
                ahead = islice(self._waiting, SIGNED_AT_ONCE - 1)
                wanted = [number, *(each for each in ahead if each not in self._signed)]
                for part in await self._service.api.sign_parts(self._file_id, wanted):
                    self._signed[part.number] = self._checked(part)
            try:
                return self._signed.pop(number)
            except KeyError as error:
                raise UnexpectedAnswer(f"Part {number} was not signed, as it was asked.") from error

    def _checked(self, part: SignedPart) -> SignedPart:
        """Bytes of another place would be stored as this part's."""
        offset = (part.number - 1) * self._plan.part_bytes
        if (part.offset, part.bytes) != (offset, self._length(part.number)):
            raise UnexpectedAnswer(
                f"Part {part.number} was signed for {part.bytes} bytes from {part.offset} on: the "
                "upload is cut otherwise."
            )
        return part

    def _length(self, number: int) -> int:
        return part_bytes(number, self._plan, self._source.bytes)

    def _has_moved(self, number: int, done: int) -> None:
        self._on_the_way[number] = done
        self._moved(self._there + sum(self._on_the_way.values()))


def part_bytes(number: int, plan: Multipart, total: int) -> int:
    """Every part has as many, and the last what is left."""
    return min(plan.part_bytes, total - (number - 1) * plan.part_bytes)
