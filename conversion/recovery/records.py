"""What the records of jobs need by themselves: their slots given back, their expiry put off."""

from __future__ import annotations

from datetime import timedelta
from itertools import takewhile

from conversion.clock import utc_now
from conversion.job import Job, Status
from conversion.recovery.pipeline import Counts, Pipeline, is_older, mend

# No job younger than this needs its expiry put off: retention is counted in days, so that the half
# of it is at least this.
_FRESH = timedelta(hours=12)


def give_back_slots(pipeline: Pipeline) -> Counts:
    """A slot is given back when the stream tells that its job is over; this is for when it did not,
    or when the slot was taken in just that moment."""
    holders = pipeline.slots.holders()
    standings = pipeline.jobs.standings(holders)

    def give_back(job_id: str) -> bool:
        pipeline.slots.give_back(job_id)
        return True

    over = [each for each in holders if each not in standings or standings[each].status.is_terminal]
    return mend("slots_given_back", over, give_back)


def hold_slots(pipeline: Pipeline) -> Counts:
    """A job that a redrive has reopened runs without having asked for a slot; so may one whose
    start went unanswered. Counted, they keep others from being started above the cap."""
    holders = pipeline.slots.holders()

    def hold(job: Job) -> bool:
        pipeline.slots.hold(job.job_id)
        return True

    running = pipeline.jobs.of_status(Status.PROCESSING)
    return mend("slots_held", (job for job in running if job.job_id not in holders), hold)


def keep_alive(pipeline: Pipeline, retention_days: int) -> Counts:
    """A job that waits or runs does not expire."""
    soon = (utc_now() + timedelta(days=retention_days) / 2).timestamp()

    def prolong(job: Job) -> bool:
        if job.expires_at >= soon:
            return False
        pipeline.jobs.keep_alive(job.job_id, retention_days)
        return True

    counts = Counts()
    for status in (Status.CREATED, Status.PROCESSING):
        aged = takewhile(
            lambda each: is_older(each.created_at, _FRESH), pipeline.jobs.of_status(status)
        )
        counts += mend("kept_alive", aged, prolong)
    return counts
