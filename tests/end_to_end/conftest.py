"""The whole pipeline, started once as the command a person types, and audio to send through it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.child import client_of
from local.ffmpeg import Ffmpeg, find_ffmpeg
from local.sample import make_sample


@dataclass(frozen=True)
class Pipeline:
    """A running local pipeline: its API for clients, its engine for operators."""

    api: str
    engine: str
    bucket: str
    state_machine_arn: str

    def client(self, service: str) -> Any:
        return client_of(self.engine, service)

    def execution_arn(self, job_id: str) -> str:
        return self.state_machine_arn.replace(":stateMachine:", ":execution:") + f":{job_id}"

    def ended(self, job_id: str) -> dict[str, Any]:
        """The job's execution once it is over: a moment after its record says that the job is."""
        states = self.client("stepfunctions")
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            found = states.describe_execution(executionArn=self.execution_arn(job_id))
            if found["status"] != "RUNNING":
                return found
            time.sleep(0.1)
        raise AssertionError(f"the execution of job {job_id} does not end")

    def states(self, job_id: str) -> list[str]:
        """The states an execution that is over has entered, in order."""
        self.ended(job_id)
        states = self.client("stepfunctions")
        history = states.get_execution_history(executionArn=self.execution_arn(job_id))
        return [
            event["stateEnteredEventDetails"]["name"]
            for event in history["events"]
            if "stateEnteredEventDetails" in event
        ]

    def executions_named(self, job_id: str) -> int:
        states = self.client("stepfunctions")
        pages = states.get_paginator("list_executions").paginate(
            stateMachineArn=self.state_machine_arn
        )
        return sum(each["name"] == job_id for page in pages for each in page["executions"])


@pytest.fixture(scope="session")
def pipeline() -> Iterator[Pipeline]:
    process = subprocess.Popen(
        [sys.executable, "-m", "local", "--port", "0", "--ready-json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "the local pipeline did not start; its reason is above"
        ready = json.loads(line)
        yield Pipeline(ready["api"], ready["engine"], ready["bucket"], ready["stateMachineArn"])
    assert process.returncode == 0


@pytest.fixture(scope="session")
def ffmpeg() -> Ffmpeg:
    return find_ffmpeg()


@pytest.fixture(scope="session")
def music(ffmpeg: Ffmpeg, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Five seconds of the demo's music, by suffix: wav, m4a (moov last, cover), flac (cover)."""
    folder = tmp_path_factory.mktemp("music")
    files = {suffix: folder / f"music.{suffix}" for suffix in ("wav", "m4a", "flac")}
    for path in files.values():
        make_sample(str(ffmpeg.ffmpeg), path, seconds=5)
    return files


@pytest.fixture(scope="session")
def concert(ffmpeg: Ffmpeg, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two minutes of a tone in stereo: 21 MB, so that it is sent in three parts."""
    path = tmp_path_factory.mktemp("concert") / "concert.wav"
    make_tone(ffmpeg, path, seconds=120)
    return path


def make_tone(tools: Ffmpeg, path: Path, seconds: float) -> None:
    """16 bit stereo at 44.1 kHz: 176,400 bytes a second, where the suffix is .wav."""
    tone = ["-f", "lavfi", "-i", f"sine=frequency=330:sample_rate=44100:duration={seconds}"]
    command = [tools.ffmpeg, "-v", "error", "-nostdin", *tone, "-ac", "2", "-y", path]
    subprocess.run(command, check=True)
