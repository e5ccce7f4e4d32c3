"""The local pipeline as a child: started, spoken to, ended, and never left behind.

A stand-in that keeps `python -m local`'s side of the bargain (a line of JSON, ends with its input)
takes its place; the real one is in the end-to-end tests.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from client import pipeline
from tests.client.conftest import Run
from tests.client.service import Service, Trouble
from tests.client.test_command import wait_for

STAND_IN = """
import json, os, signal, sys, threading

pid_file, url, manner = sys.argv[1:4]
assert sys.argv[4:][-1] == "--ready-json", sys.argv
with open(pid_file, "w") as file:
    file.write(str(os.getpid()))
print("a word for the log", file=sys.stderr, flush=True)
if manner == "broken":
    sys.exit("no Node here")
if manner == "silent":
    threading.Event().wait()
print(json.dumps({"api": url, "arguments": sys.argv[4:]}), flush=True)
if manner == "dies":
    sys.stdin.buffer.read(1)
if manner == "code":
    sys.exit(7)
signal.signal(signal.SIGINT, lambda *_: sys.exit(5))
if manner == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Event().wait()
sys.stdin.buffer.read()
"""


@pytest.fixture
def stand_in(tmp_path: Path, service: Service) -> Callable[[str], list[str]]:
    script = tmp_path / "stand_in.py"
    script.write_text(STAND_IN)

    def command(manner: str = "good") -> list[str]:
        return [sys.executable, str(script), str(tmp_path / "pid"), service.url, manner]

    return command


def is_there(pid_file: Path) -> bool:
    try:
        os.kill(int(pid_file.read_text()), 0)
    except ProcessLookupError:
        return False
    return True


def test_convert_without_an_api_runs_a_pipeline_of_its_own(
    run: Run, service: Service, stand_in: Callable[[str], list[str]], tmp_path: Path
) -> None:
    (tmp_path / "a.wav").write_bytes(b"a")
    ran = run("a.wav", "--to", "mp3", local=stand_in("good"))
    assert (ran.code, ran.object["output"]) == (0, "a.mp3")
    assert "Starting the local pipeline" in ran.stderr
    assert "a word for the log" not in ran.stderr
    assert not is_there(tmp_path / "pid")


def test_a_pipeline_that_does_not_start_is_exit_code_3_with_its_last_words(
    run: Run, stand_in: Callable[[str], list[str]], tmp_path: Path
) -> None:
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(b"a")
    ran = run("a.wav", "b.wav", "gone.wav", "--to", "mp3", local=stand_in("broken"))
    assert ran.code == 3
    codes = {each["file"]: each["error"]["code"] for each in ran.objects}
    assert codes == {
        "a.wav": "PIPELINE_NOT_STARTED",
        "b.wav": "PIPELINE_NOT_STARTED",
        "gone.wav": "FILE_NOT_READABLE",
    }
    assert "no Node here" in ran.stderr


def test_a_pipeline_that_never_gets_ready_is_given_up_and_ended(
    run: Run,
    stand_in: Callable[[str], list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pipeline, "START_SECONDS", 0.5)
    monkeypatch.setattr(pipeline, "STOP_SECONDS", 0.2)
    (tmp_path / "a.wav").write_bytes(b"a")
    assert run("a.wav", "--to", "mp3", local=stand_in("silent")).code == 3
    assert not is_there(tmp_path / "pid")


def test_a_pipeline_that_heeds_nothing_is_killed(
    run: Run,
    stand_in: Callable[[str], list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pipeline, "STOP_SECONDS", 0.2)
    (tmp_path / "a.wav").write_bytes(b"a")
    assert run("a.wav", "--to", "mp3", local=stand_in("stubborn")).code == 0
    assert not is_there(tmp_path / "pid")


def test_a_pipeline_that_dies_meanwhile_is_reported_with_its_last_words(
    run: Run, service: Service, stand_in: Callable[[str], list[str]], tmp_path: Path
) -> None:
    (tmp_path / "a.wav").write_bytes(b"a")
    service.troubles["progress"] = Trouble(99, None)
    ran = run("a.wav", "--to", "mp3", local=stand_in("code"))
    assert ran.object["error"]["code"] == "API_UNREACHABLE"
    assert (ran.code, ran.object["jobId"] in service.jobs) == (1, True)
    assert "ended with exit code 7" in ran.stderr
    assert "a word for the log" in ran.stderr


@pytest.mark.parametrize("manner", ["good", "silent"], ids=["running", "starting"])
def test_ctrl_c_ends_it(
    spawn: Callable[..., subprocess.Popen[str]],
    service: Service,
    stand_in: Callable[[str], list[str]],
    tmp_path: Path,
    manner: str,
) -> None:
    service.polls_until_over = 10**6
    (tmp_path / "a.wav").write_bytes(b"a")
    command = spawn(
        *driver("from client import pipeline; pipeline.STOP_SECONDS = 0.5"),
        *["convert", "a.wav", "--to", "mp3", "--json", "--"],
        *stand_in(manner),
    )
    wait_for((tmp_path / "pid").exists if manner == "silent" else lambda: service.count("progress"))
    time.sleep(0.1)
    command.send_signal(signal.SIGINT)
    stdout, stderr = command.communicate(timeout=10)
    assert command.returncode == 130
    assert '"INTERRUPTED"' in stdout
    assert "Traceback" not in stderr
    assert not is_there(tmp_path / "pid")


def driver(setting: str = "") -> list[str]:
    """`sluice ARGUMENTS -- COMMAND…` with that command in the place of `python -m local`."""
    return [
        sys.executable,
        "-c",
        f"{setting}\n"
        "import sys\n"
        "from client.verbs import Surroundings, main\n"
        "cut = len(sys.argv) - 1 - sys.argv[::-1].index('--')\n"
        "main(sys.argv[1:cut], obj=Surroundings(sys.argv[cut + 1:]))\n",
    ]


def test_up_says_where_the_api_is_and_hands_on_ctrl_c_and_the_exit_code(
    spawn: Callable[..., subprocess.Popen[str]],
    service: Service,
    stand_in: Callable[[str], list[str]],
    tmp_path: Path,
) -> None:
    command = spawn(*driver(), "up", "--port", "0", "--data", "kept", "--", *stand_in("good"))
    assert command.stdout is not None
    assert command.stdout.readline() == f"Sluice is ready at {service.url} (Ctrl-C ends it)\n"
    time.sleep(0.2)
    command.send_signal(signal.SIGINT)
    command.communicate(timeout=10)
    assert command.returncode == 5
    assert not is_there(tmp_path / "pid")


def test_up_passes_on_its_options_and_its_childs_failure(
    spawn: Callable[..., subprocess.Popen[str]],
    stand_in: Callable[[str], list[str]],
    tmp_path: Path,
) -> None:
    echo = [sys.executable, "-c", "import sys; sys.exit(' '.join(sys.argv[1:]))"]
    options = ("--port", "9", "--data", "kept", "--progress-store", "redis")
    command = spawn(*driver(), "up", *options, "--", *echo)
    _, stderr = command.communicate(timeout=10)
    told = f"--port 9 --data {tmp_path}/kept --progress-store redis --ready-json\n"
    assert stderr == told
    assert command.returncode == 1


@pytest.mark.parametrize(
    "verb", [["up"], ["convert", "a.wav", "--to", "mp3"]], ids=["up", "convert"]
)
def test_nothing_is_left_even_if_we_are_killed(
    spawn: Callable[..., subprocess.Popen[str]],
    service: Service,
    stand_in: Callable[[str], list[str]],
    tmp_path: Path,
    verb: list[str],
) -> None:
    service.polls_until_over = 10**6
    (tmp_path / "a.wav").write_bytes(b"a")
    command = spawn(*driver(), *verb, "--", *stand_in("good"))
    wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    time.sleep(0.2)
    command.kill()
    command.wait()
    wait_for(lambda: not is_there(tmp_path / "pid"))
