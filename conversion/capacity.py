"""How many jobs may run at once, and how many may wait for that.

A job that runs holds a slot, from before its execution is started until it is over; the others
wait as `created`, oldest first, where everybody can see them.
"""

from __future__ import annotations

from typing import Protocol


class Slots(Protocol):
    """The contract of the slots; conversion/stores/slots.py keeps them in DynamoDB.

    A slot is held by a job's id, so that taking it twice, or giving it back twice, changes nothing.
    """

    def take(self, job_id: str) -> bool:
        """Whether the job holds a slot, now or already; False when all are taken by others."""
        ...

    def give_back(self, job_id: str) -> None: ...

    def holders(self) -> frozenset[str]:
        """The jobs that hold a slot."""
        ...

    def full(self) -> bool: ...
