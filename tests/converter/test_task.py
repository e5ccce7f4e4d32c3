"""The task as a process: its exit codes, its log, and how it takes being stopped."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from conversion.job import Status
from conversion.outcome import Failure
from tests.converter.sounds import Sounds
from tests.converter.world import World


def _wait(until: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _ended(process: subprocess.Popen[bytes]) -> tuple[int, list[dict[str, object]]]:
    text, _ = process.communicate(timeout=30)
    return process.returncode, [json.loads(line) for line in text.decode().splitlines()]


def test_a_conversion_exits_with_0_and_logs_json(world: World, sounds: Sounds) -> None:
    job = world.job(sounds.bytes("wav"), "mp3")

    code, lines = _ended(world.start(job))

    assert code == 0
    assert world.around.jobs.get(job.job_id).status is Status.COMPLETED
    assert all(line["jobId"] == job.job_id for line in lines)
    messages = [line["message"] for line in lines if line["message"] != "progress"]
    assert messages == [
        *("claimed", "probed", "ffmpeg started", "ffmpeg ended", "verified", "completed"),
        *("attempt ended", "services called"),
    ]
    assert "ftp://" not in json.dumps(lines)


def test_no_log_line_names_the_source_or_what_its_tags_say(world: World, sounds: Sounds) -> None:
    data = sounds.with_tag("mp3", "title", "[error] Private Words")
    job = world.job(data, "mp3", key="uploads/Anna Muster.mp3", name="Anna Muster.mp3")

    code, lines = _ended(world.start(job))

    logged = json.dumps(lines)
    (completed,) = [each for each in lines if each["message"] == "completed"]
    assert code == 0
    assert completed["mode"] == "stream"
    assert "Muster" not in logged
    assert "Private" not in logged


def test_the_log_of_a_source_that_is_gone_does_not_name_it(world: World, sounds: Sounds) -> None:
    job = world.job(sounds.bytes("wav"), "mp3", key="uploads/Anna Muster.wav")
    world.s3.delete_object(Bucket=job.source.bucket, Key=job.source.key)

    _, lines = _ended(world.start(job))

    failed = world.around.jobs.get(job.job_id)
    assert failed.failure is not None
    assert failed.failure.code == "SOURCE_MISSING"
    assert "Muster" not in json.dumps(lines) + failed.failure.message


def test_a_permanent_failure_is_recorded_and_exits_with_0(world: World) -> None:
    job = world.job(b"just some text", "mp3")

    code, _ = _ended(world.start(job))

    failed = world.around.jobs.get(job.job_id)
    assert code == 0
    assert failed.status is Status.FAILED
    assert failed.failure is not None
    assert failed.failure.code == "UNSUPPORTED_INPUT"


def test_a_job_that_is_over_is_left_alone(world: World, sounds: Sounds) -> None:
    job = world.job(sounds.bytes("wav"), "mp3")
    claimed = world.around.jobs.claim(job.job_id, 7)
    world.around.jobs.fail(job.job_id, claimed.attempt, Failure("X", "over"))

    code, _ = _ended(world.start(job))

    assert code == 0
    assert world.around.jobs.get(job.job_id).failure == Failure("X", "over")


def test_missing_settings_and_unknown_jobs_are_a_crash(world: World) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "tasks.converter", "no-such-job"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=False,
    )

    assert process.returncode == 1
    assert b"SLUICE_JOBS_TABLE" in process.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_takes_everything_back_and_asks_to_be_tried_again(
    world: World, sounds: Sounds, tmp_path: Path, number: signal.Signals
) -> None:
    slow = tmp_path / "ffmpeg"
    # It writes everything and then does not end: all but the held parts are in S3.
    slow.write_text(f'#!/bin/sh\n{world.settings.ffmpeg} "$@"\nsleep 1000\n')
    slow.chmod(0o755)
    job = world.job(sounds.long_wav(180).read_bytes(), "wav")
    process = world.start(job, ffmpeg=str(slow))
    try:
        _wait(world.open_uploads)
        process.send_signal(number)
        code, lines = _ended(process)
    finally:
        process.kill()

    assert code == 75
    assert lines[-1]["code"] == "INTERRUPTED"
    assert world.open_uploads() == []
    assert world.keys() == []
    assert world.around.jobs.get(job.job_id).status is Status.PROCESSING


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel to end the child: Linux")
def test_a_converter_that_is_killed_leaves_no_ffmpeg(
    world: World, sounds: Sounds, tmp_path: Path
) -> None:
    slow = tmp_path / "ffmpeg"
    # A named pipe, since the child may not write files.
    subprocess.run(["mkfifo", str(tmp_path / "pids")], check=True)
    slow.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pids\nexec sleep 1000\n")
    slow.chmod(0o755)
    process = world.start(world.job(sounds.bytes("wav"), "mp3"), ffmpeg=str(slow))
    child = int((tmp_path / "pids").read_text())

    process.kill()
    process.communicate()

    _wait(lambda: not Path(f"/proc/{child}").exists() or _is_zombie(child), 5)


def _is_zombie(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"


def _peak_megabytes(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    lines = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(lines[0].split()[1]) // 1024 if lines else 0


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_does_not_grow_with_the_input(
    world: World, sounds: Sounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the image sets it; the budget is 200 MB for Python and ffmpeg."""
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", "1048576")
    peaks: list[int] = []
    for seconds in (400, 1200):
        process = world.start(world.job(sounds.long_wav(seconds).read_bytes(), "wav"))
        peak = 0
        while process.poll() is None:
            peak = max(peak, _peak_megabytes(process.pid))
            time.sleep(0.02)
        process.communicate()
        assert process.returncode == 0
        peaks.append(peak)

    assert peaks[1] < 170
    assert peaks[1] - peaks[0] < 15
