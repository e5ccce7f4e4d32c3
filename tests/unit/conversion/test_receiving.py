"""Files on their way in: what S3 has decides, whoever asks twice, at once, or too late."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from moto.s3 import models

from conversion import receiving
from conversion.callers import ANYBODY, Caller
from conversion.errors import (
    FileExpired,
    FileNotFound,
    InvalidRequest,
    NotMultipart,
    PartsMissing,
    RecordsUnavailable,
    StorageUnavailable,
    TooManyUploads,
    UploadFinished,
    UploadMismatch,
)
from conversion.parts import MIB, SINGLE_PUT_BYTES
from conversion.stores.attributes import to_attributes
from conversion.stores.incoming import Incoming
from conversion.uploads import Multipart, Upload, UploadStatus
from tests.contract import tables
from tests.contract.examples import BUCKET, FILE_ID, LONG_AGO, UPLOAD
from tests.contract.throttled import DOWN, refused
from tests.unit.conversion.world import RETENTION_DAYS, World

BODY = b"0123456789abcdefghijABCDE"
SINGLE = replace(UPLOAD, bytes=len(BODY))
OLD_FIELDS = (
    "fileId", "fileName", "bytes", "mediaType", "conversions", "createdAt", "expiresAt",
)  # fmt: skip
ALL = {1: BODY[:10], 2: BODY[10:20], 3: BODY[20:]}


class Way:
    """A file's way into a bucket, in parts of 10 bytes."""

    def __init__(self, world: World) -> None:
        self.s3, self.dynamodb = world.s3, world.dynamodb
        self.uploads, self.incoming = world.uploads, Incoming(world.s3, BUCKET)

    def single(self) -> Upload:
        self.uploads.put(SINGLE)
        return SINGLE

    def in_parts(self, **changes: Any) -> Upload:
        upload_id = self.incoming.open_parts(SINGLE.key, SINGLE.media_type)
        upload = replace(SINGLE, multipart=Multipart(upload_id, 10), **changes)
        self.uploads.put(upload)
        return upload

    def put(self, body: bytes = BODY, media_type: str = SINGLE.media_type) -> None:
        self.s3.put_object(Bucket=BUCKET, Key=SINGLE.key, Body=body, ContentType=media_type)

    def send(self, upload: Upload, parts: dict[int, bytes]) -> None:
        assert upload.multipart is not None
        for number, body in parts.items():
            self.s3.upload_part(
                Bucket=BUCKET,
                Key=upload.key,
                UploadId=upload.multipart.upload_id,
                PartNumber=number,
                Body=body,
            )

    def look(self, upload: Upload) -> Upload:
        return receiving.look(upload, self.uploads, self.incoming, RETENTION_DAYS)

    def parts_of(self, upload: Upload) -> receiving.Parts:
        return receiving.parts_of(upload, self.uploads, self.incoming, RETENTION_DAYS)

    def complete(self, upload: Upload) -> Upload:
        return receiving.complete(upload, self.uploads, self.incoming, RETENTION_DAYS)

    def abort(self, upload: Upload) -> None:
        receiving.abort(upload, self.uploads, self.incoming, RETENTION_DAYS)

    def record(self) -> Upload:
        found = self.uploads.find(FILE_ID, expired_too=True)
        assert found is not None
        return found

    def object(self) -> bytes | None:
        try:
            return self.s3.get_object(Bucket=BUCKET, Key=SINGLE.key)["Body"].read()
        except self.s3.exceptions.NoSuchKey:
            return None

    def open_in_s3(self) -> int:
        return len(list(self.incoming.multipart_uploads("uploads/")))


@pytest.fixture
def way(world: World, monkeypatch: pytest.MonkeyPatch) -> Way:
    monkeypatch.setattr(models, "S3_UPLOAD_PART_MIN_SIZE", 1)
    return Way(world)


@pytest.fixture
def at_noon(monkeypatch: pytest.MonkeyPatch) -> float:
    """Unix seconds of a moment at which time stands, for those who sign; just past a whole one."""
    noon = datetime(2026, 11, 21, 12, 0, 0, 100_000, tzinfo=UTC)
    monkeypatch.setattr(receiving, "utc_now", lambda: noon)
    return noon.timestamp()


def asked(length: int) -> Upload:
    return Upload.from_request({"fileName": "talk.wav", "bytes": length}, 10**12, RETENTION_DAYS)


# Asked for


def test_up_to_16_mib_a_file_is_sent_by_one_put(way: Way) -> None:
    upload = receiving.expect(asked(SINGLE_PUT_BYTES), way.uploads, way.incoming, 10)

    assert upload.multipart is None
    assert way.uploads.find(upload.file_id) == upload
    assert way.open_in_s3() == 0


def test_above_it_is_sent_in_parts(way: Way) -> None:
    upload = receiving.expect(asked(SINGLE_PUT_BYTES + 1), way.uploads, way.incoming, 10)

    assert upload.multipart is not None
    assert (upload.multipart.part_bytes, upload.cut.count) == (8 * MIB, 3)
    assert way.uploads.find(upload.file_id) == upload
    [opened] = way.incoming.multipart_uploads("uploads/")
    assert (opened.key, opened.upload_id) == (upload.key, upload.multipart.upload_id)


def test_more_open_uploads_than_may_be_are_refused(way: Way) -> None:
    first, _ = (receiving.expect(asked(1), way.uploads, way.incoming, 2) for _ in range(2))
    with pytest.raises(TooManyUploads, match="2 uploads are open"):
        receiving.expect(asked(SINGLE_PUT_BYTES + 1), way.uploads, way.incoming, 2)
    assert way.open_in_s3() == 0

    way.uploads.abort(first.file_id)
    assert receiving.expect(asked(1), way.uploads, way.incoming, 2)


def test_what_cannot_be_recorded_is_not_taken_in(way: Way) -> None:
    with refused(way.dynamodb, "PutItem", DOWN), pytest.raises(RecordsUnavailable):
        receiving.expect(asked(SINGLE_PUT_BYTES + 1), way.uploads, way.incoming, 10)
    assert way.dynamodb.scan(TableName=tables.UPLOADS)["Count"] == 0


# Whose it is

ADA, BOB = (Caller.identified(f"arn:aws:iam::123456789012:user/{each}", ()) for each in "ab")
OPERATOR = Caller.identified("op", ["op"])


@pytest.mark.parametrize("caller", [ADA, OPERATOR, ANYBODY], ids=["owner", "operator", "anybody"])
def test_a_file_is_its_owners_and_the_operators(way: Way, caller: Caller) -> None:
    owned = replace(SINGLE, owner=ADA.identity)
    way.uploads.put(owned)
    assert receiving.upload_of(FILE_ID, caller, way.uploads) == owned


def test_what_is_not_yours_is_not_there(way: Way) -> None:
    def told(file_id: str) -> str:
        with pytest.raises(FileNotFound) as refusal:
            receiving.upload_of(file_id, BOB, way.uploads)
        return str(refusal.value).replace(file_id, "")

    way.uploads.put(replace(SINGLE, owner=ADA.identity))
    not_yours, not_there = told(FILE_ID), told("unknown")
    way.uploads.put(replace(SINGLE, owner=ADA.identity, expires_at=LONG_AGO))
    assert not_yours == not_there == told(FILE_ID)
    way.uploads.put(SINGLE)
    assert not_yours == told(FILE_ID)


def test_a_file_that_has_expired_is_said_to_have(way: Way) -> None:
    way.uploads.put(replace(SINGLE, expires_at=LONG_AGO))
    with pytest.raises(FileExpired):
        receiving.upload_of(FILE_ID, ANYBODY, way.uploads)


# One PUT


def test_one_put_is_looked_for(way: Way) -> None:
    upload = way.single()
    assert way.look(upload) == upload
    assert (upload.bytes_received, upload.percent) == (0, 0)

    way.put()
    arrived = way.look(upload)
    assert arrived.status is UploadStatus.COMPLETED
    assert (arrived.bytes_received, arrived.percent) == (len(BODY), 100)
    assert way.record() == arrived == way.look(arrived)


def test_a_record_of_an_older_version_is_looked_for_too(way: Way) -> None:
    item = {name: SINGLE.to_item()[name] for name in OLD_FIELDS}
    way.dynamodb.put_item(TableName=tables.UPLOADS, Item=to_attributes(item))
    way.put()

    upload = receiving.upload_of(FILE_ID, ANYBODY, way.uploads)
    assert (upload.status, upload.multipart, upload.owner) == (UploadStatus.UPLOADING, None, None)
    assert way.look(upload).status is UploadStatus.COMPLETED
    assert way.record().status is UploadStatus.COMPLETED


@pytest.mark.parametrize(
    ("body", "media_type"),
    [(BODY[:-1], SINGLE.media_type), (BODY + b"!", SINGLE.media_type), (BODY, "text/plain")],
    ids=["short", "long", "of another type"],
)
@pytest.mark.parametrize("ask", [Way.look, Way.complete])
def test_what_arrives_otherwise_than_declared_is_told(
    way: Way, body: bytes, media_type: str, ask: Callable[[Way, Upload], Upload]
) -> None:
    upload = way.single()
    way.put(body, media_type)

    with pytest.raises(UploadMismatch, match="25 of audio/wav were declared"):
        ask(way, upload)
    assert way.record().status is UploadStatus.UPLOADING


def test_one_put_is_completed_when_it_is_there(way: Way) -> None:
    upload = way.single()
    with pytest.raises(PartsMissing):
        way.complete(upload)

    way.put()
    assert way.complete(upload).status is UploadStatus.COMPLETED
    assert way.complete(upload) == way.complete(way.record()) == way.record()


def test_one_put_has_no_parts(way: Way) -> None:
    upload = way.single()
    for ask in (
        lambda: receiving.sign_parts(upload, [1], way.incoming, 60),
        lambda: receiving.acknowledge(upload, 1, way.uploads),
        lambda: way.parts_of(upload),
    ):
        with pytest.raises(NotMultipart):
            ask()


def test_one_put_is_signed_until_it_has_come(way: Way) -> None:
    signed = receiving.sign_put(way.single(), way.incoming, 60)
    assert signed is not None
    assert signed.headers["content-length"] == str(len(BODY))

    for upload in (replace(SINGLE, status=UploadStatus.COMPLETED), way.in_parts()):
        assert receiving.sign_put(upload, way.incoming, 60) is None


@pytest.mark.parametrize("seconds", [1, 30])
def test_no_url_outlives_its_upload(way: Way, seconds: int, at_noon: float) -> None:
    """It has so many whole seconds left."""
    expires_at = int(at_noon) + seconds + 1
    single, parts = replace(way.single(), expires_at=expires_at), way.in_parts()
    put = receiving.sign_put(single, way.incoming, 60)
    [part] = receiving.sign_parts(replace(parts, expires_at=expires_at), [1], way.incoming, 60)

    assert put is not None
    for signed in (put, part.request):
        assert f"X-Amz-Expires={seconds}&" in signed.url


def test_in_its_last_second_nothing_is_signed(way: Way, at_noon: float) -> None:
    single, parts = (
        replace(each, expires_at=int(at_noon) + 1) for each in (way.single(), way.in_parts())
    )
    with pytest.raises(FileExpired):
        receiving.sign_put(single, way.incoming, 60)
    with pytest.raises(FileExpired):
        receiving.sign_parts(parts, [1], way.incoming, 60)


# Parts


def test_parts_are_signed_with_what_to_send(way: Way) -> None:
    signed = receiving.sign_parts(way.in_parts(), [3, 1, 3], way.incoming, 60)

    assert [(each.number, each.offset, each.bytes) for each in signed] == [(3, 20, 5), (1, 0, 10)]
    assert {each.request.headers["content-length"] for each in signed} == {"10", "5"}
    assert "partNumber=3" in signed[0].request.url


@pytest.mark.parametrize("number", [0, -1, 4, 10**20])
def test_a_part_that_the_file_has_not_is_refused(way: Way, number: int) -> None:
    upload = way.in_parts()
    with pytest.raises(InvalidRequest, match="parts 1 to 3"):
        receiving.sign_parts(upload, [1, number], way.incoming, 60)
    with pytest.raises(InvalidRequest, match="parts 1 to 3"):
        receiving.acknowledge(upload, number, way.uploads)


def test_progress_is_by_bytes(way: Way) -> None:
    upload = way.in_parts()
    shown = [upload]
    for number in (3, 1, 1, 2):
        shown.append(receiving.acknowledge(upload, number, way.uploads))

    assert [(each.bytes_received, each.percent) for each in shown] == [
        (0, 0.0), (5, 20.0), (15, 60.0), (15, 60.0), (25, 99.9),
    ]  # fmt: skip
    assert way.look(shown[-1]) == shown[-1] == way.record()


def test_what_s3_has_is_what_the_record_says(way: Way) -> None:
    upload = way.in_parts()
    receiving.acknowledge(upload, 2, way.uploads)
    way.send(upload, {1: ALL[1], 3: ALL[3]})
    parts = way.parts_of(way.record())

    assert [(each.number, each.bytes) for each in parts.landed] == [(1, 10), (3, 5)]
    assert parts.missing == [2]
    assert parts.upload == way.record()
    assert parts.upload.multipart is not None
    assert parts.upload.multipart.done == {1, 3}


def test_a_part_of_another_length_is_missing(way: Way) -> None:
    upload = way.in_parts()
    way.send(upload, {**ALL, 2: b"short"})

    assert way.parts_of(upload).missing == [2]
    with pytest.raises(PartsMissing, match=r": 2\. Send"):
        way.complete(upload)

    way.send(upload, {2: ALL[2]})
    assert way.complete(upload).status is UploadStatus.COMPLETED
    assert way.object() == BODY


def test_a_listing_that_says_nothing_new_writes_nothing(way: Way) -> None:
    upload = way.in_parts()
    way.send(upload, ALL)
    way.parts_of(upload)

    with refused(way.dynamodb, "UpdateItem", DOWN) as refusals:
        assert way.parts_of(way.record()).missing == []
    assert refusals.count == 0


# The end of parts


def test_parts_become_the_file(way: Way) -> None:
    upload = way.in_parts()
    way.send(upload, ALL)
    completed = way.complete(upload)

    assert completed.status is UploadStatus.COMPLETED
    assert completed.percent == 100
    assert way.record() == completed == way.complete(way.record())
    assert (way.object(), way.open_in_s3()) == (BODY, 0)


def test_what_is_missing_is_named(way: Way) -> None:
    upload = way.in_parts(bytes=10 * 30)
    way.send(upload, {4: b"x" * 10})
    with pytest.raises(PartsMissing, match=r"1, 2, 3, 5, .*, 21 and 9 more"):
        way.complete(upload)

    assert way.record().multipart == replace(upload.multipart, done=frozenset({4}))
    assert way.open_in_s3() == 1


def test_the_answer_to_completing_may_be_lost(way: Way) -> None:
    """S3 has joined the parts, and the record does not know."""
    upload = way.in_parts()
    way.send(upload, ALL)
    with refused(way.dynamodb, "UpdateItem", DOWN), pytest.raises(RecordsUnavailable):
        way.complete(upload)
    assert (way.record().status, way.object()) == (UploadStatus.UPLOADING, BODY)

    assert way.complete(upload).status is UploadStatus.COMPLETED


def test_a_listing_notices_that_the_parts_are_joined(way: Way) -> None:
    upload = way.in_parts()
    way.send(upload, ALL)
    way.incoming.join_parts(upload.key, upload.multipart.upload_id, way.parts_of(upload).landed)

    with pytest.raises(UploadFinished, match="completed"):
        way.parts_of(upload)
    assert way.record().status is UploadStatus.COMPLETED


def test_two_clients_complete_at_once(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one is done between our look at the parts and our joining of them."""
    upload = way.in_parts()
    way.send(upload, ALL)
    join = way.incoming.join_parts
    others: list[Upload] = []

    def behind_the_other(*joined: Any) -> None:
        monkeypatch.setattr(way.incoming, "join_parts", join)
        others.append(way.complete(upload))
        join(*joined)

    monkeypatch.setattr(way.incoming, "join_parts", behind_the_other)
    ours = way.complete(upload)
    assert [ours] == others
    assert way.object() == BODY


def test_a_part_sent_anew_while_completing_is_no_completion(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = way.in_parts()
    way.send(upload, ALL)
    listed = way.incoming.parts

    def before_one_is_sent_anew(key: str, upload_id: str):
        landed = listed(key, upload_id)
        way.send(upload, {1: b"ABCDEFGHIJ"})
        return landed

    with monkeypatch.context() as patch:
        patch.setattr(way.incoming, "parts", before_one_is_sent_anew)
        with pytest.raises(PartsMissing, match="again"):
            way.complete(upload)
    assert way.record().status is UploadStatus.UPLOADING

    assert way.complete(upload).status is UploadStatus.COMPLETED
    assert way.object() == b"ABCDEFGHIJ" + BODY[10:]


@pytest.mark.parametrize("ask", [Way.complete, Way.parts_of])
def test_parts_that_s3_has_given_up_are_gone(way: Way, ask: Callable[[Way, Upload], Any]) -> None:
    upload = way.in_parts()
    way.incoming.abort_multipart(upload.key, upload.multipart.upload_id)

    with pytest.raises(FileExpired, match="new upload"):
        ask(way, upload)
    assert way.record().status is UploadStatus.UPLOADING


@pytest.mark.parametrize("ask", [Way.complete, Way.parts_of])
def test_another_object_under_the_key_is_not_the_file(
    way: Way, ask: Callable[[Way, Upload], Any]
) -> None:
    upload = way.in_parts()
    way.incoming.abort_multipart(upload.key, upload.multipart.upload_id)
    way.put(b"another")

    with pytest.raises(UploadMismatch):
        ask(way, upload)
    assert (way.record().status, way.object()) == (UploadStatus.ABORTED, None)


def test_an_object_under_the_key_is_not_overwritten(way: Way) -> None:
    upload = way.in_parts()
    way.send(upload, ALL)
    way.put(BODY[::-1])

    assert way.complete(upload).status is UploadStatus.COMPLETED
    assert way.object() == BODY[::-1]


def test_storage_that_fails_ends_nothing(way: Way) -> None:
    upload = way.in_parts()
    way.send(upload, ALL)
    for operation in ("ListParts", "CompleteMultipartUpload", "HeadObject"):
        with refused(way.s3, operation, DOWN), pytest.raises(StorageUnavailable):
            way.complete(upload)
    assert way.record().status is UploadStatus.UPLOADING

    assert way.complete(upload).status is UploadStatus.COMPLETED


# Abort


def test_what_is_aborted_leaves_nothing(way: Way) -> None:
    upload = way.in_parts()
    way.send(upload, ALL)
    way.abort(upload)

    assert way.record().status is UploadStatus.ABORTED
    assert (way.object(), way.open_in_s3()) == (None, 0)
    way.abort(upload)
    way.abort(way.record())


def test_an_aborted_upload_takes_nothing_more(way: Way) -> None:
    way.abort(way.in_parts())
    upload = way.record()
    for ask in (
        lambda: receiving.sign_parts(upload, [1], way.incoming, 60),
        lambda: receiving.acknowledge(upload, 1, way.uploads),
        lambda: way.parts_of(upload),
        lambda: way.complete(upload),
    ):
        with pytest.raises(UploadFinished, match="aborted"):
            ask()


def test_an_aborted_put_is_not_completed_by_what_still_lands(way: Way) -> None:
    upload = way.single()
    way.abort(upload)
    way.put()

    assert way.look(way.record()).status is UploadStatus.ABORTED
    with pytest.raises(UploadFinished):
        way.complete(way.record())
    way.abort(way.record())
    assert way.object() is None


@pytest.mark.parametrize("kind", [Way.single, Way.in_parts])
def test_what_is_completed_cannot_be_taken_back(way: Way, kind: Callable[[Way], Upload]) -> None:
    upload = kind(way)
    if upload.multipart:
        way.send(upload, ALL)
        way.complete(upload)
    else:
        way.put()  # and nobody has looked

    for each in (upload, way.record()):
        with pytest.raises(UploadFinished, match=r"completed.* goes by itself when it expires"):
            way.abort(each)
    assert (way.record().status, way.object()) == (UploadStatus.COMPLETED, BODY)


def test_what_s3_has_joined_cannot_be_taken_back_though_no_record_says_so(way: Way) -> None:
    """Whoever completed it died behind the joining; by now the file may be at work in a job."""
    upload = way.in_parts()
    way.send(upload, ALL)
    way.incoming.join_parts(upload.key, upload.multipart.upload_id, way.parts_of(upload).landed)

    with pytest.raises(UploadFinished, match="completed"):
        way.abort(way.record())
    assert (way.record().status, way.object()) == (UploadStatus.COMPLETED, BODY)


def test_two_clients_abort_at_once(way: Way) -> None:
    """The other one's record is written behind our look at it, and what landed is still there."""
    upload = way.single()
    way.uploads.abort(FILE_ID)
    way.put()
    way.abort(upload)

    assert (way.record().status, way.object()) == (UploadStatus.ABORTED, None)


def test_a_put_that_is_not_as_declared_can_be_taken_back(way: Way) -> None:
    upload = way.single()
    way.put(b"another")
    way.abort(upload)

    assert (way.record().status, way.object()) == (UploadStatus.ABORTED, None)


def test_an_abort_beats_the_joining_that_it_overtakes(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever completes is told, and nothing of the file is kept for it."""
    upload = way.in_parts()
    way.send(upload, ALL)
    join = way.incoming.join_parts

    def while_another_aborts(*joined: Any) -> None:
        way.uploads.abort(FILE_ID)
        join(*joined)

    monkeypatch.setattr(way.incoming, "join_parts", while_another_aborts)
    with pytest.raises(UploadFinished, match="aborted"):
        way.complete(upload)
    way.abort(way.record())
    assert way.object() is None


def test_an_abort_that_broke_off_is_made_good_by_the_next(way: Way) -> None:
    upload = way.in_parts()
    with refused(way.s3, "AbortMultipartUpload", DOWN), pytest.raises(StorageUnavailable):
        way.abort(upload)
    assert (way.record().status, way.open_in_s3()) == (UploadStatus.ABORTED, 1)

    way.abort(way.record())
    assert way.open_in_s3() == 0


def test_parts_that_an_abort_took_away_are_said_to_be_aborted(
    way: Way,
) -> None:
    """Nothing has expired: whoever completes read the record a moment too early."""
    upload = way.in_parts()
    way.send(upload, ALL)
    way.abort(upload)

    with pytest.raises(UploadFinished, match="aborted"):
        way.complete(upload)
