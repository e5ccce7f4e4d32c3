"""GET /v1/jobs/{jobId} and GET /v1/jobs?fileId=."""

from __future__ import annotations

import pytest

from lambdas import represent
from tests.contract.examples import FILE_ID, JOB, LONG_AGO, a_job, completed, failed


@pytest.mark.parametrize(
    ("job", "retry_after"), [(JOB, "1"), (completed(), None), (failed(), None)]
)
def test_a_job_is_shown(deployment, event, job, retry_after) -> None:
    deployment.jobs.put_if_absent(job)

    answer = deployment.call("get_job", event("http_get_job"))

    assert answer.status == 200
    assert answer.json == represent.job(job)
    assert answer.headers.get("retry-after") == retry_after


def test_an_unknown_job_is_not_found(deployment, event) -> None:
    answer = deployment.call("get_job", event("http_get_job"))
    assert answer.is_problem(404, "JOB_NOT_FOUND")


def test_an_id_no_job_can_have_is_not_found(deployment, event) -> None:
    asked = event("http_get_job")
    asked["rawPath"] = asked["requestContext"]["http"]["path"] = "/v1/jobs/" + "é" * 2000
    answer = deployment.call("get_job", asked)

    assert (answer.status, answer.json["code"]) == (404, "JOB_NOT_FOUND")


def test_an_expired_job_is_gone(deployment, event) -> None:
    deployment.jobs.put_if_absent(a_job(expires_at=LONG_AGO))
    answer = deployment.call("get_job", event("http_get_job"))

    assert answer.is_problem(410, "JOB_EXPIRED")


def test_a_files_jobs_are_listed(deployment, event) -> None:
    other = a_job(job_id="b" * 32, created_at="2026-11-21T10:00:00.000Z")
    for each in (JOB, other, a_job(job_id="c" * 32, file_id="another")):
        deployment.jobs.put_if_absent(each)

    answer = deployment.call("get_job", event("http_list_jobs"))

    assert answer.status == 200
    assert answer.json == {"jobs": [represent.job(JOB), represent.job(other)]}


def test_a_file_without_jobs_has_an_empty_list(deployment, event) -> None:
    assert deployment.call("get_job", event("http_list_jobs")).json == {"jobs": []}


@pytest.mark.parametrize("query", [None, {}, {"fileId": ""}, {"status": "created"}])
def test_a_list_is_of_a_file(deployment, event, query) -> None:
    asked = event("http_list_jobs") | {"queryStringParameters": query}
    assert deployment.call("get_job", asked).is_problem(400, "INVALID_REQUEST")


def test_the_file_id_may_be_the_name_of_a_dropped_object(deployment, event) -> None:
    deployment.jobs.put_if_absent(a_job(file_id="2026/talk, part 1"))
    asked = event("http_list_jobs") | {"queryStringParameters": {"fileId": "2026/talk, part 1"}}

    (job,) = deployment.call("get_job", asked).json["jobs"]
    assert job["fileId"] != FILE_ID
