"""A job's life in any order of events: workers that are stopped and go on, answers that are lost,
cancels, redrives, sweepers, days that pass, and clocks that are ten minutes off.

Each step is what one request to DynamoDB does, and DynamoDB does one after the other on an item: so
every interleaving of workers is an order of such steps. After each of them a reader looks at the
job, and whatever it saw before must still be true.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from moto.dynamodb.models import dynamodb_backends

from conversion.errors import (
    FenceError,
    JobExpired,
    JobFinished,
    JobNotFound,
    SluiceError,
    SupersededAttempt,
)
from conversion.fields import Item
from conversion.job import Job, Status
from conversion.outcome import Failure
from conversion.progress import MOST_BEFORE_VERIFICATION, Progress, Stage, shown
from conversion.stores import clients
from conversion.stores.attributes import from_attributes, to_attributes
from conversion.stores.jobs import Jobs
from conversion.stores.progress import ProgressTable
from tests.contract import pretend, tables
from tests.contract.examples import COST, OUTPUT, SOURCE, a_job
from tests.faults.clocks import Clock, set_clock
from tests.faults.counts import Counts

RETENTION_DAYS = 2
WORKERS = 3

_workers = st.integers(0, WORKERS - 1)
_skews = st.sampled_from([-10.0, 0.0, 10.0])
_percents = st.integers(0, int(MOST_BEFORE_VERIFICATION * 10)).map(lambda each: each / 10)
# What happens, the frequent more than once.
DEEDS = [
    *(["set out"] * 3 + ["claim"] + ["begin"] * 3 + ["report"] * 2),
    *(["complete"] + ["fail"] * 2 + ["cancel"] + ["give up"]),
    *(["wait"] * 2 + ["wait for days"] + ["remove"] * 2),
]
# How a life has begun when anything may happen: so that each of them is lived some times.
PRELUDES = [
    *([], ["set out"], ["set out", "set out"], ["set out", "set out", "set out"]),
    *(["give up"], ["set out", "fail"], ["set out", "set out", "fail"]),
    *(["set out", "set out", "complete"], ["set out", "fail", "wait for days"]),
    *(["set out", "set out", "cancel"], ["set out", "wait for days"]),
]
_OPEN = (Status.CREATED, Status.PROCESSING)


class Run(Enum):
    """Which run of the execution a task that claims belongs to."""

    SAME = "the newest"
    REDRIVE = "a new one: somebody asked for a redrive"
    LATE = "the one before: the task was launched then, and starts only now"


@dataclass
class Worker:
    """A converter: alive for as long as somebody runs it, which may be longer than it should."""

    skew: float = 0.0
    attempt: int = 0  # none yet


@dataclass
class Around:
    """The real stores, and how often what has happened."""

    jobs: Jobs
    progress: ProgressTable
    dynamodb: Any
    clock: Clock
    happened: Counter[str] = field(default_factory=Counter[str])


@dataclass
class Model:
    """What must be true, by the rules alone and without a look at the stores."""

    status: Status = Status.CREATED
    attempt: int = 0
    redrive: int = 0
    reporting: int = 0
    percent: float = 0.0
    outcome: object = None

    @property
    def is_open(self) -> bool:
        return self.status in _OPEN

    def may_claim(self, redrive: int) -> bool:
        if self.is_open:
            return redrive >= self.redrive
        return self.status is Status.FAILED and redrive > self.redrive

    def may_finish(self, attempt: int) -> bool:
        return self.status is Status.PROCESSING and attempt == self.attempt


def looked_at(table: str, job_id: str) -> Item | None:
    """What stands in moto's table, past its API, which takes most of a test's time."""
    backend = dynamodb_backends[pretend.ACCOUNT][pretend.REGION]
    found = backend.get_item(table, to_attributes({"jobId": job_id}))
    if found is None:
        return None
    return from_attributes({name: each.to_regular_json() for name, each in found.attrs.items()})


class LifeCycle(RuleBasedStateMachine):
    around: Around

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.workers = [Worker() for _ in range(WORKERS)]
        self.redrives = 0  # the execution's own count of them
        self.is_gone = False
        self.last_shown = 0.0
        self.last: Job | None = None
        self.outcomes = 0

    @initialize(skews=st.tuples(_skews, _skews, _skews), prelude=st.sampled_from(PRELUDES))
    def begin_life(self, skews: tuple[float, ...], prelude: list[str]) -> None:
        self.around.happened["lives"] += 1
        for worker, skew in zip(self.workers, skews, strict=True):
            worker.skew = skew
        self.job_id = uuid.uuid4().hex
        made = Job.new(self.job_id, "file", SOURCE, a_job().conversion, RETENTION_DAYS)
        with self.around.clock.off(skews[0]):
            written = [self.around.jobs.put_if_absent(made) for _ in range(2)]
        assert written == [True, False]  # S3 announced the object twice
        for deed in prelude:
            self._happens(deed, number=0, run=Run.SAME, percent=50.0, skew=0.0, answer_lost=False)

    @rule(
        deed=st.sampled_from(DEEDS),
        number=_workers,
        run=st.sampled_from(Run),
        percent=_percents,
        skew=_skews,
        answer_lost=st.booleans(),
    )
    def anything(
        self, deed: str, number: int, run: Run, percent: float, skew: float, answer_lost: bool
    ) -> None:
        """One rule for all: of several, Hypothesis would leave some out of each life."""
        self._happens(deed, number, run, percent, skew, answer_lost)

    def _happens(
        self, deed: str, number: int, run: Run, percent: float, skew: float, answer_lost: bool
    ) -> None:
        """`number` 0, which Hypothesis likes to say, claims for the worker whose last attempt is
        the oldest, and acts for the one whose is the newest."""
        by_attempt = sorted(self.workers, key=lambda worker: worker.attempt)
        worker = by_attempt[number if deed in ("set out", "claim") else -1 - number]
        times = 2 if answer_lost else 1
        match deed:
            case "set out":
                if self._claim(worker, run, times):
                    self._begin(worker, times)
                    self._report(worker, percent)
            case "claim":
                self._claim(worker, run, times)
            case "begin":
                self._begin(worker, times)
            case "report":
                self._report(worker, percent)
            case "complete" | "fail":
                self._finish(worker, deed == "complete", times)
            case "cancel":
                self._cancel(skew, times)
            case "give up":
                self._give_up(skew)
            case "remove":
                # One clock is days ahead: not even that removes what lives.
                self._remove(skew + (24 * 60 * RETENTION_DAYS * 2 if times == 2 else 0))
            case "wait":
                self._time_passes(0.3, skew)
                worker.skew = skew  # somebody has set this clock
            case "wait for days":
                for _ in range(RETENTION_DAYS):
                    self._time_passes(1, skew)
                if self.model.is_open or times == 2:  # TTL may be days late
                    self._ttl_deletes()
            case _:
                raise AssertionError(deed)

    def _time_passes(self, days: float, skew: float) -> None:
        """A sweeper, with a clock of its own, keeps alive what lives."""
        with self.around.clock.off(skew):
            self.around.jobs.keep_alive(self.job_id, RETENTION_DAYS)
        self.around.clock.go_on(days=days, seconds=1)

    def _ttl_deletes(self) -> None:
        """By the true time, and whatever the record says."""
        self.around.happened["outlived"] += self.model.is_open
        if not self.is_gone and self._has_expired():
            assert not self.model.is_open, "a live job was deleted"
            self.around.happened["expired"] += 1
            self._delete()
            self._gone()

    # What workers do.

    def _claim(self, worker: Worker, run: Run, times: int) -> bool:
        self.redrives += run is Run.REDRIVE
        redrive = max(self.redrives - (run is Run.LATE), 0)
        may = self.model.may_claim(redrive) and not self.is_gone
        reopens = may and self.model.status is Status.FAILED

        def claim() -> None:
            with self.around.clock.off(worker.skew):
                for _ in range(times):
                    job = self.around.jobs.claim(self.job_id, RETENTION_DAYS, redrive)
                    worker.attempt = job.attempt

        if self._try("claim", claim, may, FenceError):
            attempt = self.model.attempt + times
            assert worker.attempt == attempt
            self.around.happened["reopened"] += reopens
            self.model = replace(
                self.model,
                status=Status.PROCESSING,
                attempt=attempt,
                redrive=redrive,
                outcome=None,
            )
        return may

    def _begin(self, worker: Worker, times: int) -> None:
        def begin() -> None:
            marks = [self.around.progress.begin(self.job_id, worker.attempt) for _ in range(times)]
            assert {mark.percent for mark in marks} == {self.model.percent}

        may = worker.attempt >= self.model.reporting
        if (
            worker.attempt
            and not self.is_gone
            and self._try("begin", begin, may, SupersededAttempt)
        ):
            self.model.reporting = worker.attempt

    def _report(self, worker: Worker, percent: float) -> None:
        report = Progress(worker.attempt, Stage.CONVERTING, percent)
        may = worker.attempt == self.model.reporting

        def write() -> None:
            self.around.progress.report(self.job_id, report)

        if (
            worker.attempt
            and not self.is_gone
            and self._try("report", write, may, SupersededAttempt)
        ):
            self.model.percent = max(self.model.percent, percent)

    def _finish(self, worker: Worker, completes: bool, times: int) -> None:
        """Each outcome is told from every other by the attempt and a number."""
        if not worker.attempt:
            return  # it was never started
        self.outcomes += 1
        mark = f"{worker.attempt}/{self.outcomes}"
        output, failure = replace(OUTPUT, key=mark), Failure("CORRUPT_INPUT", mark)

        def finish() -> None:
            with self.around.clock.off(worker.skew):
                for _ in range(times):
                    if completes:
                        self.around.jobs.complete(self.job_id, worker.attempt, output, COST)
                    else:
                        self.around.jobs.fail(self.job_id, worker.attempt, failure, COST)

        may = self.model.may_finish(worker.attempt) and not self.is_gone
        if self._try("complete" if completes else "fail", finish, may, FenceError):
            self.model.status = Status.COMPLETED if completes else Status.FAILED
            self.model.outcome = output if completes else failure

    # What others do to the job.

    def _cancel(self, skew: float, times: int) -> None:
        may = self.model.is_open or self.model.status is Status.CANCELLED
        may = may and not self.is_gone and not self._has_expired(skew)

        def cancel() -> None:
            with self.around.clock.off(skew):
                for _ in range(times):
                    assert self.around.jobs.cancel(self.job_id).status is Status.CANCELLED

        if self._try("cancel", cancel, may, (JobFinished, JobExpired)):
            self.model.status = Status.CANCELLED

    def _give_up(self, skew: float) -> None:
        failure = Failure("EXECUTION_LOST", "given up")
        with self.around.clock.off(skew):
            gave_up = self.around.jobs.give_up(self.job_id, self.model.attempt, failure)
        assert gave_up is (self.model.is_open and not self.is_gone)
        self._count("give up", gave_up)
        if gave_up:
            self.model.status, self.model.outcome = Status.FAILED, failure

    def _remove(self, skew: float) -> None:
        may = not self.model.is_open and not self.is_gone and self._has_expired(skew)
        with self.around.clock.off(skew):
            assert self.around.jobs.remove(self.job_id) is may
        self._count("remove", may)
        if may:
            self._gone()

    # What must be true.

    @invariant()
    def what_was_true_is_true(self) -> None:
        self.around.happened["steps"] += 1
        job = self._stands()
        assert (job is None) == self.is_gone
        assert not (self.is_gone and self.model.is_open), "a live job is gone"
        if job is not None:
            self._says_what_the_rules_say(job)
            self._has_not_gone_back(job)
            self._shows_no_less(job)
            self.last = job

    def _says_what_the_rules_say(self, job: Job) -> None:
        assert (job.status, job.attempt) == (self.model.status, self.model.attempt)
        assert (job.output or job.failure) == self.model.outcome
        if job.output is not None:
            assert job.output.key.startswith(f"{job.attempt}/"), "not of the newest attempt"

    def _has_not_gone_back(self, job: Job) -> None:
        if (last := self.last) is None:
            return
        assert job.attempt >= last.attempt
        assert job.redrive >= last.redrive
        assert job.status is last.status or last.status.may_become(job.status)
        if last.status in (Status.COMPLETED, Status.CANCELLED):
            assert job == last
        if last.status is Status.FAILED and job != last:
            assert job.redrive > last.redrive, "reopened without a redrive"

    def _shows_no_less(self, job: Job) -> None:
        item = looked_at(tables.PROGRESS, self.job_id)
        seen = shown(job.standing, None if item is None else Progress.from_item(item))
        assert seen.percent >= self.last_shown
        is_completed = job.status is Status.COMPLETED
        assert seen.percent == (100.0 if is_completed else self.model.percent)
        self.last_shown = seen.percent

    def teardown(self) -> None:
        """In the index under the one status it has, and nowhere else: never lost, never doubled."""
        listed = [status for status in Status for _ in self.around.jobs.of_status(status)]
        assert listed == ([] if self.is_gone else [self.model.status])
        self._delete()

    # How all that is done.

    def _try(
        self,
        name: str,
        do: Callable[[], object],
        may: bool,
        refusals: type[SluiceError] | tuple[type[SluiceError], ...],
    ) -> bool:
        """Whether it was done: it must be if it may, and else refused by its own name."""
        expected = JobNotFound if self.is_gone else refusals
        with nullcontext() if may else pytest.raises(expected):
            do()
        self._count(name, may)
        return may

    def _count(self, name: str, done: bool) -> None:
        self.around.happened[name if done else f"{name} refused"] += 1

    def _stands(self) -> Job | None:
        """The record, expired or not."""
        item = looked_at(tables.JOBS, self.job_id)
        return None if item is None else Job.from_item(item)

    def _has_expired(self, skew: float = 0.0) -> bool:
        stands = self._stands()
        with self.around.clock.off(skew):
            return stands is not None and stands.has_expired

    def _delete(self) -> None:
        self.around.dynamodb.delete_item(
            TableName=tables.JOBS, Key=to_attributes({"jobId": self.job_id})
        )

    def _gone(self) -> None:
        """As whoever follows the table does it: the progress goes with the job."""
        self.around.progress.remove(self.job_id)
        self.is_gone = True


@pytest.fixture
def around() -> Iterator[Around]:
    with pretend.aws(), set_clock() as clock:
        dynamodb = clients.dynamodb()
        tables.create_tables(dynamodb)
        jobs = Jobs(dynamodb, tables.JOBS)
        progress = ProgressTable(dynamodb, tables.PROGRESS, RETENTION_DAYS)
        yield Around(jobs, progress, dynamodb, clock)


# What must have come about for the run to prove anything.
_NEEDED = (
    *("claim", "reopened", "begin", "report", "complete", "fail", "cancel", "give up", "remove"),
    *(f"{each} refused" for each in ("claim", "begin", "report", "complete", "fail", "cancel")),
    *("give up refused", "remove refused", "expired", "outlived"),
)


@pytest.mark.parametrize(
    ("lives", "steps"), [(30, 20), pytest.param(100, 50, marks=pytest.mark.long)]
)
def test_whatever_happens_the_job_is_not_lost_nor_doubled_and_never_goes_back(
    around: Around, counts: Counts, lives: int, steps: int
) -> None:
    machine = type("Lives", (LifeCycle,), {"around": around})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=lives,
            stateful_step_count=steps,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )

    happened = around.happened
    counts("life_cycle", **{each.replace(" ", "_"): happened[each] for each in sorted(happened)})
    assert [each for each in _NEEDED if not happened[each]] == []
