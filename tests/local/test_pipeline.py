"""`python -m local` as a process: the whole of it, with the project's own app."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis import ConnectionError as RedisConnectionError
from redis import Redis

from local.child import ROOT, client_of
from local.ffmpeg import Ffmpeg
from tests.end_to_end import journey
from tests.local.conftest import eventually

TONE_SECONDS = 8 * 60
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start it with its temporary files where they can be counted."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "local", *arguments],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(tmp_path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with process:
            process.kill()


def ready(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline()
    assert line, process.stderr.read()
    return json.loads(line)


def left(directory: Path) -> list[str]:
    return [each.name for each in directory.iterdir() if each.name.startswith("sluice-")]


def test_it_says_when_it_is_ready_and_ends_with_its_input(start: Start, tmp_path: Path) -> None:
    process = start("--port", "0", "--ready-json")
    said = ready(process)

    unknown = httpx.get(f"{said['api']}/jobs/none", timeout=30)
    assert (unknown.status_code, unknown.json()["status"]) == (404, 404)
    assert said["seconds"].keys() == {"engine", "synth", "deploy", "total"}
    assert ":stateMachine:" in said["stateMachineArn"]

    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(15) == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(said["engine"])
    assert left(tmp_path) == []


@pytest.mark.long
def test_a_program_that_starts_it_for_a_person_ends_it_by_its_input_too(start: Start) -> None:
    process = start("--port", "0")
    assert process.stdout is not None
    assert process.stdout.readline().startswith("Sluice is ready")

    assert process.stdin is not None
    process.stdin.close()

    assert process.wait(15) == 0


def test_for_a_person_it_says_where_it_is_and_ends_on_ctrl_c(start: Start, tmp_path: Path) -> None:
    process = start("--port", "0")
    assert process.stdout is not None
    assert process.stdout.readline().startswith("Sluice is ready at http://127.0.0.1:")

    process.send_signal(signal.SIGINT)

    assert process.wait(15) == 0
    assert left(tmp_path) == []


@pytest.mark.long
def test_it_is_deployed_with_the_options_that_it_is_given(start: Start) -> None:
    said = ready(start("--ready-json", "-c", "auth=iam", "-c", "maxUploadBytes=1000"))

    assert httpx.get(f"{said['api']}/jobs", timeout=30).status_code == 403
    told = client_of(said["engine"], "lambda").list_functions()["Functions"]
    limits = {each["Environment"]["Variables"].get("SLUICE_MAX_UPLOAD_BYTES") for each in told}
    assert limits - {None} == {"1000"}


@pytest.mark.parametrize(
    ("option", "says"),
    [("auth=token", "auth='token' is not known"), ("auth", "'auth' is not NAME=VALUE")],
)
def test_an_option_that_cannot_be_is_refused_by_name(start: Start, option: str, says: str) -> None:
    process = start("--ready-json", "-c", option)

    assert process.wait(60) != 0
    assert process.stderr is not None
    assert says in process.stderr.read()


@pytest.mark.long
def test_without_any_input_it_ends_on_sigterm(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "local", "--port", "0"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Sluice is ready")
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.terminate()
        assert process.wait(15) == 0


@pytest.mark.long
def test_with_a_redis_progress_is_kept_there_as_well_and_it_ends_with_the_pipeline(
    start: Start, tmp_path: Path, ffmpeg: Ffmpeg
) -> None:
    tone = make_tone(ffmpeg, tmp_path / "tone.wav", seconds=5)
    process = start("--port", "0", "--ready-json", "--progress-store", "redis")
    said = ready(process)
    file_id = journey.send(said["api"], tone, {"format": "mp3"})
    [job] = journey.jobs_of(said["api"], file_id)

    done = journey.finished(said["api"], job["jobId"])
    with Redis(port=said["redisPort"]) as redis:
        keys: Any = redis.keys()
    assert done["status"] == "completed"
    assert any(job["jobId"] in key.decode() for key in keys)

    process.terminate()
    assert process.wait(15) == 0
    with pytest.raises(RedisConnectionError), Redis(port=said["redisPort"]) as redis:
        redis.ping()


@pytest.mark.long
def test_the_recovery_runs_by_the_minute_here_too(start: Start) -> None:
    process = start("--port", "0", "--ready-json")
    logs = client_of(ready(process)["engine"], "logs")
    groups = logs.describe_log_groups()["logGroups"]
    [group] = [each["logGroupName"] for each in groups if "RecoverJobs" in each["logGroupName"]]

    def swept() -> bool:
        found = logs.filter_log_events(logGroupName=group)["events"]
        return any('"swept"' in each["message"] for each in found)

    eventually(swept, seconds=90)


def test_killed_it_leaves_no_engine_and_no_file(start: Start, tmp_path: Path) -> None:
    process = start("--port", "0", "--ready-json")
    said = ready(process)

    process.kill()

    eventually(lambda: not answers(said["engine"]))
    eventually(lambda: not left(tmp_path))


def test_a_port_in_use_is_refused_at_once_with_exit_code_2(start: Start, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = start("--port", str(taken.getsockname()[1]))
        assert process.wait(15) == 2

    assert process.stderr is not None
    assert "is in use" in process.stderr.read()
    assert left(tmp_path) == []


@pytest.mark.long
def test_an_engine_that_dies_ends_it_with_an_error(start: Start, tmp_path: Path) -> None:
    process = start("--port", "0", "--ready-json")
    ready(process)

    [child] = [pid for pid in children(process.pid) if b"local.engine" in command(pid)]
    os.kill(child, signal.SIGKILL)

    assert process.wait(15) == 1
    assert process.stderr is not None
    assert "The engine has ended" in process.stderr.read()
    eventually(lambda: not left(tmp_path))


@pytest.mark.long
def test_with_data_a_restart_finds_what_was_there_and_deploys_nothing_anew(
    start: Start, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    uploads: list[dict[str, Any]] = []
    for _ in range(2):
        process = start("--port", "0", "--ready-json", "--data", str(data))
        said = ready(process)
        upload = {"fileName": "a.wav", "bytes": 4, "conversions": [{"format": "mp3"}]}
        answer = httpx.post(f"{said['api']}/uploads", json=upload, timeout=30)
        assert answer.status_code == 201, answer.text
        uploads.append({**said, **answer.json()})
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(15) == 0

    first, second = uploads
    for name in ("bucket", "stateMachineArn", "engine"):
        assert first[name] == second[name]
    tables = json.loads((data / "state" / "dynamodb.json").read_text())
    assert first["fileId"] in json.dumps(tables)
    assert left(tmp_path) == []


@pytest.mark.long
def test_what_was_converted_before_a_restart_is_downloaded_after_it(
    start: Start, tmp_path: Path, ffmpeg: Ffmpeg
) -> None:
    source, data = tmp_path / "tone.wav", str(tmp_path / "data")
    make_tone(ffmpeg, source, seconds=5)

    first = start("--port", "0", "--ready-json", "--data", data)
    api = ready(first)["api"]
    job = journey.completed(api, source, {"format": "flac"})
    before = journey.fetch(api, job["jobId"], "output").content
    assert first.stdin is not None
    first.stdin.close()
    assert first.wait(30) == 0

    again = start("--port", "0", "--ready-json", "--data", data)
    api = ready(again)["api"]
    after = journey.fetch(api, job["jobId"], "output").content
    assert len(after) == job["output"]["bytes"]
    assert after == before


@pytest.fixture(scope="module")
def long_tone(ffmpeg: Ffmpeg, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Long enough to be caught in the middle: 85 MB of WAV."""
    return make_tone(ffmpeg, tmp_path_factory.mktemp("long") / "tone.wav", TONE_SECONDS)


@pytest.mark.long
def test_a_conversion_that_the_end_interrupts_is_completed_after_the_next_start(
    start: Start, tmp_path: Path, ffmpeg: Ffmpeg, long_tone: Path
) -> None:
    arguments = ("--ready-json", "--data", str(tmp_path / "data"))
    process = start(*arguments)
    api = ready(process)["api"]
    file_id = journey.send(api, long_tone, {"format": "mp3", "bitrateKbps": 128})
    [job] = journey.jobs_of(api, file_id)
    eventually(lambda: journey.progress(api, job["jobId"])["percent"] > 2, seconds=30)
    process.terminate()
    assert process.wait(30) == 0

    process = start(*arguments)
    api = ready(process)["api"]  # on another port: what clients know are the ids
    done = journey.finished(api, job["jobId"])
    journey.download(api, job["jobId"], tmp_path / "tone.mp3")

    assert (done["status"], done["error"]) == ("completed", None)
    assert done["attempt"] >= 2
    assert journey.decoded_seconds(ffmpeg, tmp_path / "tone.mp3") == pytest.approx(
        TONE_SECONDS, abs=0.1
    )
    process.terminate()
    assert process.wait(30) == 0
    assert left(tmp_path) == []


def test_data_that_cannot_be_kept_there_is_refused_without_a_traceback(
    start: Start, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    process = start("--data", str(tmp_path / "file" / "nope"))
    assert process.wait(30) == 1

    assert process.stderr is not None
    complaint = process.stderr.read()
    assert complaint.startswith(f"Nothing can be kept in {tmp_path / 'file' / 'nope'} (")
    assert "give another --data" in complaint
    assert "Traceback" not in complaint


def make_tone(ffmpeg: Ffmpeg, path: Path, seconds: int) -> Path:
    tone = f"sine=frequency=330:sample_rate=44100:duration={seconds}"
    command = ["-v", "error", "-nostdin", "-f", "lavfi", "-i", tone, "-ac", "2", str(path)]
    subprocess.run([ffmpeg.ffmpeg, *command], check=True)
    return path


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code > 0
    except httpx.TransportError:
        return False


def children(parent: int) -> list[int]:
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    )
    pairs = [line.split() for line in listed.stdout.splitlines()]
    return [int(pid) for pid, owner in pairs if int(owner) == parent]


def command(pid: int) -> bytes:
    return subprocess.run(
        ["ps", "-p", str(pid), "-o", "args="], capture_output=True, check=True
    ).stdout
