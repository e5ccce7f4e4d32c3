"""How jobs begin, in stores that can fail at any step."""

from __future__ import annotations

from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from conversion.cost import estimate
from conversion.errors import (
    FileNotFound,
    RecordsUnavailable,
    StorageUnavailable,
    TooManyJobs,
    UploadFinished,
)
from conversion.events import ObjectCreated
from conversion.job import Status
from conversion.uploads import Multipart, Upload, UploadStatus
from tests.contract.examples import BUCKET, FILE_ID, LONG_AGO, OUTPUT, SOURCE, UPLOAD
from tests.contract.throttled import DOWN, FORBIDDEN, refused
from tests.unit.conversion.world import DEFAULTS, World

LANDED = ObjectCreated(SOURCE.bucket, SOURCE.key, SOURCE.etag, SOURCE.bytes, SOURCE.version_id)
DROPPED = replace(LANDED, key="uploads/tune.flac", version_id=None, sequencer="01")
SHORT = replace(UPLOAD, bytes=7)


def ids(jobs) -> list[str]:
    return [each.job_id for each in jobs]


def test_an_upload_becomes_the_jobs_it_asked_for(world: World) -> None:
    world.uploads.put(UPLOAD)
    jobs = world.land(LANDED)

    assert [each.conversion for each in jobs] == list(UPLOAD.conversions)
    assert [each.source for each in jobs] == [SOURCE, SOURCE]
    assert world.started() == sorted(ids(jobs))
    assert world.slots.holders() == set(ids(jobs))


def test_an_unasked_object_becomes_the_defaults_under_its_own_name(world: World) -> None:
    jobs = world.land(replace(LANDED, key="uploads/a/Rede.flac"))

    assert [each.conversion for each in jobs] == list(DEFAULTS)
    assert {(each.file_id, each.source.file_name) for each in jobs} == {("a/Rede", "Rede.flac")}


def test_a_job_is_written_with_what_it_will_cost(world: World) -> None:
    world.uploads.put(UPLOAD)
    job = world.land(LANDED)[0]

    assert job.estimate == estimate(SOURCE.key, SOURCE.bytes, job.conversion)
    assert world.jobs.get(job.job_id).estimate == job.estimate


def test_the_same_bytes_put_again_are_converted_again(world: World) -> None:
    first, redelivered = world.land(DROPPED), world.land(DROPPED)
    again = world.land(replace(DROPPED, sequencer="02"))

    assert ids(redelivered) == ids(first)
    assert not set(ids(again)) & set(ids(first))


def test_the_key_of_an_upload_is_written_once_whatever_the_sequencer(world: World) -> None:
    world.uploads.put(UPLOAD)
    first, second = (world.land(replace(LANDED, sequencer=each)) for each in ("01", "02"))

    assert ids(first) == ids(second)


def test_what_has_landed_is_marked_before_its_jobs_are_written(world: World) -> None:
    world.uploads.put(UPLOAD)
    with refused(world.dynamodb, "PutItem", DOWN), pytest.raises(RecordsUnavailable):
        world.land(LANDED)
    assert world.upload_status() is UploadStatus.COMPLETED
    with pytest.raises(UploadFinished):
        world.uploads.abort(FILE_ID)

    assert len(world.land(LANDED)) == 2


def test_what_cannot_be_marked_comes_again(world: World) -> None:
    world.uploads.put(UPLOAD)
    with refused(world.dynamodb, "UpdateItem", DOWN), pytest.raises(RecordsUnavailable):
        world.land(LANDED)
    assert world.jobs.of_file(FILE_ID) == []

    jobs = world.land(LANDED)
    assert world.started() == sorted(ids(jobs))


def test_its_jobs_are_whose_the_upload_is(world: World) -> None:
    world.uploads.put(replace(UPLOAD, owner="ada", delete_after_download=True))
    world.land(LANDED)

    jobs = world.jobs.of_file(FILE_ID)
    assert {(each.owner, each.delete_after_download) for each in jobs} == {("ada", True)}


def test_a_dropped_object_is_nobodys(world: World) -> None:
    assert {(each.owner, each.delete_after_download) for each in world.land(DROPPED)} == {
        (None, False)
    }


def test_what_lands_after_an_abort_becomes_nothing(world: World) -> None:
    world.uploads.put(UPLOAD)
    world.uploads.abort(FILE_ID)

    assert world.land(LANDED) == []
    assert world.jobs.of_file(FILE_ID) == []


def test_what_lands_after_its_upload_has_expired_is_its_all_the_same(world: World) -> None:
    world.uploads.put(replace(UPLOAD, owner="ada", expires_at=LONG_AGO))
    jobs = world.land(LANDED)

    assert [(each.conversion, each.owner) for each in jobs] == [
        (each, "ada") for each in UPLOAD.conversions
    ]
    assert world.started() == sorted(ids(jobs))


def test_what_lands_after_an_aborted_upload_has_expired_becomes_nothing(world: World) -> None:
    aborted = replace(UPLOAD, status=UploadStatus.ABORTED, expires_at=LONG_AGO)
    world.uploads.put(aborted)
    assert world.land(LANDED) == []


def test_an_abort_in_this_very_moment_is_heard(world: World, monkeypatch) -> None:
    """Between the look at the upload and its marking."""
    world.uploads.put(UPLOAD)
    complete = world.uploads.complete

    def late(file_id: str, retention_days: int) -> Upload:
        world.uploads.abort(file_id)
        return complete(file_id, retention_days)

    monkeypatch.setattr(world.uploads, "complete", late)
    assert world.land(LANDED) == []


def test_an_upload_that_expires_in_this_very_moment_is_converted(world: World, monkeypatch) -> None:
    world.uploads.put(UPLOAD)
    complete = world.uploads.complete

    def late(file_id: str, retention_days: int) -> Upload:
        world.uploads.put(replace(UPLOAD, expires_at=LONG_AGO))
        return complete(file_id, retention_days)

    monkeypatch.setattr(world.uploads, "complete", late)
    assert [each.conversion for each in world.land(LANDED)] == list(UPLOAD.conversions)


@pytest.mark.parametrize("change", [-1, 1])
def test_of_another_length_than_declared_nothing_is_converted(world: World, change: int) -> None:
    world.uploads.put(UPLOAD)
    landed = replace(LANDED, bytes=LANDED.bytes + change)
    first, again = world.land(landed), world.land(landed)

    assert ids(first) == ids(again)
    assert world.started() == []
    assert world.slots.holders() == set()
    for job in world.jobs.of_file(FILE_ID):
        assert job.status is Status.FAILED
        assert job.failure is not None
        assert job.failure.code == "UPLOAD_MISMATCH"
        assert f"{landed.bytes} bytes and {UPLOAD.bytes} were declared" in job.failure.message
    assert world.upload_status() is UploadStatus.UPLOADING


def test_an_object_under_another_key_is_not_the_upload(world: World) -> None:
    world.uploads.put(UPLOAD)
    jobs = world.land(replace(LANDED, key=f"uploads/{FILE_ID}.exe"))

    assert [each.conversion for each in jobs] == list(DEFAULTS)


def test_a_duplicate_event_finds_the_same_jobs(world: World) -> None:
    world.uploads.put(UPLOAD)
    first = world.land(LANDED)

    assert ids(world.land(LANDED)) == ids(first)
    assert sorted(ids(world.jobs.of_file(FILE_ID))) == world.started() == sorted(ids(first))


def test_an_event_that_comes_again_after_the_job_takes_no_slot(world: World) -> None:
    world.uploads.put(replace(UPLOAD, conversions=UPLOAD.conversions[:1]))
    [job] = world.land(LANDED)
    world.jobs.claim(job.job_id, 7)
    world.land(LANDED)
    assert world.slots.holders() == {job.job_id}

    world.jobs.complete(job.job_id, 1, OUTPUT)
    world.slots.give_back(job.job_id)
    world.land(LANDED)
    assert world.slots.holders() == set()


def test_a_folder_starts_nothing(world: World) -> None:
    assert world.land(replace(LANDED, key="uploads/", bytes=0)) == []
    assert world.started() == []


@pytest.mark.parametrize("operation", ["dynamodb.UpdateItem", "step_functions.StartExecution"])
def test_a_job_that_is_written_waits_out_an_outage(world: World, operation: str) -> None:
    world.uploads.put(replace(UPLOAD, status=UploadStatus.COMPLETED))
    client, _, name = operation.partition(".")
    with refused(getattr(world, client), name) as refusals:
        jobs = world.land(LANDED)
    assert refusals.count == 1, "the second would meet the same outage"
    assert world.started() == []
    assert {world.status(each) for each in ids(jobs)} == {"created"}
    assert world.slots.holders() == set()

    assert ids(world.land(LANDED)) == ids(jobs)
    assert world.started() == sorted(ids(jobs))


def test_a_job_that_cannot_be_written_is_told(world: World) -> None:
    with refused(world.dynamodb, "PutItem", DOWN), pytest.raises(RecordsUnavailable):
        world.land(DROPPED)
    assert world.started() == []


def test_a_start_that_is_forbidden_is_told(world: World) -> None:
    """Nothing but a change of the deployment mends that: it must not look like waiting."""
    with (
        refused(world.step_functions, "StartExecution", FORBIDDEN),
        pytest.raises(ClientError, match="AccessDenied"),
    ):
        world.land(DROPPED)


def test_without_a_free_slot_a_job_waits_where_it_is_seen(world: World) -> None:
    world.most = 1
    world.begin("first")
    world.begin("second")

    assert (world.status("second"), world.started()) == ("created", ["first"])
    assert [each.job_id for each in world.jobs.of_status(Status.CREATED)] == ["first", "second"]


def test_waiting_jobs_start_oldest_first_until_the_slots_are_full(world: World) -> None:
    world.most = 1
    for job_id in ("running", "oldest", "older", "old"):
        world.begin(job_id)
        world.clock.advance(seconds=1)
    world.most = 3

    assert world.start_waiting() == ["oldest", "older"]
    assert world.start_waiting() == []
    assert world.slots.holders() == {"running", "oldest", "older"}


def test_a_job_cancelled_while_it_waits_is_not_started(world: World, monkeypatch) -> None:
    world.most = 1
    world.begin("running")
    waiting = world.begin("waiting")
    world.jobs.cancel("waiting")
    world.most = 2
    monkeypatch.setattr(world.jobs, "of_status", lambda status: iter([waiting]))  # a stale index

    assert world.start_waiting() == []
    assert world.slots.holders() == {"running"}
    assert world.started() == ["running"]


def test_an_outage_ends_the_starting_of_those_that_wait(world: World) -> None:
    world.most = 1
    for job_id in ("running", "first", "second"):
        world.begin(job_id)
        world.clock.advance(seconds=1)
    world.most = 3

    with refused(world.step_functions, "StartExecution") as refusals:
        assert world.start_waiting() == []
    assert refusals.count == 1
    assert world.slots.holders() == {"running"}
    assert world.start_waiting() == ["first", "second"]


def test_a_request_converts_what_is_there(world: World) -> None:
    world.uploads.put(SHORT)
    world.s3.put_object(Bucket=BUCKET, Key=UPLOAD.key, Body=b"RIFF123")
    first, second = world.request(), world.request()

    assert (first.source.bytes, first.source.file_name) == (7, UPLOAD.file_name)
    assert first.job_id != second.job_id
    assert world.started() == sorted([first.job_id, second.job_id])


def test_a_request_whose_write_was_told_twice_is_started(world: World, monkeypatch) -> None:
    """The answer to the first put was lost, and the client's retry found the job there."""
    world.uploads.put(SHORT)
    world.s3.put_object(Bucket=BUCKET, Key=UPLOAD.key, Body=b"RIFF123")
    put = world.jobs.put_if_absent
    monkeypatch.setattr(world.jobs, "put_if_absent", lambda job: put(job) and put(job))

    job = world.request()
    assert world.started() == [job.job_id]


@pytest.mark.parametrize("uploads", [[], [UPLOAD]], ids=["unknown", "not arrived"])
def test_a_request_for_what_is_not_there_is_refused(world: World, uploads: list[Upload]) -> None:
    for each in uploads:
        world.uploads.put(each)
    with pytest.raises(FileNotFound):
        world.request()
    assert world.started() == []


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ({}, "PUT its bytes first"),
        ({"multipart": Multipart("upload", 10)}, "complete it first"),
        ({"status": UploadStatus.COMPLETED}, "upload it again"),
    ],
    ids=["one PUT", "in parts", "deleted since"],
)
def test_a_request_is_told_what_to_do_first(world: World, changes, first: str) -> None:
    world.uploads.put(replace(UPLOAD, **changes))
    with pytest.raises(FileNotFound, match=first):
        world.request()


def test_a_request_for_an_aborted_upload_is_refused(world: World) -> None:
    world.uploads.put(replace(SHORT, status=UploadStatus.ABORTED))
    world.s3.put_object(Bucket=BUCKET, Key=UPLOAD.key, Body=b"RIFF123")

    with pytest.raises(UploadFinished, match="aborted; ask for another one"):
        world.request()
    assert world.started() == []


def test_storage_that_fails_is_not_a_missing_file(world: World) -> None:
    world.uploads.put(UPLOAD)
    with refused(world.s3, "HeadObject", DOWN), pytest.raises(StorageUnavailable):
        world.request()


def test_a_request_is_refused_when_too_many_wait_already(world: World) -> None:
    world.uploads.put(SHORT)
    world.s3.put_object(Bucket=BUCKET, Key=UPLOAD.key, Body=b"RIFF123")
    world.most = 1
    running, *waiting = (world.request(most_waiting=2) for _ in range(3))
    with pytest.raises(TooManyJobs):
        world.request(most_waiting=2)
    assert len(world.jobs.of_file(FILE_ID)) == 3

    world.slots.give_back(running.job_id)
    assert world.request(most_waiting=2).job_id in world.slots.holders()
    assert world.start_waiting() == []
    assert not set(ids(waiting)) & world.slots.holders()


def test_jobs_that_have_a_slot_do_not_count_as_waiting(world: World) -> None:
    world.uploads.put(SHORT)
    world.s3.put_object(Bucket=BUCKET, Key=UPLOAD.key, Body=b"RIFF123")
    world.most = 3
    for _ in range(3):
        world.request(most_waiting=1)

    assert world.request(most_waiting=1).status is Status.CREATED
