"""POST /v1/jobs: a job for a file that is there, and every reason there is none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conversion.conversion import Conversion
from conversion.errors import RecordsUnavailable
from conversion.job import Job, Status
from conversion.stores.slots import SlotsTable
from conversion.uploads import UploadStatus
from tests.contract import tables
from tests.contract.examples import BUCKET, FILE_ID, LONG_AGO, UPLOAD
from tests.contract.throttled import DOWN, THROTTLED, refused

SHORT = replace(UPLOAD, bytes=8)


@pytest.fixture
def uploaded(deployment):
    deployment.uploads.put(SHORT)
    deployment.s3.put_object(Bucket=BUCKET, Key=UPLOAD.key, Body=b"RIFF1234")
    return deployment


def test_a_job_is_accepted_and_its_execution_started(uploaded, event) -> None:
    answer = uploaded.call("create_job", event("http_create_job"))

    assert answer.status == 202
    job_id = answer.json["jobId"]
    assert answer.headers["location"] == f"/v1/jobs/{job_id}"
    assert answer.headers["retry-after"] == "1"
    job = uploaded.jobs.get(job_id)
    assert (job.status, job.conversion) == (Status.CREATED, Conversion("opus", 96))
    assert (job.source.bytes, job.source.file_name) == (8, UPLOAD.file_name)
    assert uploaded.executions() == [job_id]


def test_everything_that_can_be_asked_for_is_kept_and_shown(uploaded, event) -> None:
    conversion = {
        "preset": "podcast-mono-64k",
        "startSeconds": 1,
        "endSeconds": 61.5,
        "fadeInSeconds": 0.25,
        "metadata": "drop",
        "tags": {"title": "Pilot – Teil 1"},
        "cover": "drop",
        "waveform": True,
    }
    body = {"fileId": FILE_ID, "conversion": conversion}
    answer = uploaded.post("create_job", event("http_create_job"), body)

    assert answer.status == 202
    assert answer.json["conversion"] == {
        "format": "mp3",
        "bitrateKbps": 64,
        "channels": 1,
        "sampleRate": 44_100,
        "startSeconds": 1.0,
        "endSeconds": 61.5,
        "fadeInSeconds": 0.25,
        "loudness": {"integratedLufs": -16.0, "truePeakDbtp": -1.0},
        "metadata": "drop",
        "tags": {"title": "Pilot – Teil 1"},
        "cover": "drop",
        "waveform": {"samplesPerPixel": 512},
    }
    kept = uploaded.jobs.get(answer.json["jobId"]).conversion
    assert kept == Conversion.from_request(conversion)


def test_no_text_of_a_tag_is_logged(uploaded, event, log) -> None:
    for conversion in (
        {"format": "mp3", "tags": {"title": "Geheim"}},
        {"format": "aac", "tags": {"title": "Geheim"}},
    ):
        body = {"fileId": FILE_ID, "conversion": conversion}
        uploaded.post("create_job", event("http_create_job"), body)

    assert any("mp3+tags" in str(line) for line in log())
    assert "Geheim" not in str(log())


def test_asking_again_is_another_job(uploaded, event) -> None:
    first, second = (
        uploaded.call("create_job", event("http_create_job")).json["jobId"] for _ in range(2)
    )
    assert uploaded.executions() == sorted([first, second])


def test_the_answer_is_what_reading_the_job_answers(uploaded, event) -> None:
    made = uploaded.call("create_job", event("http_create_job")).json
    path = f"/v1/jobs/{made['jobId']}"
    asked = event("http_get_job") | {"rawPath": path}
    asked["requestContext"]["http"]["path"] = path

    assert uploaded.call("get_job", asked).json == made


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "INVALID_REQUEST"),
        ({"fileId": FILE_ID}, "INVALID_REQUEST"),
        ({"conversion": {"format": "mp3"}}, "INVALID_REQUEST"),
        (
            {"fileId": FILE_ID, "conversion": {"format": "mp3"}, "deleteAfterDownload": 1},
            "INVALID_REQUEST",
        ),
        ({"fileId": "", "conversion": {"format": "mp3"}}, "INVALID_REQUEST"),
        ({"fileId": 5, "conversion": {"format": "mp3"}}, "INVALID_REQUEST"),
        ({"fileId": FILE_ID, "conversion": "mp3"}, "INVALID_REQUEST"),
        ({"fileId": FILE_ID, "conversion": []}, "INVALID_REQUEST"),
        ({"fileId": FILE_ID, "conversion": {"format": 3}}, "INVALID_REQUEST"),
        ({"fileId": FILE_ID, "conversion": {"format": "exe"}}, "UNSUPPORTED_OUTPUT_FORMAT"),
        (
            {"fileId": FILE_ID, "conversion": {"format": "wav", "bitrateKbps": 96}},
            "INVALID_REQUEST",
        ),
        ({"fileId": FILE_ID, "conversion": {"preset": "podcast"}}, "INVALID_REQUEST"),
        (
            {"fileId": FILE_ID, "conversion": {"format": "mp3", "startSeconds": 10**400}},
            "INVALID_REQUEST",
        ),
    ],
)
def test_a_wrong_request_is_refused(uploaded, event, body, code) -> None:
    answer = uploaded.post("create_job", event("http_create_job"), body)

    assert answer.is_problem(400, code)
    assert uploaded.executions() == []


@pytest.mark.parametrize("file_id", ["unknown", "x" * 3000, "\ud800"], ids=range(3))
def test_an_unknown_file_is_not_found(uploaded, event, file_id) -> None:
    body = {"fileId": file_id, "conversion": {"format": "mp3"}}
    answer = uploaded.post("create_job", event("http_create_job"), body)

    assert answer.status == 404
    assert answer.json["code"] == "FILE_NOT_FOUND"
    assert len(answer.json["detail"]) <= 1000


def test_a_file_that_has_not_arrived_is_not_found(deployment, event) -> None:
    deployment.uploads.put(UPLOAD)
    answer = deployment.call("create_job", event("http_create_job"))

    assert answer.is_problem(404, "FILE_NOT_FOUND")
    assert "PUT" in answer.json["detail"]


def test_a_file_that_has_expired_is_said_to_have(uploaded, event) -> None:
    uploaded.uploads.put(replace(SHORT, expires_at=LONG_AGO))
    answer = uploaded.call("create_job", event("http_create_job"))

    assert answer.is_problem(410, "FILE_EXPIRED")


def test_a_file_that_is_not_as_long_as_declared_is_not_converted(uploaded, event) -> None:
    uploaded.uploads.put(replace(SHORT, bytes=9))
    answer = uploaded.call("create_job", event("http_create_job"))

    assert answer.is_problem(409, "UPLOAD_MISMATCH")
    assert uploaded.jobs.of_file(FILE_ID) == []


def test_what_landed_after_an_abort_is_refused(uploaded, event) -> None:
    uploaded.uploads.put(replace(SHORT, status=UploadStatus.ABORTED))
    answer = uploaded.call("create_job", event("http_create_job"))

    assert answer.is_problem(409, "UPLOAD_FINISHED")


OWNER = "arn:aws:iam::123456789012:user/ada"


def calling(asked, caller: str):
    asked["requestContext"]["authorizer"] = {"iam": {"userArn": caller}}
    return asked


def test_a_job_is_its_callers(uploaded, event) -> None:
    uploaded.uploads.put(replace(SHORT, owner=OWNER))
    answer = uploaded.call("create_job", calling(event("http_create_job"), OWNER))

    assert answer.status == 202
    assert uploaded.jobs.get(answer.json["jobId"]).owner == OWNER


def test_a_file_of_somebody_elses_is_not_there(uploaded, event) -> None:
    uploaded.uploads.put(replace(SHORT, owner=OWNER))
    bob = calling(event("http_create_job"), "arn:aws:iam::123456789012:user/bob")

    assert uploaded.call("create_job", bob).is_problem(404, "FILE_NOT_FOUND")
    assert uploaded.jobs.of_file(FILE_ID) == []


@pytest.mark.parametrize("of_the_upload", [True, False])
@pytest.mark.parametrize("asked", [True, False, None])
def test_a_job_is_deleted_after_its_download_as_asked_or_as_its_upload_says(
    uploaded, event, of_the_upload, asked
) -> None:
    uploaded.uploads.put(replace(SHORT, delete_after_download=of_the_upload))
    body = {"fileId": FILE_ID, "conversion": {"format": "mp3"}, "deleteAfterDownload": asked}
    made = uploaded.post("create_job", event("http_create_job"), body).json

    expected = of_the_upload if asked is None else asked
    assert uploaded.jobs.get(made["jobId"]).delete_after_download is expected


def test_asked_twice_with_one_key_it_is_one_job(uploaded, event) -> None:
    asked = event("http_create_job")
    asked["headers"]["idempotency-key"] = "one"
    first, second = (uploaded.call("create_job", asked) for _ in range(2))

    assert (first.status, second.status) == (202, 202)
    assert first.json == second.json
    assert uploaded.executions() == [first.json["jobId"]]

    body = {"fileId": FILE_ID, "conversion": {"format": "flac"}}
    other = uploaded.post("create_job", asked, body)
    assert other.is_problem(422, "IDEMPOTENCY_KEY_REUSED")


def test_a_refusal_is_not_remembered_under_its_key(uploaded, event) -> None:
    asked = event("http_create_job")
    asked["headers"]["idempotency-key"] = "one"
    uploaded.s3.delete_object(Bucket=BUCKET, Key=SHORT.key)
    assert uploaded.call("create_job", asked).is_problem(404, "FILE_NOT_FOUND")

    uploaded.s3.put_object(Bucket=BUCKET, Key=SHORT.key, Body=b"RIFF1234")
    assert uploaded.call("create_job", asked).status == 202


def test_the_other_form_of_the_route_answers_the_same(uploaded, event) -> None:
    asked = event("http_create_job") | {"rawPath": "/api/convert-audio"}
    asked["requestContext"]["http"]["path"] = "/api/convert-audio"

    answer = uploaded.call("create_job", asked)
    assert answer.status == 202
    assert uploaded.executions() == [answer.json["jobId"]]


@pytest.fixture
def one_slot(uploaded, monkeypatch):
    """A deployment with room for one running job and one that waits."""
    function = uploaded.functions["create_job"]
    monkeypatch.setattr(function, "slots", SlotsTable(uploaded.dynamodb, tables.SLOTS, 1))
    monkeypatch.setattr(function, "settings", replace(function.settings, max_waiting_jobs=1))
    return uploaded


def test_a_job_above_the_cap_is_accepted_and_waits(one_slot, event) -> None:
    running, waiting = (one_slot.call("create_job", event("http_create_job")) for _ in range(2))

    assert (running.status, waiting.status) == (202, 202)
    assert waiting.json["status"] == "created"
    assert one_slot.executions() == [running.json["jobId"]]


def test_past_the_limit_it_is_told_when_to_come_back(one_slot, event) -> None:
    for _ in range(2):
        one_slot.call("create_job", event("http_create_job"))
    answer = one_slot.call("create_job", event("http_create_job"))

    assert answer.is_problem(429, "TOO_MANY_JOBS")
    assert answer.headers["retry-after"] == "30"
    assert len(one_slot.jobs.of_file(FILE_ID)) == 2


@pytest.mark.parametrize(
    ("store", "operation", "answer"),
    [
        ("executions", "StartExecution", THROTTLED),
        ("executions", "StartExecution", DOWN),
        ("slots", "UpdateItem", DOWN),
    ],
)
def test_a_job_that_is_written_is_accepted_whatever_its_start_meets(
    uploaded, event, store, operation, answer
) -> None:
    client = getattr(uploaded.functions["create_job"], store)._client
    with refused(client, operation, answer) as refusals:
        answered = uploaded.call("create_job", event("http_create_job"))

    assert refusals.count == 1
    assert answered.status == 202
    assert uploaded.jobs.get(answered.json["jobId"]).status is Status.CREATED
    assert uploaded.executions() == []


def test_a_job_that_cannot_be_written_is_not_accepted(uploaded, event) -> None:
    with refused(uploaded.functions["create_job"].jobs._client, "PutItem", DOWN):
        answer = uploaded.call("create_job", event("http_create_job"))

    assert answer.is_problem(503, "RECORDS_UNAVAILABLE")
    assert uploaded.jobs.of_file(FILE_ID) == []


def test_a_job_that_was_written_unheard_is_the_repeated_requests(
    uploaded, event, monkeypatch
) -> None:
    """The put was done and its answers were lost: the key is forgotten with the failure, but what
    it would make has the same name."""
    asked = event("http_create_job")
    asked["headers"]["idempotency-key"] = "one"
    store = uploaded.functions["create_job"].jobs
    put = store.put_if_absent

    def unheard(job: Job) -> bool:
        put(job)
        raise RecordsUnavailable("DynamoDB is not answering; try again.")

    with monkeypatch.context() as outage:
        outage.setattr(store, "put_if_absent", unheard)
        assert uploaded.call("create_job", asked).status == 503

    again = uploaded.call("create_job", asked)

    assert again.status == 202
    assert [each.job_id for each in uploaded.jobs.of_file(FILE_ID)] == [again.json["jobId"]]
    assert uploaded.executions() == [again.json["jobId"]]
