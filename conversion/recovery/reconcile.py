"""Jobs against executions: each job that runs has an execution that runs, and no other has.

The states to mend, and how they come about: a job whose execution was never started (StartExecution
was throttled, or the function died before it); one whose execution has ended while the job has not
(it was stopped by hand, outlived its time, or failed where the flow cannot record it); a cancelled
job whose execution runs (StopExecution met an outage).

Whatever is acted on has been asked of Step Functions just before, never inferred from the time:
a clock that jumps can put off a repair but cause none. The only thing that time decides is whom to
ask, because an index and a listing lag by moments.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from conversion.cancel import stop_cancelled
from conversion.errors import ExecutionLost, ExecutionStopped, TimedOut
from conversion.execution import Executions, ExecutionStatus
from conversion.job import Standing, Status
from conversion.job_store import JobStore
from conversion.outcome import Failure
from conversion.recovery.pipeline import Counts, Pipeline, is_older, mend

log = logging.getLogger(__name__)

# Whoever has just written a record is about to do the rest by himself.
_GRACE = timedelta(minutes=2)

_ENDED = {
    ExecutionStatus.ABORTED: Failure(
        ExecutionStopped.code,
        "The execution was stopped before the conversion was done; redrive it, or convert the "
        "file again.",
    ),
    ExecutionStatus.TIMED_OUT: Failure(
        TimedOut.code,
        "The execution reached its limit of two days, all tries and waits among them; convert the "
        "file again, or split it if its own conversion takes that long.",
    ),
}
_LOST = Failure(
    ExecutionLost.code,
    "The execution ended without leaving an outcome. See its last state, then redrive it, or "
    "convert the file again.",
)


def settle(job_id: str, jobs: JobStore, executions: Executions) -> bool:
    """Fail the job if its execution has ended and left it open; False when there was nothing to do.

    Safe at any moment, also right behind the execution's end: what the flow records it records
    before that, and the write holds only while the job is open. Against a redrive that begins in
    between, too: either its claim comes first, and the write does not hold for the attempt that
    was looked at, or it reopens what was failed here (`JobStore.claim`).
    """
    standing = jobs.standings([job_id]).get(job_id)
    status = executions.status(job_id)
    if standing is None or status is None or not status.has_ended:
        return False
    failure = _ENDED.get(status, _LOST)
    if not jobs.give_up(job_id, standing.attempt, failure):
        return False
    told = {"job_id": job_id, "code": failure.code, "execution": status.value}
    log.warning("a job was left open by its execution", extra=told)
    return True


def reconcile(pipeline: Pipeline) -> Counts:
    """Start what has a slot, or is at work, and has no execution; fail what its execution left."""

    def restart(standing: Standing) -> bool:
        pipeline.executions.start(standing.job_id)
        log.warning("a job had no execution", extra={"job_id": standing.job_id})
        return True

    def settle_one(standing: Standing) -> bool:
        return settle(standing.job_id, pipeline.jobs, pipeline.executions)

    idle = [(each, pipeline.executions.status(each.job_id)) for each in _idle(pipeline)]
    never = [each for each, status in idle if status is None]
    ended = [each for each, status in idle if status is not None]
    return mend("restarted", never, restart) + mend("given_up", ended, settle_one)


def _idle(pipeline: Pipeline) -> list[Standing]:
    """Jobs that should be running and are not listed as such, for long enough to be believed."""
    at_work = {each.job_id for each in pipeline.jobs.of_status(Status.PROCESSING)}
    asked = (at_work | pipeline.slots.holders()) - pipeline.executions.running()
    return [
        each
        for each in pipeline.jobs.standings(asked).values()
        if not each.status.is_terminal and is_older(each.updated_at, _GRACE)
    ]


def stop_cancelled_again(pipeline: Pipeline) -> Counts:
    def stop(standing: Standing) -> bool:
        stop_cancelled(standing.job_id, pipeline.executions)
        log.warning("a cancelled job still ran", extra={"job_id": standing.job_id})
        return True

    standings = pipeline.jobs.standings(pipeline.executions.running()).values()
    lingering = (
        each
        for each in standings
        if each.status is Status.CANCELLED and is_older(each.updated_at, _GRACE)
    )
    return mend("stopped", lingering, stop)
