"""GET /v1/jobs/{jobId}, and the lists that GET /v1/jobs answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lambdas import represent
from tests.contract.examples import FILE_ID, JOB, JOB_ID, LONG_AGO, a_job, completed, failed
from tests.unit.lambdas.conftest import asking


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


@pytest.mark.parametrize("path", [f"/v1/jobs/{JOB_ID}", f"/api/jobs/{JOB_ID}"])
def test_a_job_is_at_both_its_addresses(deployment, event, path) -> None:
    deployment.jobs.put_if_absent(JOB)
    answer = deployment.call("get_job", asking(event("http_get_job"), "GET", path))
    assert answer.json == represent.job(JOB)


@pytest.fixture
def ask_with(deployment, event):
    """`ask_with(tag)` asks for the job again, if it is another than the one with this tag."""

    def ask(tag: str | None = None):
        asked = event("http_get_job")
        if tag is not None:
            asked["headers"]["if-none-match"] = tag
        return deployment.call("get_job", asked)

    return ask


def test_who_has_the_job_already_is_told_so_until_it_changes(deployment, ask_with) -> None:
    deployment.jobs.put_if_absent(JOB)
    tag = ask_with().headers["etag"]

    again = ask_with(tag)
    assert (again.status, again.text, again.headers["etag"]) == (304, "", tag)
    assert again.headers["retry-after"] == "1"
    deployment.jobs.claim(JOB_ID, 7)
    changed = ask_with(tag)
    assert (changed.status, changed.json["status"]) == (200, "processing")
    assert changed.headers["etag"] != tag


@pytest.fixture
def listed(deployment, event):
    def ask(**query: str):
        return deployment.call(
            "get_job", asking(event("http_list_jobs"), "GET", "/v1/jobs", **query)
        )

    return ask


def test_a_files_jobs_are_listed(deployment, listed) -> None:
    other = a_job(job_id="b" * 32, created_at="2026-11-21T10:00:00.000Z")
    for each in (JOB, other, a_job(job_id="c" * 32, file_id="another")):
        deployment.jobs.put_if_absent(each)

    answer = listed(fileId=FILE_ID)

    assert answer.status == 200
    assert answer.json == {"jobs": [represent.job(other), represent.job(JOB)], "cursor": None}


def test_a_file_without_jobs_has_an_empty_list(listed) -> None:
    assert listed(fileId=FILE_ID).json == {"jobs": [], "cursor": None}


def test_the_file_id_may_be_the_name_of_a_dropped_object(deployment, listed) -> None:
    deployment.jobs.put_if_absent(a_job(file_id="2026/talk, part 1"))

    (job,) = listed(fileId="2026/talk, part 1").json["jobs"]
    assert job["fileId"] == "2026/talk, part 1"


@pytest.fixture
def several(deployment):
    """Sixty jobs, newest first: half of them are new, half have failed."""
    made = [
        replace(
            (JOB, failed())[n % 2],
            job_id=f"{n:032x}",
            created_at=f"2026-11-21T09:30:{n:02}.000Z",
        )
        for n in range(60)
    ]
    for each in made:
        deployment.jobs.put_if_absent(each)
    return [each.job_id for each in reversed(made)]


def ids(answer) -> list[str]:
    assert answer.status == 200
    return [each["jobId"] for each in answer.json["jobs"]]


@pytest.mark.parametrize("query", [{}, {"fileId": "", "status": "", "cursor": "", "limit": ""}])
def test_all_jobs_are_listed_fifty_at_a_time(listed, several, query) -> None:
    first = listed(**query)
    rest = listed(cursor=first.json["cursor"])

    assert (ids(first), ids(rest)) == (several[:50], several[50:])
    assert rest.json["cursor"] is None


@pytest.mark.parametrize("file", [{}, {"fileId": FILE_ID}])
def test_those_of_a_status_are_listed_as_many_as_are_asked_for(listed, several, file) -> None:
    found, cursor = [], {}
    while cursor is not None:
        answer = listed(status="failed", limit="7", **file, **cursor)
        found.append(ids(answer))
        cursor = answer.json["cursor"] and {"cursor": answer.json["cursor"]}

    assert [each for page in found for each in page] == several[::2]
    assert [len(each) for each in found] == [7, 7, 7, 7, 2]


def test_a_cursor_goes_on_in_another_list_too_without_leading_out_of_it(listed, several) -> None:
    """It is a place in time and nothing else."""
    cursor = listed(limit="10").json["cursor"]
    assert ids(listed(cursor=cursor, status="created")) == several[11::2]
    assert ids(listed(cursor=cursor, fileId="another")) == []


@pytest.mark.parametrize(
    "query",
    [
        {"status": "done"},
        {"status": "Failed"},
        {"status": "created,failed"},
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "-1"},
        {"limit": "1e2"},
        {"limit": "५"},
        {"limit": "9" * 5000},
        {"limit": "ten"},
        {"cursor": "nonsense"},
        {"cursor": "W10"},
        {"cursor": "é"},
        {"cursor": "A" * 100_000},
    ],
    ids=range(14),
)
def test_what_cannot_be_listed_is_refused_and_says_what_can(listed, query) -> None:
    answer = listed(**query)

    assert answer.is_problem(400, "INVALID_REQUEST")
    assert answer.json["detail"].startswith(f'"{next(iter(query))}" is')


def test_what_else_is_asked_is_passed_over(listed, several) -> None:
    assert ids(listed(limit="1", sort="asc")) == several[:1]
