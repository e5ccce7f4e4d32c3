"""A job's history, as the API tells it: what was done for it, when, for how long, and what it said.

Read for people at night: what is missing is left out, so that a strange part hides no other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from client.answers import Failure, Job
from client.reading import number, whole

Part = TypeVar("Part")


@dataclass(frozen=True)
class Execution:
    """Of the state machine; it is called as the job's id."""

    status: str
    started_at: str
    stopped_at: str | None
    redrives: int

    @classmethod
    def from_json(cls, body: Any) -> Execution:
        return cls(
            status=str(body["status"]),
            started_at=str(body["startedAt"]),
            stopped_at=_text(body.get("stoppedAt")),
            redrives=int(body.get("redrives") or 0),
        )


@dataclass(frozen=True)
class State:
    name: str
    entered_at: str
    left_at: str | None
    seconds: float | None
    error: Failure | None

    @classmethod
    def from_json(cls, body: Any) -> State:
        return cls(
            name=str(body["name"]),
            entered_at=str(body["enteredAt"]),
            left_at=_text(body.get("leftAt")),
            seconds=number(body.get("seconds")),
            error=Failure.from_json(body.get("error")),
        )


@dataclass(frozen=True)
class Attempt:
    """One task; `reason` is a sentence on how it ended. Without `started_at` it never ran."""

    number: int
    started_at: str | None
    stopped_at: str | None
    seconds: float | None
    exit_code: int | None
    reason: str | None

    @classmethod
    def from_json(cls, body: Any) -> Attempt:
        code = body.get("exitCode")
        return cls(
            number=int(body["number"]),
            started_at=_text(body.get("startedAt")),
            stopped_at=_text(body.get("stoppedAt")),
            seconds=number(body.get("seconds")),
            exit_code=None if code is None else int(code),
            reason=_text(body.get("reason")),
        )


@dataclass(frozen=True)
class LogLine:
    at: str
    level: str
    message: str
    fields: Mapping[str, Any]

    @classmethod
    def from_json(cls, body: Any) -> LogLine:
        told = body.get("fields") or {}
        fields = {str(name): value for name, value in told.items()}
        return cls(str(body["at"]), str(body["level"]), str(body["message"]), fields)


@dataclass(frozen=True)
class Cost:
    """In US dollars, and of what it is made up."""

    usd: float
    vcpu_seconds: float | None
    gb_seconds: float | None
    requests: int | None

    @classmethod
    def from_json(cls, body: Any) -> Cost | None:
        if not body or body.get("usd") is None:
            return None
        requests = body.get("requests")
        return cls(
            usd=float(body["usd"]),
            vcpu_seconds=number(body.get("vcpuSeconds")),
            gb_seconds=number(body.get("gbSeconds")),
            requests=None if requests is None else whole(requests),
        )


@dataclass(frozen=True)
class History:
    """Without `execution` none was started, or it is gone: they are kept for 90 days (Step
    Functions service quotas, "Execution history retention time")."""

    job: Job
    source_bytes: int | None
    estimate: Cost | None
    cost: Cost | None
    execution: Execution | None
    states: tuple[State, ...]
    states_are_whole: bool
    attempts: tuple[Attempt, ...]
    log: tuple[LogLine, ...]
    log_is_whole: bool
    # All of it, as it was told.
    told: Mapping[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, body: Any) -> History:
        job, execution = body["job"], body.get("execution")
        size = (job.get("source") or {}).get("bytes")
        return cls(
            job=Job.from_json(job),
            source_bytes=None if size is None else whole(size),
            estimate=Cost.from_json(job.get("estimate")),
            cost=Cost.from_json(job.get("cost")),
            execution=Execution.from_json(execution) if execution else None,
            states=_each(body.get("states"), State.from_json),
            states_are_whole=bool(body.get("statesAreWhole", True)),
            attempts=_each(body.get("attempts"), Attempt.from_json),
            log=_each(body.get("log"), LogLine.from_json),
            log_is_whole=bool(body.get("logIsWhole", True)),
            told=body,
        )


def _each(parts: Any, shape: Callable[[Any], Part]) -> tuple[Part, ...]:
    return tuple(shape(each) for each in parts or ())


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
