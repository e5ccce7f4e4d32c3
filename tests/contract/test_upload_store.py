"""What every UploadStore keeps to."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from conversion.clock import timestamp, utc_now
from conversion.errors import FileExpired, FileNotFound, UploadFinished
from conversion.uploads import Multipart, Upload, UploadStatus, UploadStore
from tests.contract.examples import FILE_ID, LONG_AGO, UPLOAD

IN_PARTS = replace(UPLOAD, bytes=25, multipart=Multipart("upload", 10))


def test_an_upload_reads_back_as_it_was_written(uploads: UploadStore) -> None:
    uploads.put(UPLOAD)
    assert uploads.find(FILE_ID) == UPLOAD


def test_an_upload_may_ask_for_nothing(uploads: UploadStore) -> None:
    uploads.put(replace(UPLOAD, conversions=()))
    assert uploads.find(FILE_ID) == replace(UPLOAD, conversions=())


@pytest.mark.parametrize("file_id", [FILE_ID, "", "x" * 2049, "\ud800"], ids=range(4))
def test_an_unknown_upload_is_none(uploads: UploadStore, file_id: str) -> None:
    assert uploads.find(file_id) is None


def test_an_expired_upload_is_none_before_it_is_deleted(uploads: UploadStore) -> None:
    uploads.put(replace(UPLOAD, expires_at=LONG_AGO))
    assert uploads.find(FILE_ID) is None


def test_an_expired_upload_is_found_by_whoever_asks_for_those_too(uploads: UploadStore) -> None:
    expired = replace(UPLOAD, expires_at=LONG_AGO)
    uploads.put(expired)

    assert uploads.find(FILE_ID, expired_too=True) == expired
    assert uploads.find("nobody", expired_too=True) is None


def test_only_an_expired_upload_is_removed(uploads: UploadStore) -> None:
    uploads.put(UPLOAD)
    assert uploads.remove(FILE_ID) is False
    assert uploads.find(FILE_ID) == UPLOAD

    uploads.put(replace(UPLOAD, expires_at=LONG_AGO))
    assert uploads.remove(FILE_ID) is True
    assert uploads.find(FILE_ID, expired_too=True) is None


@pytest.mark.parametrize("file_id", [FILE_ID, "", "x" * 2049, "\ud800"], ids=range(4))
def test_an_unknown_upload_is_not_removed(uploads: UploadStore, file_id: str) -> None:
    assert uploads.remove(file_id) is False


def test_an_upload_in_parts_reads_back_as_it_was_written(uploads: UploadStore) -> None:
    whole = replace(
        IN_PARTS,
        multipart=replace(IN_PARTS.multipart, done=frozenset({1, 3})),
        owner="arn:aws:iam::123456789012:user/ada",
        delete_after_download=True,
    )
    uploads.put(whole)
    assert uploads.find(FILE_ID) == whole


def test_parts_are_remembered_once_each(uploads: UploadStore) -> None:
    uploads.put(IN_PARTS)
    uploads.acknowledge(FILE_ID, [2])
    uploads.acknowledge(FILE_ID, [2, 1])

    told = uploads.acknowledge(FILE_ID, [2])
    assert done(told) == {1, 2}
    assert uploads.find(FILE_ID) == told


def test_parts_that_are_lost_are_forgotten(uploads: UploadStore) -> None:
    uploads.put(IN_PARTS)
    uploads.acknowledge(FILE_ID, [1, 2])

    assert done(uploads.acknowledge(FILE_ID, [3], lost=[2])) == {1, 3}
    assert done(uploads.acknowledge(FILE_ID, [], lost=[1, 3])) == set()
    assert uploads.find(FILE_ID) == IN_PARTS


def test_parts_that_come_at_the_same_time_are_all_remembered(uploads: UploadStore) -> None:
    uploads.put(replace(IN_PARTS, bytes=400))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: uploads.acknowledge(FILE_ID, [number]), range(1, 41)))

    assert done(uploads.find(FILE_ID)) == set(range(1, 41))


def test_ten_thousand_parts_have_room(uploads: UploadStore) -> None:
    uploads.put(replace(IN_PARTS, bytes=100_000, file_name="🎧" * 251 + ".wav"))

    told = uploads.acknowledge(FILE_ID, range(1, 10_001))
    assert len(done(told)) == 10_000
    assert told.percent == 99.9


def test_what_is_completed_is_kept_from_then_on(uploads: UploadStore) -> None:
    uploads.put(replace(UPLOAD, expires_at=int(time.time()) + 60))

    completed = uploads.complete(FILE_ID, 7)
    assert completed.status is UploadStatus.COMPLETED
    assert completed.expires_at == pytest.approx(time.time() + 7 * 24 * 3600, abs=5)
    assert uploads.find(FILE_ID) == completed


def test_completing_twice_is_as_once(uploads: UploadStore) -> None:
    uploads.put(UPLOAD)
    first = uploads.complete(FILE_ID, 7)

    assert uploads.complete(FILE_ID, 30) == first


def test_aborting_twice_is_as_once(uploads: UploadStore) -> None:
    uploads.put(IN_PARTS)
    first = uploads.abort(FILE_ID)

    assert first == replace(IN_PARTS, status=UploadStatus.ABORTED)
    assert uploads.abort(FILE_ID) == first == uploads.find(FILE_ID)


@pytest.mark.parametrize("first", ["complete", "abort"])
def test_what_has_ended_one_way_does_not_end_the_other(uploads: UploadStore, first: str) -> None:
    uploads.put(IN_PARTS)
    ends = {
        "complete": lambda: uploads.complete(FILE_ID, 7),
        "abort": lambda: uploads.abort(FILE_ID),
    }
    ended = ends.pop(first)()

    [second] = ends.values()
    for refused in (second, lambda: uploads.acknowledge(FILE_ID, [1])):
        with pytest.raises(UploadFinished, match=ended.status):
            refused()
    assert uploads.find(FILE_ID) == ended


def test_of_many_ends_at_once_one_kind_wins(uploads: UploadStore) -> None:
    uploads.put(UPLOAD)

    def end(number: int) -> str:
        try:
            return (uploads.abort(FILE_ID) if number % 2 else uploads.complete(FILE_ID, 7)).status
        except UploadFinished:
            return "refused"

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(end, range(16)))

    won = uploads.find(FILE_ID, expired_too=True)
    assert won is not None
    assert sorted(answers) == sorted([str(won.status)] * 8 + ["refused"] * 8)


CHANGES = pytest.mark.parametrize(
    "change",
    [
        lambda uploads, file_id: uploads.acknowledge(file_id, [1]),
        lambda uploads, file_id: uploads.acknowledge(file_id, [], lost=[1]),
        lambda uploads, file_id: uploads.complete(file_id, 7),
        lambda uploads, file_id: uploads.abort(file_id),
    ],
    ids=["acknowledge", "forget", "complete", "abort"],
)


@CHANGES
@pytest.mark.parametrize("file_id", [FILE_ID, "", "x" * 2049, "\ud800"], ids=range(4))
def test_an_unknown_upload_is_not_changed(uploads: UploadStore, change, file_id: str) -> None:
    with pytest.raises(FileNotFound):
        change(uploads, file_id)
    assert uploads.find(file_id, expired_too=True) is None


@CHANGES
def test_an_expired_upload_is_not_changed(uploads: UploadStore, change) -> None:
    expired = replace(IN_PARTS, expires_at=LONG_AGO)
    uploads.put(expired)

    with pytest.raises(FileExpired):
        change(uploads, FILE_ID)
    assert uploads.find(FILE_ID, expired_too=True) == expired


def test_open_uploads_are_counted_no_further_than_asked(uploads: UploadStore) -> None:
    assert uploads.count_open(10) == 0
    for number in range(5):
        uploads.put(of_now(f"open{number}"))
    for ended in ("completed", "aborted"):
        uploads.put(of_now(ended))
    uploads.complete("completed", 7)
    uploads.abort("aborted")

    assert [uploads.count_open(each) for each in (1, 4, 5, 6, 1000)] == [1, 4, 5, 5, 5]


@pytest.mark.parametrize(("hours", "counted"), [(23, 1), (25, 0)])
def test_an_upload_counts_as_open_for_a_day(uploads: UploadStore, hours: int, counted: int) -> None:
    asked_at = timestamp(utc_now() - timedelta(hours=hours))
    uploads.put(replace(of_now("old"), created_at=asked_at))
    assert uploads.count_open(10) == counted


def of_now(file_id: str) -> Upload:
    return replace(UPLOAD, file_id=file_id, created_at=timestamp(utc_now()))


def done(upload: Upload | None) -> frozenset[int]:
    assert upload is not None
    assert upload.multipart is not None
    return upload.multipart.done
