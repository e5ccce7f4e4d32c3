"""A job's history as lines to read at 3 a.m.: what became of it first, then how it came to that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.filesize import decimal

from client.columns import Row, columns
from client.fields import fields
from client.history import Attempt, Cost, History, LogLine, State
from client.moment import utc
from client.outputs import facts


def story(history: History) -> Iterator[str]:
    yield from _job(history)
    yield ""
    yield from _execution(history)
    if history.states:
        headings = ("STATE", "ENTERED", "SECONDS", "ERROR")
        yield from _titled("States", headings, map(_state, history.states))
    if not history.states_are_whole:
        yield "Its first states are left out: there were too many to read."
    if history.attempts:
        headings = ("ATTEMPT", "STARTED", "SECONDS", "EXIT CODE", "ENDED BECAUSE")
        yield from _titled("Attempts", headings, map(_attempt, history.attempts))
    yield from _log(history)


def _job(history: History) -> Iterator[str]:
    yield f"Job {history.job.job_id}: {history.job.status}"
    for name, value in _facts_of(history):
        if value:
            yield f"  {name:<12}{value}"


def _facts_of(history: History) -> Iterator[tuple[str, str]]:
    job, told = history.job, history.job.told
    if job.failure is not None:
        yield "error", job.failure.code
        yield "what to do", job.failure.message
    size = "" if history.source_bytes is None else decimal(history.source_bytes)
    yield "file", _with(job.file_name, size, str(told.get("fileId") or ""))
    yield "conversion", fields(told.get("conversion") or {})
    if job.output is not None:
        yield "output", _with(job.output.file_name, *facts(job.output), job.output.mode)
    for warning in job.warnings:
        yield "warning", f"{warning.code}: {warning.message}"
    yield "created", utc(job.created_at)
    yield "updated", utc(str(told.get("updatedAt") or ""))
    yield "expires", utc(str(told.get("expiresAt") or ""))
    if told.get("deleteAfterDownload"):
        yield "", "its output goes after the first download"
    yield "estimate", _cost(history.estimate)
    yield "cost", _cost(history.cost)


def _execution(history: History) -> Iterator[str]:
    execution = history.execution
    if execution is None:
        yield "Execution: none; it was not started yet, or is older than its history is kept"
        return
    until = f" to {utc(execution.stopped_at)}" if execution.stopped_at else ", still running"
    again = f", redriven {execution.redrives} times" if execution.redrives else ""
    yield f"Execution: {execution.status}, {utc(execution.started_at)}{until}{again}"


def _state(state: State) -> tuple[str, ...]:
    error = f"{state.error.code}: {state.error.message}" if state.error else ""
    seconds = "still there" if state.left_at is None else _seconds(state.seconds)
    return (state.name, utc(state.entered_at), seconds, error)


def _attempt(attempt: Attempt) -> tuple[str, ...]:
    return (
        str(attempt.number),
        utc(attempt.started_at) if attempt.started_at else "never",
        _lasted(attempt),
        "" if attempt.exit_code is None else str(attempt.exit_code),
        attempt.reason or "",
    )


def _lasted(attempt: Attempt) -> str:
    runs = attempt.started_at is not None and attempt.stopped_at is None
    return "still running" if runs else _seconds(attempt.seconds)


def _log(history: History) -> Iterator[str]:
    if not history.log:
        yield "Log: nothing" + ("" if history.log_is_whole else " yet, or it could not be read")
        return
    more = "" if history.log_is_whole else " (there is more: these are the last)"
    yield f"Log{more}"
    yield from (f"  {_line(each)}" for each in history.log)


def _line(line: LogLine) -> str:
    told = fields(line.fields)
    return f"{utc(line.at)} {line.level:<8}{line.message}{f'  {told}' if told else ''}"


def _titled(title: str, headings: Row, rows: Iterable[Row]) -> Iterator[str]:
    yield title
    yield from (f"  {line}" for line in columns(headings, list(rows)))
    yield ""


def _cost(cost: Cost | None) -> str:
    if cost is None:
        return ""
    vcpu, memory = cost.vcpu_seconds, cost.gb_seconds
    used = "" if vcpu is None or memory is None else f"{vcpu} vCPU s, {memory} GB s, "
    requests = "?" if cost.requests is None else cost.requests
    return f"${cost.usd:.6f} ({used}{requests} requests)"


def _with(name: str, *more: str | None) -> str:
    rest = ", ".join(each for each in more if each)
    return f"{name} ({rest})" if rest else name


def _seconds(told: float | None) -> str:
    return "" if told is None else f"{told:.1f}"
