"""What every JobStore lists, page by page: each job once, in one order, and nothing of others'."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conversion.callers import ANYBODY, Caller
from conversion.job import Job, Status
from conversion.job_store import JobStore
from conversion.listing import Place, Wanted
from tests.contract.examples import FILE_ID, JOB, LONG_AGO, a_job, cancelled, completed, failed

ME, YOU = Caller("me", sees_all=False), Caller("you", sees_all=False)
NOBODY = Caller(None, sees_all=False)
OPERATOR = Caller("operator", sees_all=True)

IN = [JOB, a_job(status=Status.PROCESSING, attempt=1), completed(), failed(), cancelled()]


def several(count: int, **changes: object) -> list[Job]:
    """Jobs of all statuses and a second apart, three of each second in the same millisecond;
    newest first, and of a millisecond those with the highest id."""
    made = [
        replace(
            IN[number % len(IN)],
            job_id=uuid.UUID(int=random.Random(number).getrandbits(128)).hex,
            created_at=f"2026-11-21T09:30:{number // 3:02}.000Z",
            **changes,
        )
        for number in range(count)
    ]
    return in_order(made)


def in_order(jobs: Iterable[Job]) -> list[Job]:
    return sorted(jobs, key=key, reverse=True)


def key(each: Job | Place) -> tuple[str, str]:
    return each.created_at, each.job_id


def put(jobs: JobStore, made: list[Job]) -> list[Job]:
    for each in random.Random(1).sample(made, len(made)):
        jobs.put_if_absent(each)
    return made


def read(jobs: JobStore, wanted: Wanted, most: int = 100) -> list[Job]:
    """All pages, one after the other, by what a client holds of the last."""
    found, after = list[Job](), None
    while True:
        page = jobs.page(wanted, after, most)
        assert len(page.jobs) <= most
        found += page.jobs
        if page.end is None:
            return found
        assert after is None or key(page.end) < key(after), "a page gets on"
        after = Place.from_cursor(page.end.to_cursor())


def test_a_store_without_jobs_has_one_empty_page(jobs: JobStore) -> None:
    for wanted in (
        Wanted(ANYBODY), Wanted(ME), Wanted(ANYBODY, FILE_ID), Wanted(ANYBODY, None, Status.FAILED)
    ):  # fmt: skip
        page = jobs.page(wanted, None, 50)
        assert (page.jobs, page.end) == ((), None)


@pytest.mark.parametrize("most", [1, 2, 3, 7, 100])
def test_all_jobs_come_newest_first_whatever_their_status(jobs: JobStore, most: int) -> None:
    made = put(jobs, several(17))
    assert read(jobs, Wanted(ANYBODY), most) == made


@pytest.mark.parametrize("most", [1, 2, 3, 7, 100])
def test_a_files_jobs_come_newest_first_and_are_its_own(jobs: JobStore, most: int) -> None:
    put(jobs, several(4, file_id="another"))
    made = put(jobs, [replace(each, job_id=uuid.uuid4().hex) for each in several(11)])

    assert read(jobs, Wanted(ANYBODY, FILE_ID), most) == in_order(made)


@pytest.mark.parametrize("file_id", ["nobody", "", "x" * 2049, "\ud800"], ids=range(4))
def test_an_unknown_file_has_none(jobs: JobStore, file_id: str) -> None:
    put(jobs, several(3))
    assert read(jobs, Wanted(ANYBODY, file_id)) == []


@pytest.mark.parametrize("caller", [ANYBODY, ME], ids=["of everybody", "of mine"])
@pytest.mark.parametrize("file_id", [None, FILE_ID], ids=["any file", "of a file"])
@pytest.mark.parametrize("status", Status)
def test_those_of_a_status(
    jobs: JobStore, status: Status, file_id: str | None, caller: Caller
) -> None:
    made = put(jobs, several(20, owner="me"))
    expected = [each for each in made if each.status is status]
    assert read(jobs, Wanted(caller, file_id, status), 3) == expected
    assert len(expected) == 4


@pytest.mark.parametrize("most", [2, 100])
def test_a_caller_sees_its_own_and_no_others(jobs: JobStore, most: int) -> None:
    made = several(15)
    owners = ["me", "you", None]
    owned = put(
        jobs, [replace(each, owner=owners[n % 3]) for n, each in enumerate(made)]
    )  # one of each second
    mine = [each for each in owned if each.owner == "me"]

    for file_id in (None, FILE_ID):
        assert read(jobs, Wanted(ME, file_id), most) == mine
        assert len(read(jobs, Wanted(YOU, file_id), most)) == 5
        assert read(jobs, Wanted(NOBODY, file_id), most) == []
        assert read(jobs, Wanted(OPERATOR, file_id), most) == owned


def test_that_there_are_others_jobs_is_not_told_by_a_cursor(jobs: JobStore) -> None:
    put(jobs, [replace(each, owner="you") for each in several(9)])
    mine = a_job(job_id="f" * 32, owner="me", created_at="2026-11-22T00:00:00.000Z")
    jobs.put_if_absent(mine)

    page = jobs.page(Wanted(ME, FILE_ID), None, 1)
    assert (page.jobs, page.end) == ((mine,), None)


def test_what_has_expired_is_not_listed(jobs: JobStore) -> None:
    made = several(12)
    put(jobs, [replace(each, expires_at=LONG_AGO) for each in made[::2]] + made[1::2])

    assert read(jobs, Wanted(ANYBODY), 4) == made[1::2]
    assert read(jobs, Wanted(ANYBODY, FILE_ID), 4) == made[1::2]


def test_the_last_page_says_that_it_is_the_last(jobs: JobStore) -> None:
    made = put(jobs, several(6))
    first = jobs.page(Wanted(ANYBODY), None, 3)
    assert first.end == Place(made[2].created_at, made[2].job_id)
    assert jobs.page(Wanted(ANYBODY), first.end, 3).end is None


def test_a_job_that_goes_on_to_another_status_is_neither_missed_nor_told_twice(
    jobs: JobStore,
) -> None:
    made = put(jobs, [a_job(job_id=each.job_id, created_at=each.created_at) for each in several(9)])
    first = jobs.page(Wanted(ANYBODY), None, 4)
    for each in (made[3], made[4], made[8]):
        jobs.claim(each.job_id, retention_days=7)

    rest = jobs.page(Wanted(ANYBODY), first.end, 100)
    assert [each.job_id for each in (*first.jobs, *rest.jobs)] == [each.job_id for each in made]


def test_a_page_goes_on_behind_a_job_that_is_gone(jobs: JobStore) -> None:
    made = [completed(job_id=each.job_id, created_at=each.created_at) for each in several(9)]
    put(jobs, made)
    first = jobs.page(Wanted(ANYBODY), None, 4)
    assert jobs.leave(made[3].job_id, LONG_AGO)
    assert jobs.remove(made[3].job_id)

    assert jobs.page(Wanted(ANYBODY), first.end, 100).jobs == tuple(made[4:])


@pytest.mark.parametrize(
    "place",
    [
        Place("0000-01-01T00:00:00.000Z", "0" * 32),
        Place("9999-99-99T99:99:99.999Z", "f" * 32),
        Place("2026-11-21T09:30:03.000Z", "8" * 32),
    ],
)
def test_a_place_that_somebody_has_made_up_leads_to_nothing_of_others(
    jobs: JobStore, place: Place
) -> None:
    made = put(jobs, [replace(each, owner="me") for each in several(12)])

    behind = [each for each in made if key(each) < key(place)]
    assert list(jobs.page(Wanted(ME), place, 100).jobs) == behind
    for file_id in (None, FILE_ID):
        page = jobs.page(Wanted(YOU, file_id), place, 100)
        assert (page.jobs, page.end) == ((), None)


_made = st.lists(
    st.tuples(st.sampled_from(IN), st.integers(0, 3), st.sampled_from([None, "me", "you"])),
    max_size=12,
)


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(made=_made, most=st.integers(1, 4), status=st.sampled_from([None, *Status]))
def test_whatever_there_is_each_caller_reads_all_of_its_own_once(
    jobs: JobStore, made, most: int, status: Status | None
) -> None:
    """What other examples have left in the store is others'."""
    mark = uuid.uuid4().hex
    of_file = [
        replace(
            job,
            job_id=uuid.uuid4().hex,
            file_id=mark,
            owner=owner and owner + mark,
            created_at=f"2026-11-21T09:30:00.{millisecond:03}Z",
        )
        for job, millisecond, owner in made
    ]
    put(jobs, of_file)
    for caller in (Caller(f"me{mark}", sees_all=False), Caller(f"you{mark}", sees_all=False)):
        its = [each for each in in_order(of_file) if caller.may_see(each.owner)]
        expected = [each for each in its if status in (None, each.status)]
        for file_id in (mark, None):
            assert read(jobs, Wanted(caller, file_id, status), most) == expected
    expected = [each for each in in_order(of_file) if status in (None, each.status)]
    assert read(jobs, Wanted(ANYBODY, mark, status), most) == expected
