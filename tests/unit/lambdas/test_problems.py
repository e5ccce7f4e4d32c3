"""What every HTTP function does when something is wrong that is not the request."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from conversion.errors import (
    IdempotencyKeyReused,
    InvalidRequest,
    JobNotReady,
    RecordsUnavailable,
    RequestError,
    RequestInProgress,
    SluiceError,
    StorageUnavailable,
    TooManyJobs,
    TooManyUploads,
    UploadTooLarge,
)
from lambdas import problems
from tests.contract.examples import FILE_ID, JOB, UPLOAD

HTTP = {
    "create_upload": "http_create_upload",
    "create_job": "http_create_job",
    "cancel_job": "http_cancel_job",
    "get_job": "http_get_job",
    "get_progress": "http_get_progress",
    "get_output": "http_get_output",
}
# What each function is asked by, the newer ones by a path of their own.
ASKED = HTTP | {
    "receive_upload": ("GET", f"/v1/uploads/{FILE_ID}"),
    "get_history": ("GET", f"/v1/jobs/{JOB.job_id}/history"),
    "check_health": ("GET", "/v1/health"),
}
SECRET = "arn:aws:dynamodb:eu-west-1:123456789012:table/jobs"


class Raising:
    """A client whose every call fails with `error`."""

    exceptions: ClassVar[Any] = None

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, _: str):
        def fails(**_: object):
            raise self._error

        return fails


def answered(code: str, status: int) -> ClientError:
    return ClientError(
        {
            "Error": {"Code": code, "Message": f"not authorized on {SECRET}"},
            "ResponseMetadata": {"HTTPStatusCode": status},
        },  # type: ignore[typeddict-item]
        "GetItem",
    )


@pytest.fixture
def broken(deployment, monkeypatch):
    """Make DynamoDB fail for a function's stores."""

    def breaks(function: str, error: Exception) -> None:
        module = deployment.functions[function]
        for name in ("jobs", "uploads", "progress"):
            if hasattr(module, name):
                monkeypatch.setattr(getattr(module, name), "_client", Raising(error))

    return breaks


@pytest.mark.parametrize("function", HTTP)
@pytest.mark.parametrize(
    "error",
    [
        answered("ProvisionedThroughputExceededException", 400),
        answered("InternalServerError", 500),
        ConnectTimeoutError(endpoint_url="https://dynamodb.eu-west-1.amazonaws.com"),
    ],
    ids=["throttled", "internal", "unreachable"],
)
def test_records_that_do_not_answer_are_503(deployment, event, broken, function, error) -> None:
    broken(function, error)

    answer = deployment.call(function, event(HTTP[function]))

    assert answer.is_problem(503, "RECORDS_UNAVAILABLE")
    assert answer.headers["retry-after"] == "5"
    assert "dynamodb" not in answer.text.lower()
    assert SECRET not in answer.text


@pytest.mark.parametrize("function", HTTP)
def test_what_is_our_own_fault_is_500_and_tells_nothing(
    deployment, event, broken, log, function
) -> None:
    broken(function, answered("AccessDeniedException", 400))

    answer = deployment.call(function, event(HTTP[function]))

    assert answer.is_problem(500, "INTERNAL_ERROR")
    assert SECRET not in answer.text
    assert "Traceback" not in answer.text
    assert any(SECRET in line.get("trace", "") for line in log())  # but the log has it all


@pytest.fixture
def asked(event):
    def reads(function: str) -> Any:
        if isinstance(told := ASKED[function], str):
            return event(told)
        made = event("http_get_job")
        made["requestContext"]["http"]["method"] = told[0]
        made["rawPath"] = made["requestContext"]["http"]["path"] = told[1]
        return made

    return reads


SECRETS = (
    SECRET,
    "arn:aws:iam::123456789012:role/Sluice-CreateJob",
    "sluice-data",
    "jobs-table",
    "AKIAIOSFODNN7EXAMPLE",
    "boto",
    "Traceback",
    "/var/task/lambdas",
)


@pytest.mark.parametrize("function", ASKED)
@pytest.mark.parametrize(
    ("status", "code"),
    [(403, "AccessDeniedException"), (404, "ResourceNotFoundException"), (503, "SlowDown")],
)
def test_nothing_that_aws_says_of_itself_is_told(
    deployment, asked, monkeypatch, function, code, status
) -> None:
    """Whatever call of whatever service it is the answer to."""
    told = {
        "Error": {"Code": code, "Message": " ".join(SECRETS)},
        "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": SECRETS[4]},
    }

    def fails(_: object, operation: str, __: object) -> None:
        raise ClientError(told, operation)  # type: ignore[arg-type]

    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", fails)
    answer = deployment.call(function, asked(function))

    assert answer.status in (200, 500, 503)
    assert [each for each in SECRETS if each in answer.text + str(answer.headers)] == []


def test_storage_that_does_not_answer_is_503(deployment, event, monkeypatch) -> None:
    deployment.uploads.put(UPLOAD)
    function = deployment.functions["create_job"]
    monkeypatch.setattr(function.objects, "_client", Raising(answered("SlowDown", 503)))

    answer = deployment.call("create_job", event("http_create_job"))

    assert answer.is_problem(503, "STORAGE_UNAVAILABLE")
    assert FILE_ID not in answer.text


def test_slots_that_cannot_be_counted_are_503(deployment, event, monkeypatch) -> None:
    """Before the job is written: behind that it is accepted."""
    deployment.uploads.put(replace(UPLOAD, bytes=4))
    deployment.s3.put_object(Bucket="sluice-data", Key=UPLOAD.key, Body=b"RIFF")
    function = deployment.functions["create_job"]
    monkeypatch.setattr(function.slots, "_client", Raising(answered("Throttling", 503)))

    answer = deployment.call("create_job", event("http_create_job"))

    assert answer.is_problem(503, "RECORDS_UNAVAILABLE")
    assert deployment.jobs.of_file(FILE_ID) == []


@pytest.mark.parametrize("function", HTTP)
@pytest.mark.parametrize(("method", "path"), [("GET", "/v2/jobs"), ("DELETE", "/v1/jobs")])
def test_an_unknown_route_is_404(deployment, event, function, method, path) -> None:
    asked = event(HTTP[function])
    asked["rawPath"] = asked["requestContext"]["http"]["path"] = path
    asked["requestContext"]["http"]["method"] = method

    assert deployment.call(function, asked).is_problem(404, "ROUTE_NOT_FOUND")


def test_a_named_stage_is_no_part_of_the_route(deployment, event) -> None:
    deployment.jobs.put_if_absent(JOB)
    asked = event("http_get_job")
    path = f"/live{asked['rawPath']}"
    asked["rawPath"] = asked["requestContext"]["http"]["path"] = path
    asked["requestContext"]["stage"] = "live"

    assert deployment.call("get_job", asked).status == 200


def refusals(root: type[RequestError]) -> list[type[RequestError]]:
    return [each for child in root.__subclasses__() for each in (child, *refusals(child))]


@pytest.mark.parametrize("refusal", refusals(RequestError), ids=lambda each: each.__name__)
def test_each_refusal_has_its_status_and_code(refusal: type[RequestError]) -> None:
    answer = problems.refused(refusal("Do it otherwise."))

    assert 400 <= answer.status_code < 500
    assert f'"code": "{refusal.code}"' in (answer.body or "")
    assert "Do it otherwise." in (answer.body or "")


@pytest.mark.parametrize(
    ("refusal", "title"),
    [(UploadTooLarge, "Content Too Large"), (IdempotencyKeyReused, "Unprocessable Content")],
)
def test_a_status_is_called_as_rfc_9110_calls_it(refusal, title) -> None:
    assert f'"title": "{title}"' in (problems.refused(refusal("Otherwise.")).body or "")


@pytest.mark.parametrize("error", [RecordsUnavailable(SECRET), StorageUnavailable(SECRET)])
def test_an_outage_never_tells_its_text(error) -> None:
    assert SECRET not in (problems.unavailable(error).body or "")


def test_no_code_is_used_twice() -> None:
    codes = [each.code for each in (*refusals(RequestError), SluiceError)]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize(
    ("refusal", "seconds"),
    [(JobNotReady, "1"), (RequestInProgress, "1"), (TooManyJobs, "30"), (TooManyUploads, "30")],
)
def test_what_passes_says_when_to_come_back(refusal, seconds) -> None:
    assert problems.refused(refusal("Later.")).headers["Retry-After"] == seconds


def test_a_method_that_is_not_taken_is_told_those_that_are() -> None:
    answer = problems.refused(problems.MethodNotAllowed("Not here.", ("GET", "POST")))

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, POST"


@given(st.text(st.characters(), max_size=3000))
def test_a_detail_of_any_text_is_json_of_bounded_size(text: str) -> None:
    body = problems.refused(InvalidRequest(text)).body or ""
    assert len(body.encode("ascii")) < 13_000  # at most 12 bytes for each of 1,000 characters
