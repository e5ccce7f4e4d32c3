"""The log: structured, about the job, and without people's words or keys to their files."""

from __future__ import annotations

import json
from dataclasses import replace

from tests.contract.examples import BUCKET, JOB_ID, UPLOAD, completed

NAME = "Ärzte – live"


def test_each_answer_is_one_line_with_its_route_and_time(deployment, event, log) -> None:
    deployment.call("get_job", event("http_get_job"))

    (line,) = [each for each in log() if each["message"] == "request answered"]
    assert (line["route"], line["status"]) == ("GET /v1/jobs/{jobId}", 404)
    assert line["milliseconds"] >= 0
    assert line["correlation_id"] == event("http_get_job")["requestContext"]["requestId"]
    assert line["function_request_id"]
    assert line["service"] == "sluice"


def test_a_job_is_on_every_line_about_it_and_on_no_other(deployment, event, log) -> None:
    deployment.jobs.put_if_absent(completed())
    for function in ("get_job", "get_progress", "get_output"):
        deployment.call(function, event(f"http_{function}"))
    assert {each["job_id"] for each in log()} == {JOB_ID}

    deployment.call("get_job", event("http_list_jobs"))
    assert "job_id" not in log()[-1]


def test_a_refusal_is_logged_by_its_code(deployment, event, log) -> None:
    deployment.call("get_output", event("http_get_output"))

    assert [each["code"] for each in log() if "code" in each] == ["JOB_NOT_FOUND"]


def test_a_new_job_is_logged_with_what_it_is(deployment, event, log) -> None:
    deployment.invoke("start_jobs", event("sqs_object_created"))

    made = [each for each in log() if each["message"] == "job created"]
    assert {each["conversion"] for each in made} == {"mp3", "opus@96"}
    assert {each["bytes"] for each in made} == {5292044}
    assert all(each["message_id"] and each["job_id"] for each in made)


def test_a_record_given_back_is_logged_with_its_trace(deployment, event, log) -> None:
    asked = event("sqs_object_created")
    asked["Records"][0]["body"] = "{}"
    deployment.invoke("start_jobs", asked)

    (line,) = [each for each in log() if each["level"] == "ERROR"]
    assert line["message_id"] == asked["Records"][0]["messageId"]
    assert "InvalidRequest" in line["exception"]


def test_no_name_and_no_signed_url_is_ever_logged(deployment, event, log) -> None:
    deployment.uploads.put(replace(UPLOAD, bytes=4))
    deployment.s3.put_object(Bucket=BUCKET, Key=UPLOAD.key, Body=b"RIFF")
    deployment.jobs.put_if_absent(completed())
    refused = event("http_create_upload") | {"body": f'{{"fileName": "{NAME}.txt", "bytes": 1}}'}
    for function, asked in {
        "create_upload": event("http_create_upload"),
        "create_job": event("http_create_job"),
        "get_job": event("http_get_job"),
        "get_progress": event("http_get_progress"),
        "get_output": event("http_get_output"),
    }.items():
        deployment.call(function, asked)
    deployment.call("create_upload", refused)
    dropped = event("sqs_object_created")
    dropped["Records"][0]["body"] = dropped["Records"][0]["body"].replace(
        UPLOAD.key, f"uploads/{NAME}.wav"
    )
    deployment.invoke("start_jobs", dropped)

    assert len(log()) > 10
    written = json.dumps(log(), ensure_ascii=False)
    for secret in (NAME, "X-Amz-", "https://"):
        assert secret not in written
