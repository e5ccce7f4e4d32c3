"""What is DynamoDB's own about the job store: old records, pages, and batches read in part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from conversion.errors import InvalidRequest, JobOver, RecordsUnavailable
from conversion.fields import Item
from conversion.job import Status
from conversion.stores import clients
from conversion.stores.attributes import to_attributes
from conversion.stores.jobs import Jobs
from tests.contract import tables
from tests.contract.examples import COST, FAILURE, FILE_ID, JOB, JOB_ID, OUTPUT, a_job, failed

IDS = [f"{number:032x}" for number in range(150)]


@pytest.fixture
def client(aws: None) -> Any:
    made = clients.dynamodb()
    tables.create_tables(made)
    return made


@pytest.fixture
def jobs(client: Any) -> Jobs:
    return Jobs(client, tables.JOBS)


@pytest.fixture
def calls(client: Any) -> list[str]:
    """The operations that were asked for, as they were."""
    seen: list[str] = []
    client.meta.events.register(
        "before-call.dynamodb", lambda model, **_: seen.append(model.name), unique_id="calls"
    )
    return seen


@pytest.fixture
def put_old(client: Any) -> Callable[[Item], None]:
    """Write a record as a version did that knew nothing of redrives and costs."""

    def put(item: Item) -> None:
        old = {name: item[name] for name in item.keys() - {"redrive", "estimate", "cost"}}
        client.put_item(TableName=tables.JOBS, Item=to_attributes(old))

    return put


def test_an_old_record_is_read_claimed_and_finished(jobs: Jobs, put_old) -> None:
    put_old(JOB.to_item())

    assert jobs.get(JOB_ID) == JOB
    assert jobs.standings([JOB_ID]) == {JOB_ID: JOB.standing}
    assert list(jobs.of_status(Status.CREATED)) == [JOB]
    attempt = jobs.claim(JOB_ID, retention_days=7).attempt
    jobs.complete(JOB_ID, attempt, OUTPUT, COST)
    assert jobs.get(JOB_ID).cost == COST


def test_a_record_that_cannot_be_read_hides_no_other_and_is_never_taken_for_none(
    jobs: Jobs, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Another release has written it. What a file is needed for must be known for sure."""
    odd = a_job(job_id=IDS[1]).to_item() | {"conversion": {"format": "mp3", "reverb": "hall"}}
    client.put_item(TableName=tables.JOBS, Item=to_attributes(odd))
    jobs.put_if_absent(JOB)

    assert list(jobs.of_status(Status.CREATED)) == [JOB]
    assert [each.getMessage() for each in caplog.records] == ["a job's record cannot be read"]
    with pytest.raises(InvalidRequest):
        jobs.of_file(FILE_ID)


def test_an_old_record_is_claimed_by_a_redrive(jobs: Jobs, put_old) -> None:
    put_old(a_job(status=Status.PROCESSING, attempt=1).to_item())
    assert jobs.claim(JOB_ID, retention_days=7, redrive=2).redrive == 2


def test_an_old_failure_is_reopened_by_a_redrive_alone(jobs: Jobs, put_old) -> None:
    put_old(failed().to_item())

    with pytest.raises(JobOver):
        jobs.claim(JOB_ID, retention_days=7)
    job = jobs.claim(JOB_ID, retention_days=7, redrive=1)
    assert (job.status, job.redrive, job.failure) == (Status.PROCESSING, 1, None)


def test_an_old_record_is_cancelled_or_given_up(jobs: Jobs, put_old) -> None:
    put_old(JOB.to_item())
    assert jobs.give_up(JOB_ID, 0, FAILURE) is True

    put_old(JOB.to_item())
    assert jobs.cancel(JOB_ID).status is Status.CANCELLED


def test_each_change_is_one_write_and_no_read(jobs: Jobs, calls: list[str]) -> None:
    jobs.put_if_absent(JOB)
    jobs.claim(JOB_ID, retention_days=7)
    jobs.keep_alive(JOB_ID, retention_days=8)
    jobs.fail(JOB_ID, 1, FAILURE, COST)
    jobs.claim(JOB_ID, retention_days=7, redrive=1)
    jobs.give_up(JOB_ID, 2, FAILURE)
    jobs.claim(JOB_ID, retention_days=7, redrive=2)
    jobs.cancel(JOB_ID)
    jobs.cancel(JOB_ID)
    jobs.remove(JOB_ID)

    assert calls == ["PutItem", *["UpdateItem"] * 8, "DeleteItem"]


def test_jobs_of_a_status_are_read_as_they_are_asked_for(jobs: Jobs, calls: list[str]) -> None:
    for each in IDS:
        jobs.put_if_absent(a_job(job_id=each))
    calls.clear()

    found = jobs.of_status(Status.CREATED)
    assert calls == []
    next(found)
    assert calls == ["Query"]
    assert len(list(found)) == len(IDS) - 1
    assert calls == ["Query", "Query"]


def test_standings_cost_one_call_for_a_hundred(jobs: Jobs, calls: list[str]) -> None:
    jobs.standings(IDS[:100])
    assert calls == ["BatchGetItem"]


@pytest.fixture
def unwilling(client: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[int]]:
    """`unwilling(n)`: of the next n batches only the first half is read, as by a table that is
    throttled. Gives the sizes of the batches as they are asked for."""
    monkeypatch.setattr("conversion.stores.batches.time.sleep", lambda _: None)

    def leave(times: int) -> list[int]:
        sizes: list[int] = []

        def halve(params: Item, **_: Any) -> None:
            wanted = params["RequestItems"][tables.JOBS]
            sizes.append(len(wanted["Keys"]))
            if len(sizes) <= times:
                left.append({**wanted, "Keys": wanted["Keys"][len(wanted["Keys"]) // 2 :]})
                wanted["Keys"] = wanted["Keys"][: len(wanted["Keys"]) // 2] or wanted["Keys"]

        def say(parsed: Item, **_: Any) -> None:
            if left:
                parsed["UnprocessedKeys"] = {tables.JOBS: left.pop()}

        left: list[Item] = []
        on = client.meta.events.register
        on("provide-client-params.dynamodb.BatchGetItem", halve)
        on("after-call.dynamodb.BatchGetItem", say)
        return sizes

    return leave


def test_what_a_batch_leaves_unread_is_asked_for_again(jobs: Jobs, unwilling) -> None:
    for each in IDS:
        jobs.put_if_absent(a_job(job_id=each))
    sizes = unwilling(3)

    assert jobs.standings(IDS).keys() == set(IDS)
    assert sizes == [100, 50, 25, 13, 50]


def test_a_batch_that_is_never_read_whole_is_unavailable(jobs: Jobs, unwilling) -> None:
    jobs.put_if_absent(JOB)
    sizes = unwilling(99)

    with pytest.raises(RecordsUnavailable):
        jobs.standings(IDS)
    assert len(sizes) == 5
