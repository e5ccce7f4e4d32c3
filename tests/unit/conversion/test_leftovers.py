"""Whose an object is, and whether anybody will ask for it again."""

from __future__ import annotations

import pytest

from conversion.errors import StorageUnavailable
from conversion.job import Job, Status
from conversion.leftovers import (
    NotDeleted,
    Owner,
    Removed,
    is_idle,
    is_lost,
    owner_of,
    prefix_of,
    remove_all,
    remove_lost,
)
from conversion.stores import clients
from conversion.stores.objects import Objects
from tests.contract import pretend
from tests.contract.examples import BUCKET, JOB, JOB_ID, a_job


@pytest.mark.parametrize("attempt", [1, 9, 10, 123])
def test_every_key_a_job_writes_is_known_as_its_own(attempt: int) -> None:
    waveform = JOB.waveform_keys(attempt)
    for key in (JOB.output_key(attempt), waveform.json, waveform.png):
        assert owner_of(key) == Owner(JOB_ID, attempt)
        assert key.startswith(prefix_of(JOB_ID))


@pytest.mark.parametrize(
    "key",
    [
        "",
        "conversions/",
        f"conversions/{JOB_ID}",
        f"conversions/{JOB_ID}/",
        f"conversions/{JOB_ID}/1",
        f"conversions/{JOB_ID}/1/",
        f"conversions/{JOB_ID}/0/output.mp3",
        f"conversions/{JOB_ID}/one/output.mp3",
        f"conversions/{JOB_ID}/-1/output.mp3",
        f"conversions/{JOB_ID.upper()}/1/output.mp3",
        f"conversions/{JOB_ID}x/1/output.mp3",
        f"uploads/{JOB_ID}/1/output.mp3",
        f"x/conversions/{JOB_ID}/1/output.mp3",
    ],
)
def test_no_other_key_is_anybodys(key: str) -> None:
    assert owner_of(key) is None


def job(status: Status, attempt: int) -> Job:
    return a_job(status=status, attempt=attempt)


@pytest.mark.parametrize(
    ("status", "attempt", "lost", "idle"),
    [
        # Of a job at attempt 2: which of the attempts 1, 2, 3 have lost, and which are idle.
        (Status.CREATED, 0, (), ()),
        (Status.PROCESSING, 2, (), (1,)),
        (Status.COMPLETED, 2, (1,), (1, 2)),
        (Status.FAILED, 2, (1, 2), (1, 2)),
        (Status.CANCELLED, 2, (1, 2), (1, 2)),
    ],
)
def test_what_is_lost_and_what_is_idle(
    status: Status, attempt: int, lost: tuple[int, ...], idle: tuple[int, ...]
) -> None:
    for stands in (job(status, attempt), job(status, attempt).standing):
        assert tuple(each for each in (1, 2, 3) if is_lost(each, stands)) == lost
        assert tuple(each for each in (1, 2, 3) if is_idle(each, stands)) == idle


@pytest.fixture
def objects(aws: None) -> Objects:
    client = clients.s3()
    client.create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": pretend.REGION}
    )
    return Objects(client, BUCKET)


def test_what_was_removed_is_counted(objects: Objects) -> None:
    for attempt in (1, 2, 3):
        objects.put(JOB.output_key(attempt), b"x" * attempt, "audio/mpeg")
    assert remove_lost(job(Status.COMPLETED, 3), objects) == Removed(2, 3)
    assert remove_all(JOB_ID, objects) == Removed(1, 3)
    assert remove_all(JOB_ID, objects) == Removed()


@pytest.mark.parametrize("stays", ["a note.txt", f"conversions/{JOB_ID}/a note.txt"])
def test_what_no_job_has_written_stays(objects: Objects, stays: str) -> None:
    objects.put(stays, b"x", "text/plain")
    remove_all(JOB_ID, objects)
    assert [each.key for each in objects.list("")] == [stays]


def test_of_a_live_job_nothing_is_removed(objects: Objects) -> None:
    objects.put(JOB.output_key(1), b"x", "audio/mpeg")
    assert remove_lost(job(Status.PROCESSING, 2), objects) == Removed()
    assert len(list(objects.list(""))) == 1


def test_what_s3_refuses_has_to_be_tried_again(objects: Objects) -> None:
    class Refusing(Objects):
        def delete_many(self, objects: object) -> list[NotDeleted]:
            return [NotDeleted("a", "AccessDenied"), NotDeleted("b", "InternalError")]

    objects.put(JOB.output_key(1), b"x", "audio/mpeg")
    refusing = Refusing(objects._client, BUCKET)
    with pytest.raises(StorageUnavailable, match=r"2 objects \(AccessDenied, InternalError\)"):
        remove_all(JOB_ID, refusing)
