"""Two hundred jobs at once through the whole pipeline: uploads, events, queue, slots, converters.

They are sent as fast as this machine takes them, so that most wait for a slot. None may fail, none
may be left, whatever order they are worked on in.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest

from tests.faults.counts import Counts
from tests.faults.live import OVER, Live, eventually

FORMATS = ["mp3", "flac", "m4a", "opus", "wav"]
_SOURCE_SECONDS = 3
_SENDERS = 8
# Of all together. A machine with other things to do may need most of it.
_SECONDS_A_JOB = 15


@pytest.mark.long
@pytest.mark.parametrize("many", [12, 200])
def test_many_jobs_at_once_all_complete(
    live: Live, music: Callable[[int], Path], counts: Counts, many: int
) -> None:
    source, asked = music(_SOURCE_SECONDS), list(_shared_out(many))
    began = time.monotonic()
    with ThreadPoolExecutor(_SENDERS) as senders:
        file_ids = list(senders.map(lambda formats: _upload(live, source, formats), asked))
    sent = time.monotonic() - began
    jobs = [
        job
        for file_id, formats in zip(file_ids, asked, strict=True)
        for job in _over(live, file_id, len(formats), began + many * _SECONDS_A_JOB)
    ]
    took = time.monotonic() - began

    failed = [each for each in jobs if each["status"] != "completed"]
    counts("two_hundred", jobs=many, failed=len(failed), stuck=many - len(jobs))
    assert failed == []
    assert len({each["jobId"] for each in jobs}) == many
    assert {each["attempt"] for each in jobs} == {1}
    for each in jobs:
        assert live.ended(each["jobId"])["status"] == "SUCCEEDED"
        assert live.tasks_of(each["jobId"]) == 1
    eventually(lambda: not live.holders(), 30, "all slots to be free")
    facts = list(_facts(live, {each["jobId"] for each in jobs}))
    assert len(facts) == many
    counts.most(
        "two_hundred",
        seconds=round(took, 1),
        seconds_to_send=round(sent, 1),
        peak_KiB_of_a_worker=max(each["peakMemoryKiB"] for each in facts),
    )


def _shared_out(many: int) -> Iterator[list[str]]:
    """What each upload asks for: one format more than the one before, from one to all, in turn."""
    formats, sizes = cycle(FORMATS), cycle(range(1, len(FORMATS) + 1))
    while many:
        size = min(many, next(sizes))
        yield list(islice(formats, size))
        many -= size


def _upload(live: Live, source: Path, formats: list[str]) -> str:
    return live.upload(source, *({"format": each} for each in formats))


def _over(live: Live, file_id: str, many: int, deadline: float) -> list[dict[str, Any]]:
    """The jobs of the file that are over, once there are so many, or when the time is."""
    with suppress(AssertionError):
        eventually(
            lambda: len(_ended_jobs(live, file_id)) >= many,
            max(0, deadline - time.monotonic()),
            f"{many} jobs of file {file_id} to be over",
            pause=0.5,
        )
    return _ended_jobs(live, file_id)


def _ended_jobs(live: Live, file_id: str) -> list[dict[str, Any]]:
    jobs = live.http.get(f"{live.api}/jobs", params={"fileId": file_id}).json()["jobs"]
    return [each for each in jobs if each["status"] in OVER]


def _facts(live: Live, job_ids: set[str]) -> Iterator[dict[str, Any]]:
    """The last line of the log of each of the jobs' tasks: what the machine saw of it."""
    for log in live.pipeline.engine.logs.glob("task-*.log"):
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        if any(line.get("jobId") in job_ids for line in lines):
            yield lines[-1]
