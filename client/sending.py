"""One file's way up: by one PUT where it is small, else in parts, and those go on where an earlier
run was cut off."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from contextlib import suppress

from client.answers import Multipart, SignedRequest, Upload
from client.errors import ClientError, FileChanged, Refused, UnexpectedAnswer
from client.moment import Meter, Moment
from client.parts import Parts, part_bytes
from client.service import Service
from client.source import Source
from client.unfinished import Memory, Wanted

COMPLETED, UPLOADING = "completed", "uploading"
# S3 may have lost a part, or have one of another length; that it does so again and again is no
# accident any more.
ROUNDS = 3
# The API's word that there is nothing to go on with (conversion/errors.py). A 404 without it is a
# proxy's, and a 400 says what is wrong with the request: the parts are there all the same.
GONE = frozenset({"FILE_NOT_FOUND", "FILE_EXPIRED"})
# And that going on would lead to the same end.
HOPELESS = GONE | {"PARTS_MISSING"}
# After Ctrl-C people wait no longer.
GIVE_UP_SECONDS = 2.0


class Sending:
    """`shown` hears of every moment of it."""

    def __init__(self, source: Source, service: Service, shown: Callable[[Moment], None]) -> None:
        self._source = source
        self._service = service
        self._api = service.api
        self._shown = shown

    async def run(self, wanted: Wanted) -> str:
        """The id of the file, which is there then. Raises a ClientError."""
        self._shown(Moment("connecting"))
        with self._service.memory(self._source, wanted) as memory:
            upload = await self._taken_up(memory) or await self._begun(wanted)
            try:
                await self._send(upload, memory)
            except (Exception, asyncio.CancelledError) as error:
                if memory.file_id != upload.file_id or _is_over(error):
                    await self._give_up(upload.file_id)
                    memory.forget()
                raise
            memory.forget()
            return upload.file_id

    async def _begun(self, wanted: Wanted) -> Upload:
        """The key is sent with each attempt: an answer that was lost makes no second upload."""
        return await self._api.create_upload(
            self._source.name,
            self._source.bytes,
            self._source.media_type,
            list(wanted.conversions),
            wanted.delete_after_download,
            uuid.uuid4().hex,
        )

    async def _taken_up(self, memory: Memory) -> Upload | None:
        """What an earlier run began, if it can still be gone on with."""
        if memory.outdated:
            await self._abort(memory.outdated)
            memory.forget()
        if memory.file_id is None:
            return None
        try:
            upload = await self._api.upload(memory.file_id)
        except Refused as error:
            if error.code not in GONE:
                raise
            upload = None
        if upload is None or upload.status not in (UPLOADING, COMPLETED):
            memory.forget()
            return None
        return upload

    async def _send(self, upload: Upload, memory: Memory) -> None:
        if upload.status == COMPLETED:
            return
        if upload.multipart is None:
            await self._put(upload)
        else:
            is_new = memory.file_id is None
            memory.remember(upload.file_id)
            await self._send_parts(upload.file_id, upload.multipart, is_new)

    async def _put(self, upload: Upload) -> None:
        meter = Meter("uploading", self._source.bytes)
        self._shown(meter.at(0))
        at_hand: list[Upload] = [upload]

        async def signed() -> SignedRequest | None:
            now = at_hand.pop() if at_hand else await self._api.upload(upload.file_id)
            if now.put is None and now.status != COMPLETED:
                raise UnexpectedAnswer(f"Upload {now.file_id} is {now.status}, but has no PUT.")
            return now.put

        await self._service.storage.put(
            self._source, signed, lambda done: self._shown(meter.at(done))
        )

    async def _send_parts(self, file_id: str, plan: Multipart, is_new: bool) -> None:
        """Until S3 has all of them. Raises FileChanged rather than to complete a mixture."""
        everything = frozenset(range(1, plan.part_count + 1))
        missing = everything if is_new else (await self._service.steady.parts(file_id)).missing
        before = sum(part_bytes(each, plan, self._source.bytes) for each in everything - missing)
        if before:
            self._shown(Moment("resuming", 100 * before / self._source.bytes))
        meter = Meter("uploading", self._source.bytes, before)
        parts = Parts(
            *(self._source, file_id, plan, self._service),
            lambda done: self._shown(meter.at(done)),
        )
        for left in reversed(range(ROUNDS)):
            await parts.send(missing)
            self._source.check_unchanged()
            try:
                await self._service.steady.complete(file_id)
                return
            except Refused as error:
                if error.code != "PARTS_MISSING" or not left:
                    raise
            missing = (await self._service.steady.parts(file_id)).missing

    async def _give_up(self, file_id: str) -> None:
        """Nobody goes on with it. A second Ctrl-C ends our waiting, and not what is under way."""
        abort = asyncio.create_task(self._abort(file_id))
        await asyncio.wait({abort}, timeout=GIVE_UP_SECONDS)
        abort.cancel()

    async def _abort(self, file_id: str) -> None:
        """So that its parts are not kept for nothing; if it cannot be told, they go when it
        expires."""
        with suppress(ClientError):
            await self._api.abort(file_id)


def _is_over(error: BaseException) -> bool:
    """Else a later run goes on: with another token, on another line, at another hour."""
    if isinstance(error, Refused):
        return error.code in HOPELESS
    return isinstance(error, FileChanged)
