"""`sluice up` as a person runs it: ready, used, interrupted, gone."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end import journey
from tests.end_to_end.conftest import Pipeline

pytestmark = pytest.mark.skipif(
    not Path("/proc/self").exists(), reason="finds processes in /proc: Linux only"
)


def family(pid: int) -> dict[int, str]:
    """A process and its descendants, each with its start time: the pair is never used twice."""
    parents: dict[int, tuple[int, str]] = {}
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if entry.name.isdecimal():
            parents[int(entry.name)] = (int(fields[1]), fields[19])
    found = {pid: parents[pid][1]}
    while True:
        more = {each: start for each, (parent, start) in parents.items() if parent in found}
        if more.keys() <= found.keys():
            return found
        found |= more


def alive(processes: dict[int, str]) -> list[int]:
    found: list[int] = []
    for pid, start in processes.items():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[19] == start and fields[0] != "Z":
            found.append(pid)
    return found


@pytest.mark.long
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_sluice_up_leaves_no_process_behind(
    music: dict[str, Path], tmp_path: Path, end: signal.Signals
) -> None:
    up = subprocess.Popen(
        [sys.executable, "-m", "client", "up", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    with up:
        assert up.stdout is not None
        ready = next(line for line in up.stdout if "http://" in line)
        found = re.search(r"http://127\.0\.0\.1:\d+/v1", ready)
        assert found, ready
        file_id = journey.send(found[0], music["wav"], {"format": "mp3"})
        [job] = journey.jobs_of(found[0], file_id)
        assert journey.finished(found[0], job["jobId"])["status"] == "completed"
        processes = family(up.pid)
        assert len(processes) > 2  # the command, the pipeline, the engine and its workers
        up.send_signal(end)
        up.wait(30)
    assert alive(processes) == []
    assert list(tmp_path.iterdir()) == []


def test_a_conversion_leaves_nothing_on_the_converters_disk(
    pipeline: Pipeline, music: dict[str, Path]
) -> None:
    file_id = journey.send(pipeline.api, music["m4a"], {"format": "m4a"})
    [job] = journey.jobs_of(pipeline.api, file_id)
    assert journey.finished(pipeline.api, job["jobId"])["status"] == "completed"
    pipeline.ended(job["jobId"])
    [facts] = task_facts(pipeline, job["jobId"])
    assert facts["exitCode"] == 0
    assert facts["scratchBytes"] == 0
    assert facts["writtenBytes"] == 0
    uploads = pipeline.client("s3").list_multipart_uploads(Bucket=pipeline.bucket)
    assert not [each for each in uploads.get("Uploads", []) if job["jobId"] in each["Key"]]


def task_facts(pipeline: Pipeline, job_id: str) -> list[dict[str, int]]:
    """The closing line of the log of each task that worked on the job."""
    logs = pipeline.client("logs")
    found: list[dict[str, int]] = []
    for group in logs.describe_log_groups()["logGroups"]:
        for stream in logs.describe_log_streams(logGroupName=group["logGroupName"])["logStreams"]:
            events = logs.get_log_events(
                logGroupName=group["logGroupName"], logStreamName=stream["logStreamName"]
            )["events"]
            lines = [event["message"] for event in events]
            if any(job_id in line for line in lines):
                found += [json.loads(line) for line in lines if '"scratchBytes"' in line]
    return found
