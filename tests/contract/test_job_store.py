"""What every JobStore keeps to: one truth a job, changed by the newest attempt alone."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conversion.callers import ANYBODY, Caller
from conversion.clock import utc_now
from conversion.cost import spent
from conversion.errors import (
    FenceError,
    JobExpired,
    JobFinished,
    JobNotFound,
    JobOver,
    SupersededAttempt,
)
from conversion.job import Job, Status
from conversion.job_store import JobStore
from conversion.outcome import Failure
from tests.contract.examples import (
    COST,
    FAILURE,
    FILE_ID,
    JOB,
    JOB_ID,
    LATER,
    LONG_AGO,
    OUTPUT,
    a_job,
    cancelled,
    completed,
    failed,
)

NEVER_AN_ID = ["", "x" * 2049, "é" * 1025, "\ud800"]


def test_a_job_reads_back_as_it_was_written(jobs: JobStore) -> None:
    owned = a_job(job_id="3" * 32, owner="me", delete_after_download=True)
    done, broken = completed(job_id="1" * 32, cost=COST), failed(job_id="2" * 32, redrive=3)
    for each in (JOB, done, broken, owned):
        assert jobs.put_if_absent(each) is True
        assert jobs.get(each.job_id) == each


def test_a_second_put_changes_nothing(jobs: JobStore) -> None:
    jobs.put_if_absent(JOB)
    jobs.claim(JOB_ID, retention_days=7)

    assert jobs.put_if_absent(JOB) is False
    assert jobs.get(JOB_ID).status is Status.PROCESSING


@pytest.mark.parametrize("job_id", [JOB_ID, *NEVER_AN_ID], ids=range(5))
def test_an_unknown_job_is_not_found(jobs: JobStore, job_id: str) -> None:
    with pytest.raises(JobNotFound):
        jobs.get(job_id)


def test_an_expired_job_is_gone_before_it_is_deleted(jobs: JobStore) -> None:
    jobs.put_if_absent(a_job(expires_at=LONG_AGO))

    with pytest.raises(JobExpired):
        jobs.get(JOB_ID)
    assert jobs.of_file(FILE_ID) == []


def test_a_files_jobs_come_oldest_first_and_are_its_own(jobs: JobStore) -> None:
    newer = a_job(job_id="b" * 32, created_at="2026-11-21T10:00:00.000Z")
    for each in (newer, JOB, a_job(job_id="c" * 32, file_id="another")):
        jobs.put_if_absent(each)

    assert jobs.of_file(FILE_ID) == [JOB, newer]


@pytest.mark.parametrize("file_id", ["nobody", *NEVER_AN_ID], ids=range(5))
def test_an_unknown_file_has_no_jobs(jobs: JobStore, file_id: str) -> None:
    assert jobs.of_file(file_id) == []


def test_each_claim_is_a_new_attempt_and_keeps_the_job_alive(jobs: JobStore) -> None:
    jobs.put_if_absent(a_job(expires_at=int(utc_now().timestamp()) + 60))

    first, second = (jobs.claim(JOB_ID, retention_days=7) for _ in range(2))

    assert (first.attempt, second.attempt) == (1, 2)
    assert first.status is Status.PROCESSING
    assert first.updated_at > JOB.updated_at
    assert first.expires_at > utc_now().timestamp() + 6 * 86400
    assert jobs.get(JOB_ID) == second


def test_an_unknown_job_cannot_be_claimed(jobs: JobStore) -> None:
    with pytest.raises(JobNotFound):
        jobs.claim(JOB_ID, retention_days=7)


@pytest.mark.parametrize("over", [completed(), failed(), cancelled()])
def test_what_is_over_stays_as_it_is(jobs: JobStore, over) -> None:
    jobs.put_if_absent(over)

    with pytest.raises(JobOver):
        jobs.claim(JOB_ID, retention_days=7)
    with pytest.raises(JobOver):
        jobs.complete(JOB_ID, over.attempt, replace(OUTPUT, bytes=1))
    with pytest.raises(JobOver):
        jobs.fail(JOB_ID, over.attempt, Failure("INPUT_TOO_LONG", "too long"))
    assert jobs.get(JOB_ID) == over


def test_the_claimant_completes_the_job(jobs: JobStore) -> None:
    jobs.put_if_absent(JOB)
    claimed = jobs.claim(JOB_ID, retention_days=7)

    jobs.complete(JOB_ID, claimed.attempt, OUTPUT)

    found = jobs.get(JOB_ID)
    assert (found.status, found.output, found.failure) == (Status.COMPLETED, OUTPUT, None)
    assert found.updated_at >= claimed.updated_at


def test_the_claimant_fails_the_job(jobs: JobStore) -> None:
    jobs.put_if_absent(JOB)
    claimed = jobs.claim(JOB_ID, retention_days=7)

    jobs.fail(JOB_ID, claimed.attempt, FAILURE)

    found = jobs.get(JOB_ID)
    assert (found.status, found.output, found.failure) == (Status.FAILED, None, FAILURE)


def test_finishing_again_after_a_lost_answer_is_no_error(jobs: JobStore) -> None:
    for job_id, finish in (("a" * 32, "complete"), ("b" * 32, "fail")):
        jobs.put_if_absent(a_job(job_id=job_id))
        attempt = jobs.claim(job_id, retention_days=7).attempt
        outcome = OUTPUT if finish == "complete" else FAILURE
        getattr(jobs, finish)(job_id, attempt, outcome)
        before = jobs.get(job_id)

        getattr(jobs, finish)(job_id, attempt, outcome)

        assert jobs.get(job_id) == before


def test_a_job_that_is_gone_cannot_be_finished(jobs: JobStore) -> None:
    with pytest.raises(JobNotFound):
        jobs.complete(JOB_ID, 1, OUTPUT)
    with pytest.raises(JobNotFound):
        jobs.fail(JOB_ID, 1, FAILURE)


def test_of_two_attempts_only_the_newer_speaks(jobs: JobStore) -> None:
    jobs.put_if_absent(JOB)
    zombie = jobs.claim(JOB_ID, retention_days=7).attempt
    heir = jobs.claim(JOB_ID, retention_days=7).attempt

    with pytest.raises(SupersededAttempt):
        jobs.complete(JOB_ID, zombie, OUTPUT)
    assert jobs.get(JOB_ID).status is Status.PROCESSING

    won = replace(OUTPUT, key=JOB.output_key(heir))
    jobs.complete(JOB_ID, heir, won)
    with pytest.raises(SupersededAttempt):
        jobs.fail(JOB_ID, zombie, FAILURE)
    assert jobs.get(JOB_ID).output == won


def test_the_cost_is_recorded_with_the_outcome(jobs: JobStore) -> None:
    for job_id, finish in (("a" * 32, "complete"), ("b" * 32, "fail")):
        jobs.put_if_absent(a_job(job_id=job_id, estimate=COST))
        attempt = jobs.claim(job_id, retention_days=7).attempt
        outcome = OUTPUT if finish == "complete" else FAILURE
        spent = replace(COST, usd=0.5)

        for _ in range(2):  # the second after a lost answer
            getattr(jobs, finish)(job_id, attempt, outcome, spent)

        assert (jobs.get(job_id).estimate, jobs.get(job_id).cost) == (COST, spent)


@dataclass(frozen=True)
class Operation:
    """What may change a job's status: from which, into what."""

    do: Callable[[JobStore, int], object]
    may: frozenset[Status]
    into: Status


_OPEN = frozenset({Status.CREATED, Status.PROCESSING})
_LATER_OUTPUT = replace(OUTPUT, bytes=1)
_LATER_FAILURE = Failure("TIMED_OUT", "too long")

OPERATIONS = {
    "claim": Operation(
        lambda jobs, _: jobs.claim(JOB_ID, retention_days=7), _OPEN, Status.PROCESSING
    ),
    "claim by a redrive": Operation(
        lambda jobs, _: jobs.claim(JOB_ID, retention_days=7, redrive=1),
        _OPEN | {Status.FAILED},
        Status.PROCESSING,
    ),
    "complete": Operation(
        lambda jobs, attempt: jobs.complete(JOB_ID, attempt, _LATER_OUTPUT),
        frozenset({Status.PROCESSING}),
        Status.COMPLETED,
    ),
    "fail": Operation(
        lambda jobs, attempt: jobs.fail(JOB_ID, attempt, _LATER_FAILURE),
        frozenset({Status.PROCESSING}),
        Status.FAILED,
    ),
    "give up": Operation(
        lambda jobs, attempt: jobs.give_up(JOB_ID, attempt, FAILURE), _OPEN, Status.FAILED
    ),
    "cancel": Operation(lambda jobs, _: jobs.cancel(JOB_ID), _OPEN, Status.CANCELLED),
    "put again": Operation(lambda jobs, _: jobs.put_if_absent(JOB), frozenset(), Status.CREATED),
    "leave": Operation(lambda jobs, _: jobs.leave(JOB_ID, 2 * LATER), frozenset(), Status.CREATED),
    "remove": Operation(lambda jobs, _: jobs.remove(JOB_ID), frozenset(), Status.CREATED),
}

IN = {
    Status.CREATED: JOB,
    Status.PROCESSING: a_job(status=Status.PROCESSING, attempt=1),
    Status.COMPLETED: completed(),
    Status.FAILED: failed(),
    Status.CANCELLED: cancelled(attempt=1),
}


def _after(jobs: JobStore, stands: Job, operation: Operation) -> Job:
    jobs.put_if_absent(stands)
    with suppress(FenceError, JobFinished):
        operation.do(jobs, stands.attempt)
    return jobs.get(JOB_ID)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("status", Status)
def test_each_operation_on_each_status(jobs: JobStore, status: Status, name: str) -> None:
    stands, operation = IN[status], OPERATIONS[name]

    after = _after(jobs, stands, operation)

    if status in operation.may:
        assert after.status is operation.into
        assert status.may_become(after.status)
        assert after.updated_at > stands.updated_at
    else:
        assert after == stands


def test_every_transition_there_may_be_has_an_operation_and_no_other() -> None:
    assert set(IN) == set(Status)
    possible = {
        (status, operation.into)
        for status in Status
        for operation in OPERATIONS.values()
        if status in operation.may
    }
    allowed = {(old, new) for old in Status for new in Status if old.may_become(new)}
    assert possible == allowed


def test_a_redrive_reopens_what_failed_and_leaves_no_failure(jobs: JobStore) -> None:
    jobs.put_if_absent(failed(expires_at=int(utc_now().timestamp()) + 60))

    job = jobs.claim(JOB_ID, retention_days=7, redrive=1)

    assert (job.status, job.attempt, job.redrive) == (Status.PROCESSING, 2, 1)
    assert job.failure is None
    assert job.expires_at > utc_now().timestamp() + 6 * 86400
    assert jobs.get(JOB_ID) == job
    jobs.complete(JOB_ID, 2, OUTPUT)
    assert jobs.get(JOB_ID).status is Status.COMPLETED


def test_each_redrive_reopens_once(jobs: JobStore) -> None:
    """A retry of the same redrive finds what the redrive's own attempt has recorded."""
    jobs.put_if_absent(failed())
    for redrive in (1, 2, 5):
        attempt = jobs.claim(JOB_ID, retention_days=7, redrive=redrive).attempt
        jobs.fail(JOB_ID, attempt, FAILURE)
        before = jobs.get(JOB_ID)
        for same_or_older in range(redrive + 1):
            with pytest.raises(JobOver):
                jobs.claim(JOB_ID, retention_days=7, redrive=same_or_older)
        assert jobs.get(JOB_ID) == before


def test_a_redrive_of_what_never_failed_spends_its_number_too(jobs: JobStore) -> None:
    """An execution that was stopped leaves its job open: the redrive claims it as it stands."""
    jobs.put_if_absent(a_job(status=Status.PROCESSING, attempt=1))

    attempt = jobs.claim(JOB_ID, retention_days=7, redrive=1).attempt
    jobs.fail(JOB_ID, attempt, FAILURE)

    with pytest.raises(JobOver):
        jobs.claim(JOB_ID, retention_days=7, redrive=1)


def test_a_task_of_an_earlier_run_that_starts_late_takes_nothing_from_a_redrive(
    jobs: JobStore,
) -> None:
    jobs.put_if_absent(failed())
    heir = jobs.claim(JOB_ID, retention_days=7, redrive=2)

    for late in (0, 1):
        with pytest.raises(SupersededAttempt):
            jobs.claim(JOB_ID, retention_days=7, redrive=late)

    assert jobs.get(JOB_ID) == heir
    assert jobs.claim(JOB_ID, retention_days=7, redrive=2).attempt == heir.attempt + 1


def test_the_attempt_that_failed_has_no_say_after_a_redrive(jobs: JobStore) -> None:
    jobs.put_if_absent(JOB)
    zombie = jobs.claim(JOB_ID, retention_days=7).attempt
    jobs.fail(JOB_ID, zombie, FAILURE)
    jobs.claim(JOB_ID, retention_days=7, redrive=1)

    with pytest.raises(SupersededAttempt):
        jobs.fail(JOB_ID, zombie, FAILURE)
    with pytest.raises(SupersededAttempt):
        jobs.complete(JOB_ID, zombie, OUTPUT)
    assert jobs.get(JOB_ID).status is Status.PROCESSING


def test_the_same_outcome_by_another_attempt_is_not_ours_written_twice(jobs: JobStore) -> None:
    jobs.put_if_absent(JOB)
    zombie = jobs.claim(JOB_ID, retention_days=7).attempt
    heir = jobs.claim(JOB_ID, retention_days=7).attempt
    jobs.fail(JOB_ID, heir, FAILURE)

    with pytest.raises(SupersededAttempt):
        jobs.fail(JOB_ID, zombie, FAILURE)


def test_what_nobody_speaks_for_is_given_up(jobs: JobStore) -> None:
    jobs.put_if_absent(JOB)
    zombie = jobs.claim(JOB_ID, retention_days=7).attempt

    assert jobs.give_up(JOB_ID, zombie - 1, FAILURE) is False
    assert jobs.give_up(JOB_ID, zombie, FAILURE) is True

    assert (jobs.get(JOB_ID).status, jobs.get(JOB_ID).failure) == (Status.FAILED, FAILURE)
    assert jobs.give_up(JOB_ID, zombie, _LATER_FAILURE) is False
    with pytest.raises(JobOver):
        jobs.complete(JOB_ID, zombie, OUTPUT)
    assert jobs.get(JOB_ID).failure == FAILURE


def test_what_is_gone_is_not_given_up_nor_kept_alive_nor_removed(jobs: JobStore) -> None:
    assert jobs.give_up(JOB_ID, 0, FAILURE) is False
    assert jobs.remove(JOB_ID) is False
    jobs.keep_alive(JOB_ID, retention_days=7)
    with pytest.raises(JobNotFound):
        jobs.get(JOB_ID)


@pytest.mark.parametrize("over", [completed(), failed(), cancelled(attempt=1)])
def test_a_cost_is_recorded_once_for_what_is_over(jobs: JobStore, over: Job) -> None:
    jobs.put_if_absent(over)
    cost = spent(3.0, 1, 10, 0)

    assert jobs.record_cost(JOB_ID, cost) is True
    assert jobs.get(JOB_ID) == replace(over, cost=cost)
    assert jobs.record_cost(JOB_ID, spent(9.0, 2, 10, 0)) is False
    assert jobs.get(JOB_ID).cost == cost


def test_a_job_that_is_not_over_has_no_cost_yet(jobs: JobStore) -> None:
    jobs.put_if_absent(JOB)
    assert jobs.record_cost(JOB_ID, spent(3.0, 1, 10, 0)) is False


@pytest.mark.parametrize("stands", [IN[each] for each in sorted(_OPEN)], ids=["new", "running"])
def test_cancelling_twice_is_no_error_and_the_first_stands(jobs: JobStore, stands: Job) -> None:
    jobs.put_if_absent(stands)

    first = jobs.cancel(JOB_ID)

    assert (first.status, first.attempt) == (Status.CANCELLED, stands.attempt)
    assert jobs.cancel(JOB_ID) == first == jobs.get(JOB_ID)


@pytest.mark.parametrize("over", [completed(), failed()])
def test_what_has_ended_cannot_be_cancelled(jobs: JobStore, over: Job) -> None:
    jobs.put_if_absent(over)
    with pytest.raises(JobFinished, match=over.status):
        jobs.cancel(JOB_ID)
    assert jobs.get(JOB_ID) == over


def test_a_worker_learns_of_the_cancel_when_it_finishes_or_claims(jobs: JobStore) -> None:
    jobs.put_if_absent(JOB)
    attempt = jobs.claim(JOB_ID, retention_days=7).attempt
    jobs.cancel(JOB_ID)

    with pytest.raises(JobOver):
        jobs.complete(JOB_ID, attempt, OUTPUT)
    for redrive in (0, 1):
        with pytest.raises(JobOver):
            jobs.claim(JOB_ID, retention_days=7, redrive=redrive)
    assert jobs.get(JOB_ID).status is Status.CANCELLED


@pytest.mark.parametrize("job_id", [JOB_ID, *NEVER_AN_ID], ids=range(5))
def test_an_unknown_job_cannot_be_cancelled(jobs: JobStore, job_id: str) -> None:
    with pytest.raises(JobNotFound):
        jobs.cancel(job_id)


@pytest.mark.parametrize("status", Status)
def test_an_expired_job_cannot_be_cancelled(jobs: JobStore, status: Status) -> None:
    jobs.put_if_absent(replace(IN[status], expires_at=LONG_AGO))
    with pytest.raises(JobExpired):
        jobs.cancel(JOB_ID)
    assert [job.status for job in jobs.of_status(status)] == [status]


@pytest.mark.parametrize("status", Status)
def test_what_lives_is_kept_alive_and_never_brought_nearer_its_end(
    jobs: JobStore, status: Status
) -> None:
    soon = int(utc_now().timestamp()) + 60
    jobs.put_if_absent(replace(IN[status], expires_at=soon))

    jobs.keep_alive(JOB_ID, retention_days=7)

    kept = jobs.get(JOB_ID)
    if status.is_terminal:
        assert kept == replace(IN[status], expires_at=soon)
        return
    assert kept.expires_at > soon + 6 * 86400
    assert kept == replace(IN[status], expires_at=kept.expires_at)
    jobs.keep_alive(JOB_ID, retention_days=1)
    assert jobs.get(JOB_ID) == kept


@pytest.mark.parametrize("expires_at", [LONG_AGO, LATER], ids=["expired", "not expired"])
@pytest.mark.parametrize("status", Status)
def test_only_what_is_over_and_has_expired_is_removed(
    jobs: JobStore, status: Status, expires_at: int
) -> None:
    jobs.put_if_absent(replace(IN[status], expires_at=expires_at))
    goes = status.is_terminal and expires_at == LONG_AGO

    assert jobs.remove(JOB_ID) is goes
    assert jobs.remove(JOB_ID) is False
    assert len(list(jobs.of_status(status))) == (0 if goes else 1)


def test_a_completed_job_leaves_at_the_moment_it_is_told_to_and_once(jobs: JobStore) -> None:
    jobs.put_if_absent(completed())
    soon = int(utc_now().timestamp()) + 60

    assert jobs.leave(JOB_ID, soon) is True
    assert jobs.get(JOB_ID) == completed(expires_at=soon)
    for other in (soon - 30, soon, soon + 30):
        assert jobs.leave(JOB_ID, other) is False
    assert jobs.get(JOB_ID).expires_at == soon


def test_a_job_never_leaves_later_than_it_would_have(jobs: JobStore) -> None:
    soon = int(utc_now().timestamp()) + 60
    jobs.put_if_absent(completed(expires_at=soon))

    assert jobs.leave(JOB_ID, soon + 1) is False
    assert jobs.get(JOB_ID).expires_at == soon
    assert list(jobs.leaving()) == []


@pytest.mark.parametrize("status", [each for each in Status if each is not Status.COMPLETED])
def test_only_a_completed_job_leaves(jobs: JobStore, status: Status) -> None:
    jobs.put_if_absent(IN[status])
    assert jobs.leave(JOB_ID, LONG_AGO) is False
    assert jobs.get(JOB_ID) == IN[status]


def test_what_is_gone_does_not_leave(jobs: JobStore) -> None:
    assert jobs.leave(JOB_ID, LATER) is False
    with pytest.raises(JobNotFound):
        jobs.get(JOB_ID)


def test_what_has_left_is_told_until_it_is_removed(jobs: JobStore) -> None:
    for each in ("a" * 32, "b" * 32, "c" * 32):
        jobs.put_if_absent(completed(job_id=each))
    soon = int(utc_now().timestamp()) + 60
    jobs.leave("a" * 32, LONG_AGO)
    jobs.leave("b" * 32, soon)

    leaving = [(each.job_id, each.expires_at) for each in jobs.leaving()]
    assert sorted(leaving) == [("a" * 32, LONG_AGO), ("b" * 32, soon)]
    with pytest.raises(JobExpired):
        jobs.get("a" * 32)
    assert jobs.remove("a" * 32) is True
    assert jobs.remove("b" * 32) is False
    assert [each.job_id for each in jobs.leaving()] == ["b" * 32]


MINE, ANOTHERS = Caller("me", sees_all=False), Caller("you", sees_all=False)
OPERATOR = Caller("operator", sees_all=True)


def test_a_job_is_its_owners_and_who_may_see_all(jobs: JobStore) -> None:
    mine = a_job(owner="me")
    jobs.put_if_absent(mine)

    for each in (MINE, OPERATOR, ANYBODY):
        assert jobs.get(JOB_ID, each) == mine
    with pytest.raises(JobNotFound):
        jobs.get(JOB_ID, ANOTHERS)


def test_a_job_without_an_owner_is_nobodys_who_is_asked_for_a_name(jobs: JobStore) -> None:
    jobs.put_if_absent(JOB)
    assert jobs.get(JOB_ID, OPERATOR) == JOB
    for each in (MINE, Caller(None, sees_all=False)):
        with pytest.raises(JobNotFound):
            jobs.get(JOB_ID, each)


def test_of_anothers_job_not_even_its_end_is_told(jobs: JobStore) -> None:
    jobs.put_if_absent(a_job(owner="me", expires_at=LONG_AGO))

    with pytest.raises(JobExpired):
        jobs.get(JOB_ID, MINE)
    with pytest.raises(JobNotFound) as refused:
        jobs.get(JOB_ID, ANOTHERS)
    with pytest.raises(JobNotFound) as unknown:
        jobs.get("f" * 32, ANOTHERS)
    assert str(refused.value).replace(JOB_ID, "f" * 32) == str(unknown.value)


def test_a_job_that_waited_past_its_expiry_is_claimed_and_lives_on(jobs: JobStore) -> None:
    jobs.put_if_absent(a_job(expires_at=LONG_AGO))

    assert jobs.remove(JOB_ID) is False
    jobs.claim(JOB_ID, retention_days=7)

    assert jobs.get(JOB_ID).status is Status.PROCESSING


def test_standings_are_those_of_the_jobs(jobs: JobStore) -> None:
    known = {
        f"{number:032x}": replace(job, job_id=f"{number:032x}", owner="me" if number else None)
        for number, job in enumerate(IN.values())
    }
    for each in known.values():
        jobs.put_if_absent(each)

    standings = jobs.standings(known)

    assert standings == {job_id: job.standing for job_id, job in known.items()}


def test_more_standings_than_one_batch_holds(jobs: JobStore) -> None:
    ids = [f"{number:032x}" for number in range(250)]
    for each in ids[::2]:
        jobs.put_if_absent(a_job(job_id=each))

    assert jobs.standings([*ids, *ids]).keys() == set(ids[::2])
    assert jobs.standings(iter(ids[:4])).keys() == {ids[0], ids[2]}


def test_standings_leave_out_what_is_not_there(jobs: JobStore) -> None:
    jobs.put_if_absent(a_job(expires_at=LONG_AGO))
    assert jobs.standings([JOB_ID, "nobody", *NEVER_AN_ID]) == {}
    assert jobs.standings([]) == {}


def test_the_jobs_of_a_status_come_oldest_first_the_expired_too(jobs: JobStore) -> None:
    """More than a page of them; written in another order than they were made."""
    made = [
        a_job(
            job_id=uuid.uuid4().hex,
            created_at=f"2026-11-21T09:{minute:02}:{second:02}.000Z",
            expires_at=LONG_AGO if second % 3 else LATER,
        )
        for minute in range(5)
        for second in range(50)
    ]
    for each in sorted(made, key=lambda job: job.job_id):
        jobs.put_if_absent(each)
    jobs.put_if_absent(cancelled())

    assert list(jobs.of_status(Status.CREATED)) == made
    assert list(jobs.of_status(Status.CANCELLED)) == [cancelled()]
    assert list(jobs.of_status(Status.FAILED)) == []


def test_a_job_moves_from_one_status_to_the_next(jobs: JobStore) -> None:
    jobs.put_if_absent(JOB)
    claimed = jobs.claim(JOB_ID, retention_days=7)

    assert list(jobs.of_status(Status.CREATED)) == []
    assert list(jobs.of_status(Status.PROCESSING)) == [claimed]


@dataclass
class Model:
    """The rule by which any interleaving is judged."""

    attempt: int = 0
    over: bool = False

    def may_finish(self, attempt: int) -> bool:
        return not self.over and attempt == self.attempt and attempt > 0


_steps = st.lists(
    st.one_of(
        st.just(("claim", 0)),
        st.tuples(st.sampled_from(["complete", "fail"]), st.integers(1, 4)),
    ),
    max_size=12,
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=_steps)
def test_any_interleaving_of_attempts_ends_once(jobs: JobStore, steps) -> None:
    job_id, model, marks = uuid.uuid4().hex, Model(), itertools.count(1)
    jobs.put_if_absent(a_job(job_id=job_id))
    for step, attempt in steps:
        before = jobs.get(job_id)
        allowed = not model.over if step == "claim" else model.may_finish(attempt)
        try:
            if step == "claim":
                assert jobs.claim(job_id, retention_days=7).attempt == model.attempt + 1
            elif step == "complete":
                jobs.complete(job_id, attempt, replace(OUTPUT, bytes=next(marks)))
            else:
                jobs.fail(job_id, attempt, Failure("CORRUPT_INPUT", f"no. {next(marks)}"))
        except FenceError:
            assert not allowed
            assert jobs.get(job_id) == before
        else:
            assert allowed
            model.attempt += step == "claim"
            model.over = step != "claim"
    assert jobs.get(job_id).status.is_terminal == model.over
