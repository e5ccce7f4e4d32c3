"""DELETE /v1/jobs/{jobId}: what is told in each state, and again."""

from __future__ import annotations

import pytest

from conversion.job import Status
from tests.contract.examples import JOB_ID, LONG_AGO, a_job, completed, failed
from tests.contract.throttled import DOWN, refused


@pytest.fixture
def cancel(deployment, event):
    return lambda: deployment.call("cancel_job", event("http_cancel_job"))


@pytest.mark.parametrize("status", [Status.CREATED, Status.PROCESSING])
def test_a_job_that_is_not_over_is_cancelled_and_again_no_error(deployment, cancel, status) -> None:
    deployment.jobs.put_if_absent(a_job(status=status))
    deployment.functions["start_jobs"].executions.start(JOB_ID)

    for _ in range(2):
        answer = cancel()
        assert answer.status == 202
        assert (answer.json["jobId"], answer.json["status"]) == (JOB_ID, "cancelled")
        assert "retry-after" not in answer.headers
    stopped = deployment.functions["cancel_job"].executions.status(JOB_ID)
    assert stopped == "ABORTED"


def test_the_answer_is_what_reading_the_job_answers(deployment, cancel, event) -> None:
    deployment.jobs.put_if_absent(a_job())

    assert cancel().json == deployment.call("get_job", event("http_get_job")).json


@pytest.mark.parametrize("job", [completed(), failed()], ids=["completed", "failed"])
def test_a_job_that_has_an_outcome_is_not_cancelled(deployment, cancel, job) -> None:
    deployment.jobs.put_if_absent(job)

    for _ in range(2):
        assert cancel().is_problem(409, "JOB_FINISHED")
    assert deployment.jobs.get(JOB_ID) == job


def test_an_unknown_job_is_not_found(cancel) -> None:
    assert cancel().is_problem(404, "JOB_NOT_FOUND")


def test_an_expired_job_is_gone(deployment, cancel) -> None:
    deployment.jobs.put_if_absent(a_job(expires_at=LONG_AGO))
    assert cancel().is_problem(410, "JOB_EXPIRED")


def test_an_outage_of_the_flow_does_not_keep_it_from_being_cancelled(
    deployment, cancel, log
) -> None:
    deployment.jobs.put_if_absent(a_job())
    client = deployment.functions["cancel_job"].executions._client
    with refused(client, "StopExecution", DOWN):
        assert cancel().status == 202

    assert deployment.jobs.get(JOB_ID).status is Status.CANCELLED
    assert any(each["message"].startswith("a cancelled job runs on") for each in log())


def test_an_outage_of_the_records_is_told(deployment, cancel) -> None:
    deployment.jobs.put_if_absent(a_job())
    with refused(deployment.functions["cancel_job"].jobs._client, "UpdateItem", DOWN):
        assert cancel().is_problem(503, "RECORDS_UNAVAILABLE")
    assert deployment.jobs.get(JOB_ID).status is Status.CREATED
