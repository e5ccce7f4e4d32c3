"""Whose jobs are whose: another's is not there, by any route, and whatever was asked before."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from typing import Any

import pytest

from conversion.clock import expiry, utc_now
from conversion.conversion import Conversion, Waveform
from conversion.job import Job, Status
from conversion.stores.attributes import to_attributes
from tests.contract import tables
from tests.contract.examples import (
    FILE_ID,
    JOB,
    JOB_ID,
    LONG_AGO,
    OUTPUT,
    a_job,
    cancelled,
    completed,
    failed,
)
from tests.unit.lambdas.conftest import Answer, asking, by

DRAWN = Conversion("mp3", waveform=Waveform())

# Every route that is about one job: its function, its method, its address, its query.
ROUTES = {
    "get": ("get_job", "GET", f"/v1/jobs/{JOB_ID}", {}),
    "get by alias": ("get_job", "GET", f"/api/jobs/{JOB_ID}", {}),
    "progress": ("get_progress", "GET", f"/v1/jobs/{JOB_ID}/progress", {}),
    "progress by alias": ("get_progress", "GET", "/api/progress", {"jobId": JOB_ID}),
    "output": ("get_output", "GET", f"/v1/jobs/{JOB_ID}/output", {}),
    "output by alias": ("get_output", "GET", "/api/download", {"jobId": JOB_ID}),
    "peaks": ("get_output", "GET", f"/v1/jobs/{JOB_ID}/waveform.json", {}),
    "picture": ("get_output", "GET", f"/v1/jobs/{JOB_ID}/waveform.png", {}),
    "cancel": ("cancel_job", "DELETE", f"/v1/jobs/{JOB_ID}", {}),
}

STATES = {
    "created": JOB,
    "processing": a_job(status=Status.PROCESSING, attempt=1),
    "completed": completed(conversion=DRAWN, output=replace(OUTPUT, waveform=JOB.waveform_keys(1))),
    "to be deleted": completed(delete_after_download=True),
    "failed": failed(),
    "cancelled": cancelled(),
    "expired": completed(expires_at=LONG_AGO),
}


@pytest.fixture
def ask(deployment, event, clock):
    """`ask(route, identity)`, a second after the question before."""

    def asked(route: str, identity: str) -> Answer:
        function, method, path, query = ROUTES[route]
        clock.now += 1
        return deployment.call(
            function, by(asking(event("http_get_job"), method, path, **query), identity)
        )

    return asked


def told(answer: Answer) -> tuple[Any, ...]:
    """But for the second in which a URL was signed."""
    signed = re.sub("X-Amz-(Date|Signature)=[0-9A-Za-z]+", "", answer.headers.get("location", ""))
    return answer.status, answer.headers | {"location": signed}, answer.text


@pytest.mark.parametrize("route", ROUTES)
def test_anothers_job_is_answered_exactly_as_one_that_is_not_there(
    deployment, ask, route: str
) -> None:
    """In whatever state, and whether it has an owner or nobody's name on it."""
    unknown = ask(route, "me")
    assert unknown.is_problem(404, "JOB_NOT_FOUND")
    for state, owner in itertools.product(STATES.values(), ("you", None)):
        job = replace(state, owner=owner)
        deployment.dynamodb.put_item(TableName=tables.JOBS, Item=to_attributes(job.to_item()))

        assert told(ask(route, "me")) == told(unknown), job
        assert record(deployment) == job


def record(deployment) -> Job:
    (job,) = [each for status in Status for each in deployment.jobs.of_status(status)]
    return job


@pytest.mark.parametrize("route", ROUTES)
def test_its_owner_and_an_operator_are_answered(
    deployment, ask, route: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment.jobs.put_if_absent(replace(STATES["completed"], owner="you"))
    module = deployment.functions[ROUTES[route][0]]
    monkeypatch.setattr(module, "settings", replace(module.settings, operators="ops, boss"))

    assert told(ask(route, "boss")) == told(ask(route, "you"))
    assert ask(route, "you").status in (200, 303, 409)
    assert ask(route, "me").status == 404


@pytest.mark.parametrize("route", ["progress", "progress by alias"])
def test_what_is_remembered_for_its_owner_is_not_told_to_others(deployment, ask, route) -> None:
    """A completed job is answered from memory."""
    unknown = ask(route, "me")
    deployment.jobs.put_if_absent(completed(owner="you"))

    for _ in range(2):
        assert ask(route, "you").json["status"] == "completed"
        assert told(ask(route, "me")) == told(unknown)


@pytest.fixture
def ask_for_many(deployment, event):
    def asked(job_ids: str, identity: str) -> Answer:
        request = asking(event("http_get_progress"), "GET", "/v1/progress", jobId=job_ids)
        return deployment.call("get_progress", by(request, identity))

    return asked


def test_of_many_jobs_those_of_others_are_not_found(deployment, ask_for_many) -> None:
    deployment.jobs.put_if_absent(completed(job_id="a", owner="you"))
    deployment.jobs.put_if_absent(a_job(job_id="b", owner="me"))
    deployment.jobs.put_if_absent(a_job(job_id="c"))

    for _ in range(2):
        mine, yours = ask_for_many("a,b,c,d", "me"), ask_for_many("a,b,c,d", "you")
        assert [each["jobId"] for each in mine.json["progress"]] == ["b"]
        assert mine.json["notFound"] == ["a", "c", "d"]
        assert [each["jobId"] for each in yours.json["progress"]] == ["a"]
        assert yours.json["notFound"] == ["b", "c", "d"]
        assert "retry-after" not in yours.headers, "whether others' jobs run is not told"


@pytest.mark.parametrize("query", [{}, {"fileId": FILE_ID}, {"status": "created"}])
def test_lists_hold_ones_own(deployment, event, query) -> None:
    for n, owner in enumerate(("me", "you", None, "me")):
        deployment.jobs.put_if_absent(a_job(job_id=f"{n:032x}", owner=owner))

    def ask(identity: str) -> list[str]:
        request = asking(event("http_list_jobs"), "GET", "/v1/jobs", **query)
        answer = deployment.call("get_job", by(request, identity))
        assert answer.json["cursor"] is None
        return [each["jobId"][-1] for each in answer.json["jobs"]]

    assert (ask("me"), ask("you"), ask("nobody")) == (["3", "0"], ["1"], [])


def test_a_cursor_of_anothers_leads_to_ones_own(deployment, event) -> None:
    now = utc_now()
    for n, owner in enumerate(("me", "you") * 3):
        deployment.jobs.put_if_absent(
            a_job(job_id=f"{n:032x}", owner=owner, expires_at=expiry(now, 7))
        )

    def ask(identity: str, **query: str) -> Any:
        request = asking(event("http_list_jobs"), "GET", "/v1/jobs", limit="1", **query)
        return deployment.call("get_job", by(request, identity)).json

    yours = ask("you")
    assert ask("me", cursor=yours["cursor"])["jobs"][0]["jobId"] == f"{4:032x}"


@pytest.mark.parametrize("route", ROUTES)
def test_who_shows_no_name_where_one_is_asked_for_is_refused(deployment, event, route: str) -> None:
    function, method, path, query = ROUTES[route]
    deployment.jobs.put_if_absent(completed())
    request = by(asking(event("http_get_job"), method, path, **query), "")
    assert deployment.call(function, request).is_problem(403, "NO_IDENTITY")
