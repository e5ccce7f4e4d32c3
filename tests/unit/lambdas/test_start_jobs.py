"""The starter: objects become jobs once each, and no record is lost."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from botocore.exceptions import ConnectTimeoutError

from conversion.conversion import Conversion
from conversion.job import Status
from conversion.stores.slots import SlotsTable
from conversion.uploads import UploadStatus
from tests.contract import tables
from tests.contract.examples import BUCKET, FILE_ID, SOURCE, UPLOAD
from tests.contract.throttled import DOWN, FORBIDDEN, refused

NOTHING_FAILED: dict[str, list] = {"batchItemFailures": []}


@pytest.fixture
def batch(event):
    """An SQS batch of EventBridge events, messages m0, m1, …; a str is a body as it stands."""

    def made(*bodies):
        record = event("sqs_object_created")["Records"][0]
        return {
            "Records": [
                record
                | {
                    "messageId": f"m{number}",
                    "body": body if isinstance(body, str) else json.dumps(body),
                }
                for number, body in enumerate(bodies)
            ]
        }

    return made


@pytest.fixture
def landed(event):
    """S3's event for an object."""

    def made(key=SOURCE.key, bucket=BUCKET, size=SOURCE.bytes, etag=SOURCE.etag):
        told = event("s3_object_created")
        told["detail"]["bucket"]["name"] = bucket
        told["detail"]["object"] |= {"key": key, "size": size, "etag": etag}
        return told

    return made


def failed(*messages: str):
    return {"batchItemFailures": [{"itemIdentifier": each} for each in messages]}


def test_an_upload_becomes_the_jobs_it_asked_for(deployment, event) -> None:
    deployment.uploads.put(UPLOAD)

    assert deployment.invoke("start_jobs", event("sqs_object_created")) == NOTHING_FAILED

    jobs = deployment.jobs.of_file(FILE_ID)
    assert {each.conversion for each in jobs} == {Conversion("mp3", 192), Conversion("flac")}
    assert {each.source for each in jobs} == {SOURCE}
    assert deployment.executions() == sorted(each.job_id for each in jobs)


def test_an_object_nobody_asked_about_becomes_the_defaults(deployment, batch, landed) -> None:
    told = landed("uploads/2026/Rede am Abend.flac")

    assert deployment.invoke("start_jobs", batch(told)) == NOTHING_FAILED

    jobs = deployment.jobs.of_file("2026/Rede am Abend")
    assert {str(each.conversion) for each in jobs} == {"mp3", "opus@96"}
    assert {each.source.file_name for each in jobs} == {"Rede am Abend.flac"}
    assert len(deployment.executions()) == 2


def test_another_object_beside_an_upload_is_no_upload(deployment, batch, landed) -> None:
    deployment.uploads.put(UPLOAD)
    deployment.invoke("start_jobs", batch(landed(f"uploads/{FILE_ID}.mp3")))

    assert {str(each.conversion) for each in deployment.jobs.of_file(FILE_ID)} == {"mp3", "opus@96"}


def test_an_upload_that_asked_for_nothing_starts_nothing(deployment, event) -> None:
    deployment.uploads.put(replace(UPLOAD, conversions=()))

    assert deployment.invoke("start_jobs", event("sqs_object_created")) == NOTHING_FAILED
    assert deployment.executions() == []


def test_a_folder_made_in_the_console_starts_nothing(deployment, batch, landed) -> None:
    told = batch(landed("uploads/", size=0), landed("uploads/2026/", size=0))

    assert deployment.invoke("start_jobs", told) == NOTHING_FAILED
    assert deployment.executions() == []


def test_an_event_delivered_again_changes_nothing(deployment, event, batch) -> None:
    deployment.uploads.put(UPLOAD)
    told = event("s3_object_created")
    deployment.invoke("start_jobs", batch(told))
    before = deployment.executions()

    assert deployment.invoke("start_jobs", batch(told, told)) == NOTHING_FAILED

    assert deployment.executions() == before
    assert len(deployment.jobs.of_file(FILE_ID)) == 2


def test_a_throttled_start_does_not_go_back_to_the_queue(deployment, event, batch, log) -> None:
    """Its jobs are written: the recovery starts them."""
    deployment.uploads.put(UPLOAD)
    client = deployment.functions["start_jobs"].executions._client
    with refused(client, "StartExecution") as refusals:
        assert deployment.invoke("start_jobs", batch(event("s3_object_created"))) == NOTHING_FAILED

    assert (refusals.count, len(deployment.jobs.of_file(FILE_ID))) == (1, 2)
    assert deployment.executions() == []
    told = [each for each in log() if each["level"] == "WARNING"]
    [first] = [each for each in told if each["message"] != "called"]
    assert first["message"] == "a job is written; the recovery will start it"
    assert first["jobId"] in {each.job_id for each in deployment.jobs.of_file(FILE_ID)}


def test_a_start_that_cannot_be_written_is_made_good_by_the_next_delivery(
    deployment, event, batch
) -> None:
    deployment.uploads.put(UPLOAD)
    told = batch(event("s3_object_created"))
    with refused(deployment.functions["start_jobs"].jobs._client, "PutItem", DOWN):
        assert deployment.invoke("start_jobs", told) == failed("m0")
    assert deployment.executions() == []

    assert deployment.invoke("start_jobs", told) == NOTHING_FAILED
    assert len(deployment.executions()) == 2


def test_a_start_that_is_forbidden_goes_to_the_dead_letter_queue(deployment, batch, landed) -> None:
    client = deployment.functions["start_jobs"].executions._client
    with refused(client, "StartExecution", FORBIDDEN):
        assert deployment.invoke("start_jobs", batch(landed())) == failed("m0")


def test_above_the_cap_jobs_wait_where_everybody_sees_them(deployment, event, monkeypatch) -> None:
    deployment.uploads.put(UPLOAD)
    function = deployment.functions["start_jobs"]
    monkeypatch.setattr(function, "slots", SlotsTable(deployment.dynamodb, tables.SLOTS, 1))

    assert deployment.invoke("start_jobs", event("sqs_object_created")) == NOTHING_FAILED
    assert len(deployment.executions()) == 1
    assert [each.status for each in deployment.jobs.of_file(FILE_ID)] == [Status.CREATED] * 2


def test_one_bad_record_does_not_hold_up_the_others(deployment, batch, landed) -> None:
    deployment.uploads.put(UPLOAD)

    answer = deployment.invoke("start_jobs", batch("{", landed(), "[]"))

    assert answer == failed("m0", "m2")
    assert len(deployment.executions()) == 2


@pytest.mark.parametrize("body", ["", "{", "null", "[]", "7", '"Object Created"', "{}"])
def test_what_cannot_be_read_goes_to_the_dead_letter_queue(deployment, batch, body) -> None:
    assert deployment.invoke("start_jobs", batch(body)) == failed("m0")


def test_what_is_not_about_our_uploads_goes_there_too(deployment, batch, landed) -> None:
    other_type = landed() | {"detail-type": "Object Deleted"}
    told = batch(
        landed(bucket="another"), landed("conversions/1/1/output.mp3"), landed("talk.wav"),
        other_type,
    )  # fmt: skip

    assert deployment.invoke("start_jobs", told) == failed("m0", "m1", "m2", "m3")
    assert deployment.executions() == []


def test_a_dead_store_gives_the_whole_batch_back(deployment, batch, landed, monkeypatch) -> None:
    monkeypatch.setattr(deployment.functions["start_jobs"], "uploads", Unreachable())

    assert deployment.invoke("start_jobs", batch(landed(), landed())) == failed("m0", "m1")


def test_what_arrives_is_marked_as_arrived(deployment, event) -> None:
    deployment.uploads.put(UPLOAD)
    deployment.invoke("start_jobs", event("sqs_object_created"))

    assert deployment.uploads.find(FILE_ID).status is UploadStatus.COMPLETED


def test_what_was_aborted_starts_nothing(deployment, event) -> None:
    deployment.uploads.put(replace(UPLOAD, status=UploadStatus.ABORTED))

    assert deployment.invoke("start_jobs", event("sqs_object_created")) == NOTHING_FAILED
    assert deployment.jobs.of_file(FILE_ID) == []
    assert deployment.uploads.find(FILE_ID).status is UploadStatus.ABORTED


def test_of_what_is_not_as_long_as_declared_the_jobs_have_failed(deployment, batch, landed) -> None:
    deployment.uploads.put(UPLOAD)
    told = landed(size=UPLOAD.bytes - 1)
    for _ in range(2):
        assert deployment.invoke("start_jobs", batch(told)) == NOTHING_FAILED

    jobs = deployment.jobs.of_file(FILE_ID)
    assert {str(each.conversion) for each in jobs} == {"mp3@192", "flac"}
    assert {(each.status, each.failure.code) for each in jobs} == {
        (Status.FAILED, "UPLOAD_MISMATCH")
    }
    assert deployment.executions() == []
    assert deployment.uploads.find(FILE_ID).status is UploadStatus.UPLOADING


class Unreachable:
    """A store behind a network that is gone."""

    def __getattr__(self, _: str):
        def gone(*_: object):
            raise ConnectTimeoutError(endpoint_url="https://example.invalid")

        return gone
