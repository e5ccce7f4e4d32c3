"""GET /v1/jobs/{jobId}/progress: what a poller sees through a job's life."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conversion.job import Status
from tests.contract.examples import FAILURE, JOB, JOB_ID, LONG_AGO, OUTPUT, PROGRESS, a_job

FIELDS = [
    "attempt", "bytesIn", "bytesOut", "durationSeconds", "error", "etaSeconds", "jobId", "percent",
    "secondsDone", "speed", "stage", "status", "updatedAt",
]  # fmt: skip


@pytest.fixture
def ask(deployment, event):
    def asked():
        answer = deployment.call("get_progress", event("http_get_progress"))
        assert answer.status == 200
        assert sorted(answer.json) == FIELDS
        return answer

    return asked


def test_a_job_nobody_has_begun_is_queued(deployment, ask) -> None:
    deployment.jobs.put_if_absent(JOB)

    answer = ask()
    assert answer.headers["retry-after"] == "1"
    assert (answer.json["status"], answer.json["stage"]) == ("created", "queued")
    assert (answer.json["percent"], answer.json["attempt"]) == (0.0, 0)


def test_a_running_job_shows_its_last_report(deployment, ask) -> None:
    deployment.jobs.put_if_absent(JOB)
    deployment.jobs.claim(JOB_ID, 7)
    assert ask().json["stage"] == "starting"
    deployment.progress.begin(JOB_ID, 1)
    deployment.progress.report(JOB_ID, PROGRESS)

    answer = ask()
    assert answer.headers["retry-after"] == "1"
    assert answer.json | {"updatedAt": None} == {
        "jobId": JOB_ID, "status": "processing", "stage": "converting", "percent": 42.5,
        "speed": 31.2, "etaSeconds": 1.1, "secondsDone": 25.5, "durationSeconds": 60.0,
        "bytesIn": 2_250_000, "bytesOut": 612_000, "attempt": 1, "updatedAt": None, "error": None,
    }  # fmt: skip


def test_a_restart_never_shows_less(deployment, ask) -> None:
    deployment.jobs.put_if_absent(JOB)
    for attempt in (1, 2):
        deployment.jobs.claim(JOB_ID, 7)
        deployment.progress.begin(JOB_ID, attempt)
        if attempt == 1:
            deployment.progress.report(JOB_ID, replace(PROGRESS, percent=95.0))

    assert (ask().json["stage"], ask().json["percent"]) == ("restarting", 95.0)


def test_a_completed_job_is_whole_whatever_the_last_report_said(deployment, ask) -> None:
    deployment.jobs.put_if_absent(JOB)
    deployment.jobs.claim(JOB_ID, 7)
    deployment.progress.begin(JOB_ID, 1)
    deployment.progress.report(JOB_ID, PROGRESS)
    deployment.jobs.complete(JOB_ID, 1, OUTPUT)

    answer = ask()
    assert "retry-after" not in answer.headers
    assert (answer.json["status"], answer.json["stage"]) == ("completed", "completed")
    assert answer.json["percent"] == 100.0
    assert answer.json["bytesOut"] == OUTPUT.bytes


def test_a_failed_job_says_why_and_keeps_its_mark(deployment, ask) -> None:
    deployment.jobs.put_if_absent(JOB)
    deployment.jobs.claim(JOB_ID, 7)
    deployment.progress.begin(JOB_ID, 1)
    deployment.progress.report(JOB_ID, PROGRESS)
    deployment.jobs.fail(JOB_ID, 1, FAILURE)

    answer = ask()
    assert "retry-after" not in answer.headers
    assert (answer.json["stage"], answer.json["percent"]) == ("failed", 42.5)
    assert answer.json["error"] == {"code": FAILURE.code, "message": FAILURE.message}


def test_a_cancelled_job_is_over(deployment, ask) -> None:
    deployment.jobs.put_if_absent(a_job(status=Status.CANCELLED))

    assert ask().json["stage"] == "cancelled"
    assert "retry-after" not in ask().headers


def test_an_unknown_job_has_no_progress(deployment, event) -> None:
    answer = deployment.call("get_progress", event("http_get_progress"))
    assert answer.is_problem(404, "JOB_NOT_FOUND")


def test_an_expired_job_has_no_progress(deployment, event) -> None:
    deployment.jobs.put_if_absent(a_job(expires_at=LONG_AGO))
    answer = deployment.call("get_progress", event("http_get_progress"))
    assert answer.is_problem(410, "JOB_EXPIRED")
