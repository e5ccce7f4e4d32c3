"""What an attempt tells of what it used, by the line that it ends with."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from conversion.metrics import NAMESPACE, Metric
from conversion.outcome import Mode
from tests.converter.sounds import Sounds
from tests.converter.world import World
from tests.unit.lambdas.emf import data

MIB = 1024**2
ENDED = "attempt ended"


def ended(process: subprocess.Popen[bytes]) -> tuple[str, list[dict[str, Any]]]:
    text, _ = process.communicate(timeout=30)
    return text.decode(), [json.loads(line) for line in text.decode().splitlines()]


def figures(text: str, deployment: str) -> dict[str, float]:
    """By title, of the only line that CloudWatch makes metrics of."""
    found = data(text)
    assert {each.namespace for each in found} == {NAMESPACE}
    assert {each.dimensions for each in found} == {(("service", deployment),)}
    return {each.name: each.values[0] for each in found}


def test_an_attempt_tells_its_time_its_cpu_its_memory_and_that_it_used_no_disk(
    world: World, sounds: Sounds
) -> None:
    job = world.job(sounds.bytes("wav"), "mp3")

    text, lines = ended(world.start(job, deployment="sluice-prod"))

    told = figures(text, "sluice-prod")
    cpu_of_ffmpeg = sum(line.get("cpuSeconds", 0) for line in lines)
    assert set(told) == {
        "AttemptSeconds", "AttemptCpuSeconds", "AttemptPeakMemory", "AttemptDiskBytes",
        "AttemptsInterrupted",
    }  # fmt: skip
    assert cpu_of_ffmpeg < told["AttemptCpuSeconds"] < 30
    assert told["AttemptSeconds"] < 30
    assert 30 * MIB < told["AttemptPeakMemory"] < 400 * MIB
    assert told["AttemptDiskBytes"] == told["AttemptsInterrupted"] == 0
    assert [(each["attempt"], each["level"]) for each in lines if each["message"] == ENDED] == [
        (1, "INFO")
    ]


def test_an_output_by_way_of_a_file_tells_the_bytes_on_the_disk(
    world: World, sounds: Sounds, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    data = sounds.with_cover("large-cover.mp3", sounds.noisy_cover()).read_bytes()

    job = world.convert(data, "mp3", first_part_bytes=64 * 1024)

    assert job.output is not None
    assert job.output.mode is Mode.FILE
    (line,) = [each for each in caplog.records if each.message == ENDED]
    assert vars(line)[Metric.ATTEMPT_DISK_BYTES.title] == job.output.bytes
    assert line.levelname == "WARNING"


def test_memory_near_the_tasks_own_is_a_warning(
    world: World, sounds: Sounds, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    world.convert(sounds.bytes("wav"), "mp3", task_memory=16)

    (line,) = [each for each in caplog.records if each.message == ENDED]
    assert line.levelname == "WARNING"


@pytest.mark.skipif(sys.platform != "linux", reason="waits for the signal's moment: Linux")
def test_one_that_is_stopped_tells_so_and_the_next_tells_that_it_takes_over(
    world: World, sounds: Sounds, tmp_path: Path
) -> None:
    slow = tmp_path / "ffmpeg"
    slow.write_text(f'#!/bin/sh\n{world.settings.ffmpeg} "$@"\nsleep 1000\n')
    slow.chmod(0o755)
    job = world.job(sounds.bytes("wav"), "mp3")
    process = world.start(job, ffmpeg=str(slow))
    assert process.stdout is not None
    while b"ffmpeg started" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    first, stopped = ended(process)
    second, _ = ended(world.start(job))

    assert figures(first, "sluice")["AttemptsInterrupted"] == 1
    assert figures(second, "sluice")["AttemptsInterrupted"] == 0
    told = [(each["message"], each["attempt"]) for each in stopped if "attempt" in each]
    assert ("interrupted before the job was done", 1) in told
    (takes_over,) = [json.loads(each) for each in second.splitlines() if "takes over" in each]
    assert (takes_over["jobId"], takes_over["attempt"]) == (job.job_id, 2)
