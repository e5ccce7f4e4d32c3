"""A job that is to be deleted after its download: how long it can be had, and what that costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from conversion import clock
from conversion.conversion import Conversion, Waveform
from conversion.job import Job
from tests.contract.examples import JOB, JOB_ID, OUTPUT, a_job, completed, failed
from tests.unit.lambdas.conftest import Answer, asking

SECONDS = 3600
FLEETING = completed(
    delete_after_download=True,
    conversion=Conversion("mp3", waveform=Waveform()),
    output=replace(OUTPUT, waveform=JOB.waveform_keys(1)),
)


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """`pass_time(seconds)` moves the time of our functions and of what they sign."""
    ahead = timedelta()

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + ahead

    def move(seconds: float) -> None:
        nonlocal ahead
        ahead += timedelta(seconds=seconds)

    monkeypatch.setattr(clock, "datetime", Shifted)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: _naive(ahead))
    return move


def _naive(ahead: timedelta) -> datetime:
    return datetime.now(UTC).replace(tzinfo=None) + ahead


@pytest.fixture
def ask(deployment, event):
    def asked(what: str = "output") -> Answer:
        path = f"/v1/jobs/{JOB_ID}/{what}"
        return deployment.call("get_output", asking(event("http_get_output"), "GET", path))

    return asked


@pytest.fixture
def writes(deployment):
    """The writes that the function asks DynamoDB for."""
    made: list[str] = []
    client = deployment.functions["get_output"].jobs._client

    def note(model: Any, **_: Any) -> None:
        if model.name != "GetItem":
            made.append(model.name)

    client.meta.events.register("before-call.dynamodb", note)
    yield made
    client.meta.events.unregister("before-call.dynamodb", note)


def end_of(answer: Answer) -> float:
    """Until when the URL is good, in Unix seconds: as S3 reckons."""
    assert answer.status == 303
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    signed = datetime.strptime(query["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return signed.timestamp() + int(query["X-Amz-Expires"][0])


def now() -> float:
    return clock.utc_now().timestamp()


def test_it_expires_with_the_first_url_that_is_given_out(deployment, ask) -> None:
    deployment.jobs.put_if_absent(FLEETING)

    end = end_of(ask())

    job = deployment.jobs.get(JOB_ID)
    assert end <= job.expires_at <= now() + SECONDS
    assert end > now() + SECONDS - 5
    assert job == replace(FLEETING, expires_at=job.expires_at)
    assert [each.job_id for each in deployment.jobs.leaving()] == [JOB_ID]


@pytest.mark.parametrize("what", ["output", "waveform.json", "waveform.png"])
def test_no_later_url_is_good_for_longer(deployment, ask, pass_time, what: str) -> None:
    deployment.jobs.put_if_absent(FLEETING)
    end_of(ask())
    end = deployment.jobs.get(JOB_ID).expires_at
    for seconds in (0.3, 1.4, 60, 1800, 1700, 30):
        pass_time(seconds)
        assert end - 2 <= end_of(ask(what)) <= end


def test_afterwards_it_is_gone(deployment, ask, pass_time, event) -> None:
    deployment.jobs.put_if_absent(FLEETING)
    ask()
    pass_time(SECONDS + 1)

    assert ask().is_problem(410, "JOB_EXPIRED")
    assert ask("waveform.png").is_problem(410, "JOB_EXPIRED")
    assert deployment.call("get_job", event("http_get_job")).is_problem(410, "JOB_EXPIRED")


def test_in_its_last_second_it_is_gone_too(deployment, ask) -> None:
    """No URL is good for less than a second."""
    deployment.jobs.put_if_absent(replace(FLEETING, expires_at=int(now()) + 1))
    assert ask().is_problem(410, "JOB_EXPIRED")


def test_however_often_it_is_downloaded_it_is_written_once(deployment, ask, writes) -> None:
    deployment.jobs.put_if_absent(FLEETING)
    for _ in range(100):
        assert ask().status == 303
    assert writes == ["UpdateItem"]


def test_two_at_the_same_moment_agree(deployment, ask, monkeypatch) -> None:
    """The second has read the job before the first let it go."""
    deployment.jobs.put_if_absent(FLEETING)
    store = deployment.functions["get_output"].jobs
    get, others = store.get, [int(now()) + 100]

    def get_first(*asked: Any) -> Job:
        job = get(*asked)
        if others:
            assert deployment.jobs.leave(JOB_ID, others.pop())
        return job

    monkeypatch.setattr(store, "get", get_first)
    end = int(now()) + 100
    assert end - 2 <= end_of(ask()) <= end + 1
    assert end_of(ask()) <= deployment.jobs.get(JOB_ID).expires_at <= end + 1


def test_one_that_expires_sooner_anyway_is_not_put_off(deployment, ask, writes) -> None:
    soon = int(now()) + 600
    deployment.jobs.put_if_absent(replace(FLEETING, expires_at=soon))

    assert end_of(ask()) <= soon
    assert deployment.jobs.get(JOB_ID).expires_at == soon
    assert writes == []


@pytest.mark.parametrize("what", ["waveform.json", "waveform.png"])
def test_its_waveform_alone_does_not_let_it_go(deployment, ask, writes, what: str) -> None:
    """A page draws it before anybody has asked for the file."""
    deployment.jobs.put_if_absent(FLEETING)
    assert ask(what).status == 303
    assert writes == []
    assert deployment.jobs.get(JOB_ID) == FLEETING


@pytest.mark.parametrize(
    ("job", "status"), [(completed(), 303), (a_job(delete_after_download=True), 409),
    (failed(delete_after_download=True), 409)], ids=["may stay", "not ready", "failed"],
)  # fmt: skip
def test_what_may_stay_or_has_no_file_is_left_as_it_is(
    deployment, ask, writes, job: Job, status: int
) -> None:
    deployment.jobs.put_if_absent(job)
    for what in ("output", "waveform.png"):
        ask(what)
    assert ask().status == status
    assert writes == []
    assert deployment.jobs.get(JOB_ID) == job
