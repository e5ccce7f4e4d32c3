"""The recovery as EventBridge calls it: by the minute, and by an execution's end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from conversion.clock import utc_now
from conversion.job import Status
from tests.contract.examples import BUCKET, FILE_ID, JOB_ID, UPLOAD, a_job
from tests.contract.throttled import refused

AT_LISTING = "2026-11-21T09:35:00Z"


@pytest.fixture
def lost(deployment, monkeypatch):
    """A deployment with an upload whose event nobody heard, a quarter of an hour ago."""
    body = b"RIFF1234"
    upload = replace(UPLOAD, bytes=len(body), conversions=UPLOAD.conversions[:1])
    deployment.uploads.put(upload)
    deployment.s3.put_object(Bucket=BUCKET, Key=upload.key, Body=body)
    monkeypatch.setattr(
        "conversion.recovery.arrivals.utc_now", lambda: utc_now() + timedelta(minutes=15)
    )
    return deployment


def test_a_sweep_tells_what_it_has_mended(lost, event) -> None:
    scheduled = event("scheduled") | {"time": AT_LISTING}
    assert lost.invoke("recover_jobs", scheduled)["found"] == 1
    assert lost.executions() == [each.job_id for each in lost.jobs.of_file(FILE_ID)]

    assert set(lost.invoke("recover_jobs", scheduled).values()) == {0}


def test_a_sweep_tells_how_many_run_and_how_many_wait(deployment, event, log, monkeypatch) -> None:
    monkeypatch.setattr(deployment.functions["recover_jobs"].pipeline.slots, "most", 1)
    for number in (1, 2, 3):
        deployment.jobs.put_if_absent(a_job(job_id=f"{number:032x}"))

    assert deployment.invoke("recover_jobs", event("scheduled"))["started"] == 1

    (line,) = [each for each in log() if each["message"] == "load"]
    assert (line["running"], line["waiting"]) == (1, 2)


def test_the_bucket_is_listed_each_fifth_minute_or_when_asked_by_hand(lost, event) -> None:
    assert lost.invoke("recover_jobs", event("scheduled"))["found"] == 0
    assert lost.invoke("recover_jobs", {})["found"] == 1


def test_an_end_that_is_told_settles_its_job_alone(lost, event) -> None:
    lost.jobs.put_if_absent(a_job(status=Status.PROCESSING))
    executions = lost.functions["recover_jobs"].pipeline.executions
    executions.start(JOB_ID)
    executions.stop(JOB_ID, "Operator", "By hand.")

    assert lost.invoke("recover_jobs", event("states_execution_aborted")) == {"given_up": 1}
    assert lost.jobs.get(JOB_ID).failure.code == "EXECUTION_STOPPED"
    assert lost.executions() == [JOB_ID]
    assert lost.invoke("recover_jobs", event("states_execution_aborted")) == {"given_up": 0}


def test_a_sweep_that_could_not_do_all_fails_when_it_has_done_the_rest(lost, log) -> None:
    function = lost.functions["recover_jobs"]
    client = function.pipeline.executions._client
    with (
        refused(client, "ListExecutions"),
        pytest.raises(function.SweepIncomplete, match=r"\d repairs failed"),
    ):
        lost.invoke("recover_jobs", {})

    assert len(lost.executions()) == 1
    swept = [each for each in log() if each["message"] == "swept"]
    assert [(each["found"], each["failures"] > 0) for each in swept] == [(1, True)]
