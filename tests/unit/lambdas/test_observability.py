"""The log: structured, about the job, and without people's words or keys to their files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from conversion.errors import TooManyJobs
from lambdas.observability import observed
from tests.contract.examples import BUCKET, JOB_ID, UPLOAD, completed

NAME = "Ärzte – live"
LAMBDAS = Path(__file__).parents[3] / "lambdas"
FAILS = "fail_execution"


def test_each_answer_is_one_line_with_its_route_and_time(deployment, event, log) -> None:
    deployment.call("get_job", event("http_get_job"))

    (line,) = [each for each in log() if each["message"] == "request answered"]
    assert (line["route"], line["status"]) == ("GET /v1/jobs/{jobId}", 404)
    assert line["milliseconds"] >= 0
    assert line["correlationId"] == event("http_get_job")["requestContext"]["requestId"]
    assert line["functionRequestId"]
    assert line["service"] == "sluice"


def test_a_job_is_on_every_line_about_it_and_on_no_other(deployment, event, log) -> None:
    deployment.jobs.put_if_absent(completed())
    for function in ("get_job", "get_progress", "get_output"):
        deployment.call(function, event(f"http_{function}"))
    assert {each["jobId"] for each in log()} == {JOB_ID}

    deployment.call("get_job", event("http_list_jobs"))
    assert "jobId" not in log()[-1]


def test_each_answer_tells_what_was_called_for_it(deployment, event, log) -> None:
    deployment.jobs.put_if_absent(completed())
    for _ in range(2):  # what the first has called is not told again
        deployment.call("get_job", event("http_get_job"))

    lines = [each for each in log() if each["message"] == "request answered"]
    assert [each["calls"]["dynamodb.GetItem"]["calls"] for each in lines] == [1, 1]
    assert lines[0]["calls"]["dynamodb.GetItem"]["milliseconds"] > 0


def test_a_batch_of_events_ends_with_what_it_took(deployment, event, log) -> None:
    deployment.invoke("start_jobs", event("sqs_object_created"))

    (line,) = [each for each in log() if each["message"] == "invocation ended"]
    assert line["milliseconds"] > 0
    assert line["calls"]["dynamodb.PutItem"]["calls"] == 2


def test_what_a_function_raises_is_logged_with_its_trace(log) -> None:
    @observed
    def fails(event, context) -> None:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        fails({}, None)
    failed, ended = log()
    assert (failed["message"], failed["level"]) == ("the invocation failed", "ERROR")
    assert "ValueError: a bug" in failed["trace"]
    assert ended["message"] == "invocation ended"


def test_a_full_queue_is_told_without_a_trace_and_raised(log) -> None:
    """A large batch meets one for hours: a trace each time would drown what matters."""

    @observed
    def refuses(event, context) -> None:
        raise TooManyJobs("10 jobs wait.")

    with pytest.raises(TooManyJobs):
        refuses({}, None)
    full, ended = log()
    assert (full["level"], full["code"]) == ("INFO", "TOO_MANY_JOBS")
    assert "trace" not in full
    assert ended["message"] == "invocation ended"


def test_every_function_tells_how_each_invocation_ended() -> None:
    """But the one that only fails, in its job's name."""
    for path in LAMBDAS.glob("*/handler.py"):
        source = path.read_text()
        assert "api.serve(app)" in source or "@observed\n" in source or path.parent.name == FAILS


def test_a_download_is_logged_with_its_size(deployment, event, log) -> None:
    deployment.jobs.put_if_absent(completed())
    deployment.call("get_output", event("http_get_output"))

    (line,) = [each for each in log() if each["message"] == "download given"]
    assert (line["jobId"], line["bytes"]) == (JOB_ID, completed().output.bytes)


def test_a_pages_preflight_that_nobody_allowed_is_told_with_its_mend(
    deployment, event, log
) -> None:
    asked = event("http_get_job")
    asked["headers"] |= {"origin": "https://a.example", "access-control-request-method": "POST"}
    deployment.call("describe_api", asked)

    (line,) = [each for each in log() if each["level"] == "WARNING"]
    assert (line["message"], line["origin"]) == (
        "a page may not call this API",
        asked["headers"]["origin"],
    )
    assert "allowedOrigins" in line["mend"]


@pytest.mark.parametrize(("megabytes", "warned"), [("1", True), ("100000", False), (None, False)])
def test_memory_is_told_when_it_is_high(
    deployment, event, log, monkeypatch, megabytes, warned
) -> None:
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", raising=False)
    if megabytes:
        monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", megabytes)
    deployment.call("get_job", event("http_get_job"))

    assert ("memory is high" in [each["message"] for each in log()]) is warned


def test_lines_are_of_one_form_with_the_converters(deployment, event, log) -> None:
    deployment.call("get_job", event("http_get_job"))

    assert all(each.keys() >= {"time", "level", "message"} for each in log())
    assert not [name for each in log() for name in each if "_" in name]


def test_a_refusal_is_logged_by_its_code(deployment, event, log) -> None:
    deployment.call("get_output", event("http_get_output"))

    assert [each["code"] for each in log() if "code" in each] == ["JOB_NOT_FOUND"]


def test_a_new_job_is_logged_with_what_it_is(deployment, event, log) -> None:
    deployment.invoke("start_jobs", event("sqs_object_created"))

    made = [each for each in log() if each["message"] == "job created"]
    assert {each["conversion"] for each in made} == {"mp3", "opus@96"}
    assert {each["bytes"] for each in made} == {5292044}
    assert all(each["messageId"] and each["jobId"] for each in made)


def test_a_record_given_back_is_logged_with_its_trace(deployment, event, log) -> None:
    asked = event("sqs_object_created")
    asked["Records"][0]["body"] = "{}"
    deployment.invoke("start_jobs", asked)

    (line,) = [each for each in log() if each["level"] == "ERROR"]
    assert line["messageId"] == asked["Records"][0]["messageId"]
    assert "InvalidRequest" in line["trace"]


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
