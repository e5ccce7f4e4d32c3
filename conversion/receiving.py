"""How a file comes in: asked for, sent in one piece or in parts, and then completed or aborted.

The bytes go from the client to the bucket and pass nobody here. So what a client says of them, part
by part, is its progress and no more: whether the file is there, and is what was declared, S3 alone
is asked. Each step may be done twice, by two clients at once or by one whose answer was lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from conversion.callers import Caller
from conversion.clock import utc_now
from conversion.errors import (
    FileExpired,
    InvalidRequest,
    NotMultipart,
    PartsMissing,
    RequestError,
    SourceChanged,
    SourceMissing,
    TooManyUploads,
    UploadFinished,
    UploadMismatch,
)
from conversion.incoming import Arrived, Bucket, SignedRequest
from conversion.parts import SINGLE_PUT_BYTES, Cut, LandedPart
from conversion.uploads import (
    Multipart,
    Upload,
    UploadStatus,
    UploadStore,
    expired,
    finished,
    no_such_file,
)

# As many parts are signed at once: enough for a minute of a fast line.
MOST_SIGNED = 100
# As many missing parts are named.
_MOST_NAMED = 20


@dataclass(frozen=True)
class SignedPart:
    """What to send of the file, and where to."""

    number: int
    offset: int
    bytes: int
    request: SignedRequest


@dataclass(frozen=True)
class Parts:
    """The whole parts that S3 has, and the numbers of those it has not."""

    upload: Upload
    landed: Sequence[LandedPart]
    missing: Sequence[int]


def expect(upload: Upload, uploads: UploadStore, bucket: Bucket, most_open: int) -> Upload:
    """Take in a file that was asked for. Raises TooManyUploads.

    The record comes last: what is lost before it is an upload in S3 that nobody has an id of, which
    the bucket's lifecycle rule removes.
    """
    if uploads.count_open(most_open) >= most_open:
        raise TooManyUploads(
            f"{most_open} uploads are open already; complete or abort some, or ask again when "
            "some are done."
        )
    if upload.bytes > SINGLE_PUT_BYTES:
        upload_id = bucket.open_parts(upload.key, upload.media_type)
        multipart = Multipart(upload_id, Cut.of(upload.bytes).part_bytes)
        upload = replace(upload, multipart=multipart)
    uploads.put(upload)
    return upload


def upload_of(file_id: str, caller: Caller, uploads: UploadStore) -> Upload:
    """Raises FileNotFound, also for what the caller may not see, and FileExpired."""
    upload = uploads.find(file_id, expired_too=True)
    if upload is None or not caller.may_see(upload.owner):
        raise no_such_file(file_id)
    if upload.has_expired:
        raise expired(file_id)
    return upload


def look(upload: Upload, uploads: UploadStore, bucket: Bucket, retention_days: int) -> Upload:
    """How far it is. For what is sent by one PUT nobody says when it has arrived: it is looked for.

    Raises UploadMismatch.
    """
    if upload.status is not UploadStatus.UPLOADING or upload.multipart is not None:
        return upload
    arrived = _arrived(upload, bucket)
    return upload if arrived is None else _accept(upload, arrived, uploads, retention_days)


def sign_put(upload: Upload, bucket: Bucket, seconds: int) -> SignedRequest | None:
    """The one PUT of a file that comes without parts, as long as it has not come, for so many
    seconds at most. Raises FileExpired."""
    if upload.status is not UploadStatus.UPLOADING or upload.multipart is not None:
        return None
    seconds = _seconds_left(upload, seconds)
    return bucket.presign_put(upload.key, upload.bytes, upload.media_type, seconds)


def sign_parts(
    upload: Upload, numbers: Iterable[int], bucket: Bucket, seconds: int
) -> list[SignedPart]:
    """For so many seconds at most. Raises NotMultipart, UploadFinished, FileExpired, and
    InvalidRequest for a part that the file has not."""
    multipart, cut = _open_parts(upload), upload.cut
    seconds = _seconds_left(upload, seconds)
    signed: list[SignedPart] = []
    for number in dict.fromkeys(numbers):
        length = _length(cut, number)
        request = bucket.presign_part(upload.key, multipart.upload_id, number, length, seconds)
        signed.append(SignedPart(number, cut.offset(number), length, request))
    return signed


def acknowledge(upload: Upload, number: int, uploads: UploadStore) -> Upload:
    """Raises NotMultipart, UploadFinished, FileExpired, and InvalidRequest as `sign_parts` does."""
    _open_parts(upload)
    _length(upload.cut, number)
    return uploads.acknowledge(upload.file_id, [number])


def parts_of(upload: Upload, uploads: UploadStore, bucket: Bucket, retention_days: int) -> Parts:
    """What S3 has, which the record then says too. Raises NotMultipart, UploadFinished, FileExpired
    when S3 has given the parts up, and UploadMismatch."""
    multipart = _open_parts(upload)
    try:
        landed = upload.cut.whole(bucket.parts(upload.key, multipart.upload_id))
    except SourceMissing:
        joined = _joined(upload, uploads, bucket, retention_days, _gone(upload))
        raise finished(joined) from None
    return _brought_up(upload, multipart, landed, uploads)


def complete(upload: Upload, uploads: UploadStore, bucket: Bucket, retention_days: int) -> Upload:
    """Twice is as once. Raises PartsMissing, UploadMismatch, UploadFinished when it was aborted,
    and FileExpired when S3 has given the parts up."""
    if upload.status is UploadStatus.COMPLETED:
        return upload
    if upload.multipart is None and upload.status is UploadStatus.UPLOADING:
        return _seen(look(upload, uploads, bucket, retention_days))
    multipart = _open_parts(upload)
    otherwise: RequestError = _gone(upload)
    try:
        landed = upload.cut.whole(bucket.parts(upload.key, multipart.upload_id))
        if len(landed) < upload.cut.count:
            raise _missing(_brought_up(upload, multipart, landed, uploads))
        bucket.join_parts(upload.key, multipart.upload_id, landed)
    except SourceMissing:
        pass  # joined by another client, or by us in a try whose answer was lost
    except SourceChanged:
        otherwise = PartsMissing("A part was sent anew in this moment; complete the upload again.")
    return _joined(upload, uploads, bucket, retention_days, otherwise)


def abort(upload: Upload, uploads: UploadStore, bucket: Bucket, retention_days: int) -> None:
    """Twice is as once. Raises UploadFinished when the file is there, by one PUT or joined: it may
    be converted already, and the record just not know.

    The record first: what it calls aborted nobody completes or converts, whatever still lands.
    """
    if upload.status is UploadStatus.UPLOADING:
        arrived = _arrived(upload, bucket)
        if arrived is not None and _is_as_declared(arrived, upload):
            with suppress(UploadFinished):  # another has aborted it in this moment
                upload = uploads.complete(upload.file_id, retention_days)
    if upload.status is UploadStatus.COMPLETED:
        raise finished(upload)
    uploads.abort(upload.file_id)
    if upload.multipart is not None:
        bucket.abort_multipart(upload.key, upload.multipart.upload_id)
    bucket.delete(upload.key)


def _open_parts(upload: Upload) -> Multipart:
    if upload.status is not UploadStatus.UPLOADING:
        raise finished(upload)
    if upload.multipart is None:
        raise NotMultipart(
            f"File {upload.file_id} is sent by one PUT; GET /v1/uploads/{upload.file_id} signs it."
        )
    return upload.multipart


def _seconds_left(upload: Upload, most: int) -> int:
    """For how long a URL may be good: what lands under one that outlives the upload's record would
    be nobody's, and converted as if it were dropped. A URL is good for whole seconds."""
    left = int(upload.expires_at - utc_now().timestamp())
    if left < 1:
        raise expired(upload.file_id)
    return min(most, left)


def _length(cut: Cut, number: int) -> int:
    if number not in cut.numbers:
        raise InvalidRequest(f"The file has parts 1 to {cut.count}, and no part {number}.")
    return cut.length(number)


def _brought_up(
    upload: Upload, multipart: Multipart, landed: Sequence[LandedPart], uploads: UploadStore
) -> Parts:
    there = {each.number for each in landed}
    new, lost = there - multipart.done, multipart.done - there
    if new or lost:
        upload = uploads.acknowledge(upload.file_id, new, lost)
    return Parts(upload, landed, upload.cut.missing(there))


def _missing(parts: Parts) -> PartsMissing:
    named = ", ".join(str(each) for each in parts.missing[:_MOST_NAMED])
    more = len(parts.missing) - _MOST_NAMED
    return PartsMissing(
        f"These parts are missing or not as long as they must be: {named}"
        f"{f' and {more} more' if more > 0 else ''}. Send them, and complete the upload again."
    )


def _seen(upload: Upload) -> Upload:
    if upload.status is not UploadStatus.COMPLETED:
        raise PartsMissing("The file has not arrived; PUT it to its signed URL first.")
    return upload


def _arrived(upload: Upload, bucket: Bucket) -> Arrived | None:
    try:
        return bucket.head(upload.key)
    except SourceMissing:
        return None


def _gone(upload: Upload) -> FileExpired:
    return FileExpired(
        f"The parts of file {upload.file_id} are gone: S3 keeps them no longer; ask for a new "
        "upload."
    )


def _joined(
    upload: Upload,
    uploads: UploadStore,
    bucket: Bucket,
    retention_days: int,
    otherwise: RequestError,
) -> Upload:
    """The upload whose parts S3 has joined, or knows no more. Where there is no object the record
    stays as it is: another client's joining may still be on its way."""
    arrived = _arrived(upload, bucket)
    if arrived is None:
        now = uploads.find(upload.file_id) or upload
        raise finished(now) if now.status is UploadStatus.ABORTED else otherwise
    if _is_as_declared(arrived, upload):
        return uploads.complete(upload.file_id, retention_days)
    uploads.abort(upload.file_id)
    bucket.delete(upload.key)
    raise _mismatch(upload, arrived)


def _accept(upload: Upload, arrived: Arrived, uploads: UploadStore, retention_days: int) -> Upload:
    if not _is_as_declared(arrived, upload):
        raise _mismatch(upload, arrived)
    return uploads.complete(upload.file_id, retention_days)


def _is_as_declared(arrived: Arrived, upload: Upload) -> bool:
    return (arrived.bytes, arrived.media_type) == (upload.bytes, upload.media_type)


def _mismatch(upload: Upload, arrived: Arrived) -> UploadMismatch:
    return UploadMismatch(
        f"What arrived has {arrived.bytes} bytes of {arrived.media_type}, and {upload.bytes} of "
        f"{upload.media_type} were declared; abort this upload and ask for another one."
    )
