"""GET /v1/jobs/{jobId}/progress: what a poller sees through a job's life."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from statistics import median
from time import process_time

import pytest
from botocore.exceptions import EndpointConnectionError

from conversion.clock import utc_now
from conversion.job import Status
from conversion.stores import clients
from tests.contract.examples import (
    FAILURE,
    JOB,
    JOB_ID,
    LONG_AGO,
    OUTPUT,
    PROGRESS,
    a_job,
    completed,
)
from tests.unit.lambdas.conftest import asking

FIELDS = [
    "attempt", "bytesIn", "bytesOut", "durationSeconds", "error", "etaSeconds", "jobId", "percent",
    "secondsDone", "speed", "stage", "status", "updatedAt",
]  # fmt: skip


@pytest.fixture
def ask(deployment, event, clock):
    """Polls as it is told to: a second after the answer before."""

    def asked():
        clock.now += 1
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


def test_one_job_may_be_asked_for_by_a_query(deployment, ask, event) -> None:
    a_run(deployment, JOB_ID, 10.0)
    asked = asking(event("http_get_progress"), "GET", "/api/progress", jobId=JOB_ID)
    assert deployment.call("get_progress", asked).json == ask().json


@pytest.mark.parametrize("query", [{}, {"jobId": ""}])
def test_a_query_for_no_job_says_how_to_ask(deployment, event, query) -> None:
    asked = asking(event("http_get_progress"), "GET", "/api/progress", **query)
    answer = deployment.call("get_progress", asked)
    assert answer.is_problem(400, "INVALID_REQUEST")
    assert "/api/progress?jobId=" in answer.json["detail"]


@pytest.fixture
def calls(deployment):
    """The requests that the function makes of DynamoDB."""
    made: list[str] = []
    client = deployment.functions["get_progress"].dynamodb

    def note(model, **_):
        made.append(model.name)

    client.meta.events.register("before-call.dynamodb", note)
    yield made
    client.meta.events.unregister("before-call.dynamodb", note)


@pytest.fixture
def outage(deployment):
    """`outage(True)`: from here on the function does not reach DynamoDB."""
    client = deployment.functions["get_progress"].dynamodb
    is_down = False

    def fails(**_):
        if is_down:
            raise EndpointConnectionError(endpoint_url="https://dynamodb.invalid")

    def sets(now: bool) -> None:
        nonlocal is_down
        is_down = now

    client.meta.events.register("before-call.dynamodb", fails)
    yield sets
    client.meta.events.unregister("before-call.dynamodb", fails)


@pytest.fixture
def ask_for(deployment, event, clock):
    """`ask_for("a,b")` is GET /v1/progress?jobId=a,b."""

    def asked(job_ids: str | None):
        clock.now += 1
        request = event("http_get_progress")
        request["routeKey"] = "GET /v1/progress"
        request["rawPath"] = request["requestContext"]["http"]["path"] = "/v1/progress"
        del request["pathParameters"]
        if job_ids is not None:
            request["queryStringParameters"] = {"jobId": job_ids}
        return deployment.call("get_progress", request)

    return asked


def a_run(deployment, job_id: str, percent: float) -> None:
    deployment.jobs.put_if_absent(a_job(job_id=job_id))
    deployment.jobs.claim(job_id, 7)
    deployment.progress.begin(job_id, 1)
    deployment.progress.report(job_id, replace(PROGRESS, percent=percent))


def test_a_report_is_answered_from_memory_until_the_next_may_be_there(
    deployment, ask, calls, monkeypatch
) -> None:
    a_run(deployment, JOB_ID, 10.0)
    ask()
    del calls[:]

    assert ask().json["percent"] == 10.0
    assert calls == ["BatchGetItem"], "whether it is over is asked each time"
    later = utc_now() + timedelta(seconds=0.9)
    monkeypatch.setattr("conversion.stores.recent.utc_now", lambda: later)
    deployment.progress.report(JOB_ID, replace(PROGRESS, percent=20.0))
    assert ask().json["percent"] == 20.0


def test_an_outcome_is_shown_at_once_and_kept(deployment, ask, calls) -> None:
    a_run(deployment, JOB_ID, 10.0)
    ask()
    deployment.jobs.complete(JOB_ID, 1, OUTPUT)

    assert ask().json["status"] == "completed"
    del calls[:]
    assert ask().json["percent"] == 100.0
    assert calls in ([], ["BatchGetItem"])  # a completed job itself is never asked for again


def test_a_poll_takes_a_fraction_of_the_time_that_was_promised(deployment, ask) -> None:
    """500 ms where DynamoDB is read, 100 ms where memory will do; here in processor time, so that a
    busy machine changes nothing, and with moto's in it."""

    def seconds() -> float:
        began = process_time()
        ask()
        return process_time() - began

    a_run(deployment, JOB_ID, 10.0)
    assert median(seconds() for _ in range(9)) < 0.5
    deployment.jobs.complete(JOB_ID, 1, OUTPUT)
    ask()
    assert median(seconds() for _ in range(9)) < 0.1


def test_no_client_is_made_for_a_request(deployment, ask, monkeypatch) -> None:
    """All were made when the function was imported, and serve every request after it."""

    def made(*_: object, **__: object) -> None:
        raise AssertionError("a client was made")

    a_run(deployment, JOB_ID, 10.0)
    monkeypatch.setattr("botocore.session.Session.create_client", made)
    with pytest.raises(AssertionError, match="a client was made"):
        clients.dynamodb()
    assert [ask().json["percent"] for _ in range(2)] == [10.0, 10.0]


def test_in_an_outage_the_last_known_is_shown_for_a_while(deployment, ask, event, clock, outage):
    a_run(deployment, JOB_ID, 10.0)
    ask()

    outage(True)
    for _ in range(30):
        answer = ask()
        assert (answer.json["percent"], answer.headers["retry-after"]) == (10.0, "1")
    clock.now += 60
    answer = deployment.call("get_progress", event("http_get_progress"))
    assert answer.is_problem(503, "RECORDS_UNAVAILABLE")
    assert answer.headers["retry-after"] == "5"

    outage(False)
    clock.now += 3
    assert ask().json["percent"] == 10.0


def test_a_dead_store_is_not_asked_at_every_poll(deployment, ask, clock, calls, outage) -> None:
    a_run(deployment, JOB_ID, 10.0)
    ask()
    outage(True)
    del calls[:]

    for _ in range(40):
        clock.now -= 0.9
        ask()

    assert 2 <= len(calls) <= 6  # four seconds, of two stores that are tried every other second


def test_a_job_nobody_knows_cannot_be_told_from_an_outage(deployment, event, outage) -> None:
    outage(True)
    answer = deployment.call("get_progress", event("http_get_progress"))
    assert answer.is_problem(503, "RECORDS_UNAVAILABLE")


def test_many_jobs_are_asked_for_at_once(deployment, ask_for, calls) -> None:
    a_run(deployment, "a", 10.0)
    a_run(deployment, "b", 20.0)
    deployment.jobs.put_if_absent(completed(job_id="c"))
    deployment.jobs.put_if_absent(a_job(job_id="old", expires_at=LONG_AGO))

    answer = ask_for("b,a,, unknown,c,old,a")

    assert answer.status == 200
    assert answer.headers["retry-after"] == "1"
    told = answer.json["progress"]
    assert [sorted(each) for each in told] == [FIELDS] * 3
    assert [(each["jobId"], each["percent"]) for each in told] == [
        ("b", 20.0), ("a", 10.0), ("c", 100.0),
    ]  # fmt: skip
    assert answer.json["notFound"] == ["unknown", "old"]
    assert calls == ["BatchGetItem", "BatchGetItem"]


def test_once_all_of_them_are_over_there_is_nothing_to_wait_for(deployment, ask_for) -> None:
    deployment.jobs.put_if_absent(completed(job_id="c"))

    assert "retry-after" not in ask_for("c").headers
    assert "retry-after" not in ask_for("nobody").headers


def test_a_hundred_jobs_and_no_more(deployment, ask_for) -> None:
    ids = [f"{number:032x}" for number in range(101)]
    for each in ids:
        deployment.jobs.put_if_absent(a_job(job_id=each))

    assert len(ask_for(",".join(ids[:100])).json["progress"]) == 100
    assert ask_for(",".join(ids)).is_problem(400, "INVALID_REQUEST")
    assert ask_for(",".join(ids[:1] * 101)).is_problem(400, "INVALID_REQUEST")


@pytest.mark.parametrize("job_ids", [None, "", " , "])
def test_nobody_is_asked_for(ask_for, job_ids) -> None:
    assert ask_for(job_ids).is_problem(400, "INVALID_REQUEST")
