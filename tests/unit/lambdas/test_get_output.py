"""GET /v1/jobs/{jobId}/output: the way to the file, and why there may be none."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from conversion.download import attachment
from conversion.job import Status
from tests.contract.examples import JOB, LONG_AGO, OUTPUT, a_job, completed, failed


def test_a_finished_job_leads_to_its_file(deployment, event) -> None:
    deployment.jobs.put_if_absent(completed())

    answer = deployment.call("get_output", event("http_get_output"))

    assert (answer.status, answer.text) == (303, "")
    url = urlsplit(answer.headers["location"])
    assert url.hostname == "sluice-data.s3.eu-west-1.amazonaws.com"
    assert url.path == f"/{OUTPUT.key}"
    query = parse_qs(url.query)
    assert query["response-content-type"] == ["audio/mpeg"]
    assert query["response-content-disposition"] == [attachment("Ärzte – live.mp3")]
    assert query["X-Amz-Expires"] == ["3600"]
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]


@pytest.mark.parametrize("status", [Status.CREATED, Status.PROCESSING])
def test_a_running_job_has_none_yet(deployment, event, status) -> None:
    deployment.jobs.put_if_absent(a_job(status=status))
    answer = deployment.call("get_output", event("http_get_output"))

    assert answer.is_problem(409, "JOB_NOT_READY")
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize("job", [failed(), a_job(status=Status.CANCELLED)])
def test_a_job_that_came_to_nothing_has_none(deployment, event, job) -> None:
    deployment.jobs.put_if_absent(job)
    answer = deployment.call("get_output", event("http_get_output"))

    assert answer.status == 409
    assert answer.json["code"] == "NO_OUTPUT"
    assert "retry-after" not in answer.headers
    assert (job.failure is None) or (job.failure.code in answer.json["detail"])


def test_an_unknown_job_has_none(deployment, event) -> None:
    answer = deployment.call("get_output", event("http_get_output"))
    assert answer.is_problem(404, "JOB_NOT_FOUND")


def test_an_expired_job_has_none_any_more(deployment, event) -> None:
    deployment.jobs.put_if_absent(completed(expires_at=LONG_AGO))
    answer = deployment.call("get_output", event("http_get_output"))
    assert answer.is_problem(410, "JOB_EXPIRED")


def test_no_cache_keeps_the_way(deployment, event) -> None:
    deployment.jobs.put_if_absent(JOB)
    deployment.call("get_output", event("http_get_output"))  # asserts no-store for every answer
