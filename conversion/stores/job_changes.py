"""Every change of a job's record, as the one conditional write it is.

A condition looks at what the record says (status, attempt, redrive), never at how two machines'
clocks compare: one that is ten minutes off can then neither lose a job nor double it. Only
`expiresAt` is held against the writer's own clock, days of retention against minutes.

A record of an older version has no `redrive`: it counts as one that was never redriven.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from conversion.clock import expiry, timestamp, utc_now
from conversion.cost import Cost
from conversion.fields import Item
from conversion.job import Status
from conversion.outcome import Failure, Output

# Why a job leaves before its time: the only partition of the index byLeaving.
DOWNLOADED = "downloaded"

_OPEN = "#status IN (:created, :processing)"
_OVER = "#status IN (:completed, :failed, :cancelled)"


@dataclass(frozen=True)
class Change:
    """`values` are plain, by the names the expressions call them. DynamoDB refuses a name or a
    value that no expression uses, so each change brings just its own."""

    update: str
    condition: str
    values: Item
    names: dict[str, str] = field(default_factory=lambda: {"#status": "status"})


def claiming(retention_days: int, redrive: int) -> Change:
    """The attempt number fences, not Step Functions' retry count, which a redrive resets.

    A task of an earlier run that comes late, after a redrive has claimed, must not take the job out
    of the redrive's hands: an open job is for the redrive that it knows, or a newer one.
    """
    now = utc_now()
    condition = f"{_OPEN} AND (attribute_not_exists(redrive) OR redrive <= :redrive)"
    values = _open_values() | {
        ":now": timestamp(now),
        ":expires": expiry(now, retention_days),
        ":redrive": redrive,
        ":one": 1,
    }
    if redrive > 0:
        condition = (
            f"({condition}) OR (#status = :failed AND "
            "(attribute_not_exists(redrive) OR redrive < :redrive))"
        )
        values[":failed"] = Status.FAILED.value
    return Change(
        "SET #status = :processing, redrive = :redrive, updatedAt = :now, expiresAt = :expires "
        "REMOVE failure ADD attempt :one",
        condition,
        values,
    )


def completing(attempt: int, output: Output, cost: Cost | None) -> Change:
    return _finishing(attempt, Status.COMPLETED, "output", output.to_item(), cost)


def failing(attempt: int, failure: Failure, cost: Cost | None) -> Change:
    return _finishing(attempt, Status.FAILED, "failure", failure.to_item(), cost)


def _finishing(attempt: int, status: Status, name: str, outcome: Item, cost: Cost | None) -> Change:
    update = "SET #status = :status, #outcome = :outcome, updatedAt = :now"
    values: Item = {
        ":status": status.value,
        ":outcome": outcome,
        ":now": timestamp(utc_now()),
        ":attempt": attempt,
        ":processing": Status.PROCESSING.value,
    }
    names = {"#status": "status", "#outcome": name}
    if cost is not None:
        update += ", #cost = :cost"
        values[":cost"], names["#cost"] = cost.to_item(), "cost"
    return Change(update, "attempt = :attempt AND #status = :processing", values, names)


def giving_up(attempt: int, failure: Failure) -> Change:
    values = {
        ":failed": Status.FAILED.value,
        ":failure": failure.to_item(),
        ":now": timestamp(utc_now()),
        ":attempt": attempt,
    }
    return Change(
        "SET #status = :failed, failure = :failure, updatedAt = :now",
        f"{_OPEN} AND attempt = :attempt",
        _open_values() | values,
    )


def costing(cost: Cost) -> Change:
    """Without `updatedAt`: the job has not changed by it."""
    return Change(
        "SET #cost = :cost",
        f"{_OVER} AND (attribute_not_exists(#cost) OR attribute_type(#cost, :none))",
        _over_values() | {":cost": cost.to_item(), ":none": "NULL"},
        {"#status": "status", "#cost": "cost"},
    )


def cancelling() -> Change:
    """An expired job is gone for whoever asks, although TTL may delete its record days later."""
    now = utc_now()
    values = {
        ":cancelled": Status.CANCELLED.value,
        ":now": timestamp(now),
        ":seconds": now.timestamp(),
    }
    return Change(
        "SET #status = :cancelled, updatedAt = :now",
        f"{_OPEN} AND expiresAt > :seconds",
        _open_values() | values,
    )


def keeping_alive(retention_days: int) -> Change:
    """Forward only, and without `updatedAt`: that somebody looked after a job is no news of it."""
    return Change(
        "SET expiresAt = :expires",
        f"{_OPEN} AND expiresAt < :expires",
        _open_values() | {":expires": expiry(utc_now(), retention_days)},
    )


def leaving(at: int) -> Change:
    """Never later than it would have, and once: whoever comes second must not put it off. Without
    `updatedAt`: the job has not changed by it."""
    return Change(
        "SET expiresAt = :at, leaving = :downloaded",
        "#status = :completed AND expiresAt > :at AND attribute_not_exists(leaving)",
        {":at": at, ":downloaded": DOWNLOADED, ":completed": Status.COMPLETED.value},
    )


def removing() -> Change:
    """A delete updates nothing. What is not over stays however long ago it was to expire."""
    return Change(
        "",
        f"{_OVER} AND expiresAt <= :seconds",
        _over_values() | {":seconds": utc_now().timestamp()},
    )


def _over_values() -> Item:
    return {f":{each.value}": each.value for each in Status if each.is_terminal}


def _open_values() -> Item:
    return {":created": Status.CREATED.value, ":processing": Status.PROCESSING.value}
