"""`make demo`: one real file through the whole local pipeline, and all there is to see of it.

It does what a stranger would: runs `python -m local` and `sluice convert` as the commands they
are, then asks the engine, as an operator would ask AWS, what the execution did.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from local.child import client_of
from local.ffmpeg import find_ffmpeg
from local.sample import make_sample

OUT = Path("out")


@dataclass(frozen=True)
class StateVisit:
    """One state an execution went through, and how long it stayed."""

    name: str
    seconds: float


def main() -> int:
    console = Console(soft_wrap=True)
    started = time.monotonic()
    console.print("Starting the local pipeline (the first time it synthesises the templates) …")
    pipeline = subprocess.Popen(
        [sys.executable, "-m", "local", "--port", "0", "--ready-json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with pipeline, tempfile.TemporaryDirectory() as scratch:
        assert pipeline.stdout is not None
        line = pipeline.stdout.readline()
        if not line:
            return pipeline.wait() or 1
        ready = json.loads(line)
        spent = ", ".join(f"{name} {value:.1f} s" for name, value in ready["seconds"].items())
        console.print(f"It answers at {ready['api']}  ({spent})\n")
        code = _convert_and_show(console, ready, Path(scratch))
    console.print(f"\nAll done in {time.monotonic() - started:.1f} s; the pipeline is stopped.")
    return code or pipeline.returncode


def _convert_and_show(console: Console, ready: dict[str, Any], scratch: Path) -> int:
    tools = find_ffmpeg()
    sample = scratch / "First Light.m4a"
    make_sample(str(tools.ffmpeg), sample)
    console.print(f"In: {sample.name}, {sample.stat().st_size:,} bytes, made with {tools.ffmpeg}")
    command = ["convert", str(sample), "--to", "mp3", "--out", str(OUT), "--api", ready["api"]]
    run = subprocess.run(
        [sys.executable, "-m", "client", *command, "--json"], stdout=subprocess.PIPE, text=True
    )
    result = json.loads(run.stdout)
    console.print(f"\n$ sluice {' '.join(command)} --json")
    console.print_json(run.stdout)
    if result["jobId"]:
        _show_execution(console, ready, result["jobId"])
    _show_leftovers(console, ready)
    if result["output"]:
        console.print(f"\nOut: {result['output']}, as ffprobe sees it:")
        subprocess.run([str(tools.ffprobe), "-hide_banner", result["output"]], check=True)
    return run.returncode


def _show_execution(console: Console, ready: dict[str, Any], job_id: str) -> None:
    client = client_of(ready["engine"], "stepfunctions")
    arn = ready["stateMachineArn"].replace(":stateMachine:", ":execution:") + f":{job_id}"
    history = client.get_execution_history(executionArn=arn, maxResults=1000)["events"]
    console.print(f"\nThe execution named {job_id}, as Step Functions tells it:")
    table = Table()
    table.add_column("state")
    table.add_column("seconds", justify="right")
    for visit in state_visits(history):
        table.add_row(visit.name, f"{visit.seconds:.3f}")
    console.print(table)
    console.print(f"It ended as {client.describe_execution(executionArn=arn)['status']}.")


def state_visits(history: list[dict[str, Any]]) -> list[StateVisit]:
    """The states an execution entered, in order; each lasts until the next is entered or the
    execution ends, since terminal states leave no exit event behind."""
    entered: list[tuple[str, datetime]] = [
        (event["stateEnteredEventDetails"]["name"], event["timestamp"])
        for event in history
        if "stateEnteredEventDetails" in event
    ]
    ends = [moment for _, moment in entered[1:]] + [history[-1]["timestamp"]]
    return [
        StateVisit(name, (end - begin).total_seconds())
        for (name, begin), end in zip(entered, ends, strict=True)
    ]


def _show_leftovers(console: Console, ready: dict[str, Any]) -> None:
    uploads = client_of(ready["engine"], "s3").list_multipart_uploads(Bucket=ready["bucket"])
    console.print(f"Multipart uploads left open: {len(uploads.get('Uploads', []))}")
    for facts in task_facts(client_of(ready["engine"], "logs")):
        console.print(
            f"The converter ended with code {facts['exitCode']} after {facts['seconds']:.1f} s, "
            f"wrote {facts['writtenBytes']} bytes to its disk and left {facts['scratchBytes']}, "
            f"and held {facts['peakMemoryKiB'] / 1024:.0f} MiB at most, ffmpeg included."
        )


def task_facts(logs: Any) -> list[dict[str, Any]]:
    """What local/task_process.py wrote as the last line of each task's log."""
    groups = [each["logGroupName"] for each in logs.describe_log_groups()["logGroups"]]
    lines = [
        event["message"]
        for group in groups
        for stream in logs.describe_log_streams(logGroupName=group)["logStreams"]
        for event in logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])[
            "events"
        ]
    ]
    return [json.loads(line) for line in lines if '"scratchBytes"' in line]


if __name__ == "__main__":
    sys.exit(main())
