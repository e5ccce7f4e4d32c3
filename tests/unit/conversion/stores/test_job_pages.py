"""What is DynamoDB's own about the pages of jobs: which index is asked, and how often."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from conversion.callers import ANYBODY, Caller
from conversion.errors import RecordsUnavailable
from conversion.fields import Item
from conversion.job import Job, Status
from conversion.listing import Place, Wanted
from conversion.stores import clients, job_pages
from conversion.stores.attributes import to_attributes
from conversion.stores.jobs import Jobs
from tests.contract import tables
from tests.contract.examples import FILE_ID, JOB, LONG_AGO, a_job
from tests.contract.throttled import DOWN, refused

ME = Caller("me", sees_all=False)
IDS = [f"{number:032x}" for number in range(150, 0, -1)]


@pytest.fixture
def client(aws: None) -> Any:
    made = clients.dynamodb()
    tables.create_tables(made)
    return made


@pytest.fixture
def jobs(client: Any) -> Jobs:
    return Jobs(client, tables.JOBS)


@pytest.fixture
def queries(client: Any) -> list[Item]:
    """The Queries that were asked for, as they were."""
    seen: list[Item] = []
    client.meta.events.register(
        "provide-client-params.dynamodb.Query", lambda params, **_: seen.append(params)
    )
    return seen


def put(jobs: Jobs, count: int, **changes: Any) -> list[Job]:
    """A second apart, newest first."""
    made = [
        a_job(job_id=each, created_at=f"2026-11-21T09:{n // 60:02}:{n % 60:02}.000Z", **changes)
        for n, each in enumerate(IDS[-count:])
    ][::-1]
    for each in made:
        jobs.put_if_absent(each)
    return made


@pytest.mark.parametrize(
    ("wanted", "asked"),
    [
        (Wanted(ANYBODY), [("byStatus", each.value) for each in Status]),
        (Wanted(ANYBODY, None, Status.FAILED), [("byStatus", "failed")]),
        (Wanted(ANYBODY, FILE_ID, Status.FAILED), [("byFile", FILE_ID)]),
        (Wanted(ME), [("byOwner", "me")]),
        (Wanted(ME, None, Status.FAILED), [("byOwner", "me")]),
        (Wanted(ME, FILE_ID), [("byFile", FILE_ID)]),
        (Wanted(Caller(None, sees_all=False)), []),
    ],
    ids=range(7),
)
def test_the_index_with_the_fewest_of_others_is_asked(
    jobs: Jobs, queries: list[Item], wanted: Wanted, asked: list[tuple[str, str]]
) -> None:
    jobs.page(wanted, Place("2026-11-21T09:30:12.000Z", "e" * 32), 50)

    told = [(each["IndexName"], each["ExpressionAttributeValues"][":value"]) for each in queries]
    assert told == [(index, {"S": value}) for index, value in asked]
    assert not any("ExclusiveStartKey" in each for each in queries), "the place is ours"


def test_a_page_costs_one_query_where_nothing_is_filtered_out(
    jobs: Jobs, queries: list[Item]
) -> None:
    made = put(jobs, 60)
    page = jobs.page(Wanted(ANYBODY, FILE_ID), None, 50)

    assert page.jobs == tuple(made[:50])
    assert [each["Limit"] for each in queries] == [52]


def test_among_many_that_are_filtered_out_a_page_ends_early_and_says_where_to_go_on(
    jobs: Jobs, queries: list[Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_pages, "_MOST_QUERIES", 3)
    put(jobs, 149, expires_at=LONG_AGO)
    oldest = a_job(job_id="f" * 32, created_at="2026-11-20T00:00:00.000Z")
    jobs.put_if_absent(oldest)

    found, after, lengths = list[Job](), None, list[int]()
    while True:
        page = jobs.page(Wanted(ANYBODY, FILE_ID), after, 20)
        found += page.jobs
        lengths.append(len(queries))
        queries.clear()
        if page.end is None:
            break
        assert page.end != after
        after = page.end

    assert found == [oldest]
    assert len(lengths) > 1
    assert max(lengths) <= 3


def test_a_moment_with_more_jobs_than_the_queries_read_is_got_through(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the same page would be answered for ever."""
    monkeypatch.setattr(job_pages, "_MOST_QUERIES", 1)
    for each in IDS:
        jobs.put_if_absent(a_job(job_id=each))

    found, after = list[str](), None
    while True:
        page = jobs.page(Wanted(ANYBODY), after, 30)
        found += [each.job_id for each in page.jobs]
        if page.end is None:
            break
        assert page.end != after
        after = page.end
    assert found == IDS


def test_jobs_of_one_moment_have_one_order_in_whatever_order_they_are_read(
    jobs: Jobs, client: Any
) -> None:
    """moto sorts them by their ids, which no document promises."""

    def turn_round(parsed: Item, **_: Any) -> None:
        parsed["Items"].sort(key=lambda item: item["jobId"]["S"])

    client.meta.events.register("after-call.dynamodb.Query", turn_round)
    for number, each in enumerate(IDS[:12]):
        jobs.put_if_absent(a_job(job_id=each, status=list(Status)[number % 2]))

    for wanted in (Wanted(ANYBODY), Wanted(ANYBODY, FILE_ID)):
        first = jobs.page(wanted, None, 5)
        rest = jobs.page(wanted, first.end, 50)
        assert [each.job_id for each in (*first.jobs, *rest.jobs)] == IDS[:12]


@pytest.fixture
def indexed_twice(client: Any) -> Callable[[Item], None]:
    """An index that lags: under its old status a job is shown besides its new one."""

    def show(item: Item) -> None:
        def answer(parsed: Item, model: Any, **_: Any) -> None:
            if parsed.get("Count") == 0 and not shown:
                shown.append(item)
                parsed["Items"] = [to_attributes(item)]

        shown: list[Item] = []
        client.meta.events.register("after-call.dynamodb.Query", answer)

    return show


def test_a_job_that_an_index_has_twice_is_told_once(jobs: Jobs, indexed_twice) -> None:
    jobs.put_if_absent(JOB)
    indexed_twice(JOB.to_item())
    assert jobs.page(Wanted(ANYBODY), None, 50).jobs == (JOB,)


def test_a_record_that_cannot_be_read_hides_no_other(
    jobs: Jobs, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    odd = a_job(job_id=IDS[1]).to_item() | {"conversion": {"format": "mp3", "reverb": "hall"}}
    client.put_item(TableName=tables.JOBS, Item=to_attributes(odd))
    jobs.put_if_absent(JOB)

    page = jobs.page(Wanted(ANYBODY), None, 50)
    assert (page.jobs, page.end) == ((JOB,), None)
    assert [each.getMessage() for each in caplog.records] == ["a job's record cannot be read"]


def test_an_outage_is_told(jobs: Jobs, client: Any) -> None:
    with refused(client, "Query", DOWN), pytest.raises(RecordsUnavailable):
        jobs.page(Wanted(ANYBODY), None, 50)


def test_of_anothers_file_not_even_a_cursor_is_told(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much of it had to be read through."""
    monkeypatch.setattr(job_pages, "_MOST_QUERIES", 1)
    put(jobs, 150, owner="you")

    page = jobs.page(Wanted(ME, FILE_ID), None, 1)

    assert (page.jobs, page.end) == ((), None)


def test_a_page_ends_at_a_job_that_the_caller_may_see(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_pages, "_MOST_QUERIES", 1)
    theirs = put(jobs, 150, owner="you")
    mine = a_job(job_id="f" * 32, created_at="2026-11-21T10:00:00.000Z", owner="me")
    jobs.put_if_absent(mine)

    page = jobs.page(Wanted(ME, FILE_ID), None, 2)

    assert [each.job_id for each in page.jobs] == [mine.job_id]
    assert page.end == Place(mine.created_at, mine.job_id)
    assert page.end.job_id not in {each.job_id for each in theirs}
