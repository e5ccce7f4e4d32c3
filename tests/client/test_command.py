"""The command as a process: exit codes, what goes to which stream, Ctrl-C."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from client.verbs import main
from tests.client.conftest import SLUICE, environment
from tests.client.service import Service, converted

Spawn = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "a.wav").write_bytes(b"a" * 1000)
    (tmp_path / "notes.mp3").write_bytes(b"text")
    return tmp_path


def wait_for(what: Callable[[], object], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it never came about"
        time.sleep(0.02)


def test_results_go_to_stdout_and_failures_to_stderr(
    spawn: Spawn, service: Service, files: Path
) -> None:
    command = spawn(*SLUICE, "convert", "a.wav", "notes.mp3", "--to", "mp3", "--api", service.url)
    stdout, stderr = command.communicate(timeout=20)
    assert command.returncode == 1
    assert stdout == "a.wav -> a.mp3 (1:02, 1.0 kB)\n"
    assert "notes.mp3: UNSUPPORTED_INPUT: No audio was found" in stderr
    assert "1 of 2 files converted." in stderr


def test_all_converted_is_exit_code_0_with_nothing_but_json_on_stdout(
    spawn: Spawn, service: Service, files: Path
) -> None:
    api = service.origin  # /v1 may be left out
    command = spawn(*SLUICE, "convert", "a.wav", "--to", "mp3", "--json", "--api", api)
    stdout, _ = command.communicate(timeout=20)
    assert command.returncode == 0
    (line,) = stdout.splitlines()
    assert json.loads(line)["output"] == "a.mp3"


def test_without_a_terminal_there_is_a_line_a_second_for_an_active_file(
    spawn: Spawn, service: Service, files: Path
) -> None:
    service.polls_until_over, service.retry_after = 3, "1"
    command = spawn(*SLUICE, "convert", "a.wav", "--to", "mp3", "--api", service.url)
    _, stderr = command.communicate(timeout=20)
    lines = [line for line in stderr.splitlines() if line.startswith("a.wav: converting")]
    assert 1 <= len(lines) <= 4
    assert lines[0].endswith("%, 8.0x, 0:03 left")


def test_without_a_terminal_a_short_conversion_shows_its_stages_and_its_end(
    spawn: Spawn, service: Service, files: Path
) -> None:
    service.polls_until_over = 2
    options = ["--to", "mp3", "--json", "--api", service.url]
    command = spawn(*SLUICE, "convert", "a.wav", "notes.mp3", *options)
    stdout, stderr = command.communicate(timeout=20)
    assert len([json.loads(line) for line in stdout.splitlines()]) == 2
    lines = stderr.splitlines()
    ours = [each.removeprefix("a.wav: ") for each in lines if each.startswith("a.wav: ")]
    stages = [each.split()[0].strip(",") for each in ours]
    assert list(dict.fromkeys(stages)) == [
        *["connecting", "uploading", "queued", "converting", "downloading", "completed"]
    ]
    assert ours[-1] == "completed 100 %"
    last = [each for each in lines if each.startswith("notes.mp3: ")][-1]
    assert last == "notes.mp3: failed (UNSUPPORTED_INPUT)", "the message is in the object"


@pytest.mark.parametrize("as_json", [False, True])
def test_on_a_terminal_there_are_live_bars_and_whole_lines(
    service: Service, files: Path, as_json: bool
) -> None:
    service.polls_until_over, service.retry_after = 3, "0"
    long_name = files / f"{'long' * 40}.wav"  # wider than the terminal
    long_name.write_bytes(b"x")
    ours, theirs = pty.openpty()
    options = ["--to", "mp3", "--api", service.url, *(["--json"] if as_json else [])]
    command = subprocess.Popen(
        [*SLUICE, "convert", "a.wav", long_name.name, *options],
        cwd=files,
        env=environment() | {"TERM": "xterm", "COLUMNS": "100"},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    screen = read_to_end(ours)
    assert command.wait(10) == 0
    assert "converting" in screen
    assert "8.0x" in screen
    assert "\x1b[?25h" in screen.split("converting")[-1], "the cursor is shown again"
    if as_json:
        objects = [json.loads(each) for each in printed(screen) if each.startswith("{")]
        assert {each["status"] for each in objects} == {"completed"}
        assert len(objects) == 2
    else:
        assert "a.wav -> a.mp3 (1:02, 1.0 kB)" in printed(screen)


def read_to_end(terminal: int) -> str:
    screen = b""
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # Linux says so when the other side has closed
            break
        if not chunk:
            break
        screen += chunk
    os.close(terminal)
    return screen.decode()


def printed(screen: str) -> list[str]:
    """Lines as they stand on the terminal: what follows the last erasure of each."""
    return [line.rpartition("\x1b[2K")[2].rstrip("\r") for line in screen.split("\n")]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
def test_interrupted_every_file_is_accounted_for_and_no_part_is_left(
    spawn: Spawn, service: Service, files: Path, number: int, code: int
) -> None:
    """At that moment one file is done, one hangs in its download, one in its conversion, and one
    has not begun."""
    downloading, release = [], threading.Event()

    def hang_on_the_second() -> None:
        downloading.append(1)
        if len(downloading) == 2:
            service.polls_until_over = 10**6
            release.wait(10)

    service.downloading = hang_on_the_second
    for name in ("b.wav", "c.wav", "d.wav"):
        (files / name).write_bytes(b"x")
    names = ["a.wav", "b.wav", "c.wav", "d.wav"]
    options = ["--to", "mp3", "--jobs", "1", "--json", "--api", service.url]
    command = spawn(*SLUICE, "convert", *names, *options)
    wait_for(lambda: len(downloading) == 2)
    assert [each.name for each in files.iterdir() if each.name.endswith(".part")]
    began = time.monotonic()
    command.send_signal(number)
    stdout, stderr = command.communicate(timeout=10)
    release.set()
    assert command.returncode == code
    assert time.monotonic() - began < 3
    objects = {each["file"]: each for each in map(json.loads, stdout.splitlines())}
    assert [objects[each]["status"] for each in names] == ["completed", *["interrupted"] * 3]
    assert objects["b.wav"]["error"]["code"] == "INTERRUPTED"
    assert objects["b.wav"]["jobId"] in service.jobs
    assert {each.name for each in files.iterdir()} == {*names, "notes.mp3", "a.mp3"}
    assert (files / "a.mp3").read_bytes() == converted(b"a" * 1000, "mp3")
    assert "Traceback" not in stderr


def test_ctrl_c_in_the_middle_of_polling(spawn: Spawn, service: Service, files: Path) -> None:
    service.polls_until_over, service.retry_after = 10**6, "30"
    command = spawn(*SLUICE, "convert", "a.wav", "--to", "mp3", "--api", service.url)
    wait_for(lambda: service.count("progress"))
    command.send_signal(signal.SIGINT)
    stdout, stderr = command.communicate(timeout=5)
    assert (command.returncode, stdout) == (130, "")
    assert "a.wav: INTERRUPTED" in stderr
    assert "Traceback" not in stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["convert", "--to", "mp3"],
        ["convert", "a.wav"],
        ["convert", "a.wav", "--to", "mp3", "--bitrate", "fast"],
        ["convert", "a.wav", "--to", "mp3", "--jobs", "0"],
        ["convert", "a.wav", "--to", "mp3", "--api", "ftp://example.com"],
        ["convert", "a.wav", "--to", "mp3", "--out", "a.wav"],
        ["convert", "a.wav", "--to", "mp3", "--out", "a.wav/below"],
        ["up", "--port", "65536"],
        ["no-such-command"],
    ],
)
def test_wrong_usage_is_exit_code_2(
    arguments: list[str], files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(files)
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "Error:" in result.stderr


@pytest.mark.parametrize("error", [FileNotFoundError(2, "No such file"), OSError(30, "Read-only")])
def test_a_folder_that_cannot_be_made_says_so_and_why(
    files: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    def refuse(self: Path, **_: object) -> None:
        raise error

    monkeypatch.chdir(files)
    monkeypatch.setattr(Path, "mkdir", refuse)
    result = CliRunner().invoke(main, ["convert", "a.wav", "--to", "mp3", "--out", "x"])
    assert result.exit_code == 2
    why = "Read-only" if error.errno == 30 else "no folders can be made in that place"
    assert f"the folder x cannot be made ({why})" in result.stderr


INTERRUPTED_IMPORT = """
import signal, sys

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
from client.command import main  # as the installed script does
main()
"""


@pytest.mark.parametrize("module", ["client.verbs", "click", "httpx", "ssl", "rich.progress"])
def test_ctrl_c_while_the_client_is_still_loading_is_quiet(spawn: Spawn, module: str) -> None:
    command = spawn(sys.executable, "-c", INTERRUPTED_IMPORT.format(module=module))
    stdout, stderr = command.communicate(timeout=10)
    assert (command.returncode, stdout, stderr) == (130, "", "")


def test_ctrl_c_before_the_batch_runs_is_130_too(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(folder: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(files)
    monkeypatch.setattr("client.moving.make_folder", interrupt)
    result = CliRunner().invoke(main, ["convert", "a.wav", "--to", "mp3"])
    assert (result.exit_code, result.stderr) == (130, "")


def test_help_documents_the_exit_codes_and_what_happens_to_taken_names(spawn: Spawn) -> None:
    command = spawn(*SLUICE, "convert", "--help")
    stdout, _ = command.communicate(timeout=10)
    assert command.returncode == 0
    for code in ("0 ", "1 ", "2 ", "3 ", "130"):
        assert f"\n    {code}" in stdout
    assert "a (1).mp3" in stdout


def test_version(spawn: Spawn) -> None:
    command = spawn(*SLUICE, "--version")
    stdout, _ = command.communicate(timeout=10)
    assert command.returncode == 0
    assert stdout.startswith("sluice ")


def test_what_a_test_spawns_minds_ctrl_c_though_the_test_ignores_it(spawn: Spawn) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        command = spawn(sys.executable, "-c", "import signal; signal.raise_signal(2)")
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    _, stderr = command.communicate(timeout=10)
    assert "KeyboardInterrupt" in stderr


@pytest.mark.parametrize("verb", sorted(main.commands))
def test_every_verbs_help_has_its_exit_codes(verb: str) -> None:
    said = CliRunner().invoke(main, [verb, "--help"]).stdout.partition("Exit codes:\n")[2]
    codes = re.findall(r"^ +(\d+)  ", said, re.MULTILINE)
    reached = [] if verb == "up" else ["3"]  # it asks no API
    assert codes == ["0", "1", "2", *reached, "130"]
    assert "(143: terminated)" in said


def test_that_nobody_reads_what_is_said_keeps_no_file_from_being_converted(
    spawn: Spawn, service: Service, files: Path
) -> None:
    (files / "b.wav").write_bytes(b"b" * 1000)
    options = ["--to", "mp3", "--jobs", "1", "--api", service.url]
    command = spawn(*SLUICE, "convert", "a.wav", "b.wav", *options)
    assert command.stdout is not None
    assert command.stderr is not None
    command.stdout.close()
    assert command.wait(20) == 0
    assert "Traceback" not in command.stderr.read()
    assert (files / "b.mp3").read_bytes() == converted(b"b" * 1000, "mp3")
