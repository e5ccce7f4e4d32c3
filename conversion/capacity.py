"""How many jobs may run at once, and how many may wait for that.

A job that runs holds a slot, from before its execution is started until it is over; the others
wait as `created`, oldest first, where everybody can see them.
"""

from __future__ import annotations

from itertools import islice
from typing import Protocol

from conversion.errors import TooManyJobs
from conversion.job import Status
from conversion.job_store import JobStore


class Slots(Protocol):
    """The contract of the slots; conversion/stores/slots.py keeps them in DynamoDB.

    A slot is held by a job's id, so that taking it twice, or giving it back twice, changes nothing.
    """

    def take(self, job_id: str) -> bool:
        """Whether the job holds a slot, now or already; False when all are taken by others."""
        ...

    def hold(self, job_id: str) -> None:
        """Count a job that runs already, whether or not a slot is free."""
        ...

    def give_back(self, job_id: str) -> None: ...

    def holders(self) -> frozenset[str]:
        """The jobs that hold a slot."""
        ...

    @property
    def most(self) -> int:
        """How many there are."""
        ...


def refuse_when_full(jobs: JobStore, slots: Slots, most_waiting: int) -> None:
    """Raises TooManyJobs when no slot is free and `most_waiting` jobs wait for one already.

    Jobs are counted only then, and no further than that. Requests that come at the same moment may
    all still find room: the limit is one of decency, not of arithmetic.
    """
    held = slots.holders()
    if len(held) < slots.most:
        return
    waiting = (each for each in jobs.of_status(Status.CREATED) if each.job_id not in held)
    if sum(1 for _ in islice(waiting, most_waiting)) >= most_waiting:
        raise TooManyJobs(
            f"{most_waiting} jobs wait to be started already; ask again when some are done."
        )
