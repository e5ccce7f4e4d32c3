"""What a child says arrives as it was said, and what the kernel lets it have ends it in time."""

from __future__ import annotations

import contextlib
import io
import json
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NoReturn

import pytest

from tasks.converter.child import (
    LEAST_MEMORY_BYTES,
    Child,
    Limits,
    chunks_of,
    lines_of,
    memory_for,
)
from tasks.converter.passes import _MOST_SECONDS  # pyright: ignore[reportPrivateUsage]

_ROOT = Path(__file__).parents[3]


def _ignore(_: str) -> None: ...


def test_a_long_line_arrives_whole_in_chunks(tmp_path: Path) -> None:
    said = b"  a\n" + b"x y " * 25_000 + b"\n\n z"
    (tmp_path / "said").write_bytes(said)

    with Child(["cat", str(tmp_path / "said")], Limits(10), _ignore, chunks_of) as child:
        heard = b"".join(chunk or b"" for chunk in child.ticks())
        assert child.exit_code() == 0

    assert heard == said


def test_the_rest_of_a_long_line_is_no_line() -> None:
    lines = list(lines_of(io.BytesIO(b"short\n" + b"x" * 8192 + b"[error] no\nlast")))

    assert lines == [b"short\n", b"x" * 8192, b"last"]


def test_a_child_that_spins_is_told_why_it_ends() -> None:
    """SIGKILL would look like want of memory, and be tried again."""
    with Child(["sh", "-c", "while :; do :; done"], Limits(1), _ignore, lines_of) as child:
        assert [piece for piece in child.ticks() if piece] == []
        assert child.exit_code() == -signal.SIGXCPU


def test_the_cpu_limit_binds_before_the_flow_gives_up() -> None:
    """So that an ffmpeg that spins is a fault of the input, and not one of the flow."""
    flow = json.loads((_ROOT / "statemachine/conversion.asl.json").read_text())

    assert flow["States"]["Convert"]["TimeoutSeconds"] > _MOST_SECONDS + 60


def _heard(script: str, file_bytes: int = 0) -> tuple[int, str]:
    """How a shell script ends and what it says."""
    limits = Limits(10, file_bytes)
    with Child(["sh", "-c", script], limits, _ignore, chunks_of) as child:
        said = b"".join(chunk or b"" for chunk in child.ticks())
        return child.exit_code(), said.decode()


def _is_gone(pid: int) -> bool:
    """Ended; whoever is init here may not have reaped it yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
    except FileNotFoundError:
        return True


def _wait_until_gone(pid: int) -> None:
    while not _is_gone(pid):
        time.sleep(0.01)


def test_the_limits_are_the_kernels() -> None:
    """`ulimit` answers in the units of the shell: KiB, and blocks of 512 bytes."""
    _, said = _heard(
        "ulimit -t; ulimit -f; ulimit -d; ulimit -s; ulimit -n; ulimit -c; ulimit -H -s"
    )

    assert said.split() == ["10", "0", str(LEAST_MEMORY_BYTES // 1024), "2048", "64", "0", "2048"]


def test_a_lower_limit_that_is_already_there_stays() -> None:
    code = (
        "import resource; from tasks.converter.child import *;"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40));"
        "child = Child(['sh', '-c', 'ulimit -n'], Limits(10), print, chunks_of);"
        "child.__enter__(); print(b''.join(c or b'' for c in child.ticks()).decode())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "40"


def test_memory_beyond_the_limit_is_refused_to_the_child() -> None:
    wanted = LEAST_MEMORY_BYTES
    code = f"try: bytearray({wanted})\nexcept MemoryError: print('refused')"
    with Child([sys.executable, "-c", code], Limits(10), _ignore, lines_of) as child:
        assert [piece for piece in child.ticks() if piece] == [b"refused\n"]
        assert child.exit_code() == 0


def test_the_peak_of_a_childs_memory_is_known() -> None:
    code = "bytearray(300 * 1024**2)"
    with Child([sys.executable, "-c", code], Limits(10), _ignore, lines_of) as child:
        list(child.ticks())
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    assert child.peak_bytes >= 300 * 1024**2
    assert child.peak_bytes < max(own, 300 * 1024**2) + 64 * 1024**2


@pytest.mark.parametrize(
    ("source", "memory"),
    [(0, 384), (8_000_000, 445), (40_000_000, 689), (690_000_000, 1280), (5 * 1024**3, 1280)],
)
def test_memory_grows_with_the_bytes_that_are_there(source: int, memory: int) -> None:
    assert memory_for(source) // 1024**2 == memory


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's own")
def test_the_child_gains_no_rights_and_dies_with_its_parent() -> None:
    _, said = _heard("cat /proc/self/status")

    assert "NoNewPrivs:\t1" in said


def test_a_child_whose_parent_is_gone_already_does_not_start() -> None:
    launch = _ROOT / "tasks/converter/launch.py"
    command = [sys.executable, "-I", "-S", str(launch), "1", str(Limits(10)), "echo", "started"]
    done = subprocess.run(command, capture_output=True, check=False)

    assert (done.returncode, done.stdout) == (127, b"")


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's own")
def test_a_parent_that_is_killed_takes_its_child_with_it() -> None:
    code = (
        "from tasks.converter.child import *;"
        "child = Child(['sleep', '1000'], Limits(10), print, lines_of);"
        "child.__enter__(); print(child.pid, flush=True); list(child.ticks())"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()

    _wait_until_gone(pid)


def test_the_child_sees_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/x")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("LD_PRELOAD", "")

    _, said = _heard("exec env")

    names = {line.split("=")[0] for line in said.splitlines()}
    assert names <= {"PATH", "LC_ALL", "PWD", "GCONV_PATH"}


def _interrupted(child: Child) -> None:
    with child:
        next(child.ticks())
        raise KeyboardInterrupt


def test_a_block_that_is_left_early_leaves_no_process() -> None:
    """And no thread: both pipes are closed, though nobody read what is in them."""
    before = threading.active_count()
    child = Child(["sh", "-c", "yes; sleep 1000"], Limits(10), _ignore, lines_of)

    with pytest.raises(KeyboardInterrupt):
        _interrupted(child)

    assert _is_gone(child.pid)
    assert threading.active_count() == before


def test_a_child_that_cannot_be_listened_to_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its process is there and the second thread is not to be had."""
    started: list[threading.Thread] = []

    def start(thread: threading.Thread) -> None:
        if started:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        begin(thread)

    begin = threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", start)
    child = Child(["sleep", "1000"], Limits(10), _ignore, lines_of)

    with pytest.raises(RuntimeError), child:
        pass

    assert _is_gone(child.pid)
    started[0].join()


def test_what_a_child_leaves_behind_dies_with_it(tmp_path: Path) -> None:
    """It holds the pipes, and would hold their readers too."""
    left = tmp_path / "left"
    script = f"sleep 1000 & echo $! > {left}; exit 3"

    code, _ = _heard(script, file_bytes=100)

    assert code == 3
    _wait_until_gone(int(left.read_text()))


def test_a_child_that_closed_its_output_and_lives_is_still_ticked() -> None:
    with Child(["sh", "-c", "exec >&- 2>&-; exec sleep 1000"], Limits(10), _ignore, lines_of) as it:
        ticks = it.ticks()
        assert [next(ticks) for _ in range(5)] == [None] * 5

    assert _is_gone(it.pid)


def test_a_listener_that_breaks_is_heard_of() -> None:
    """Its pipe would fill up, and the child wait for ever."""

    def broken(_: str) -> NoReturn:
        raise ValueError("no such number")

    with (
        pytest.raises(ValueError, match="no such number"),
        Child(["sh", "-c", "echo >&2; exec sleep 1000"], Limits(10), broken, lines_of) as child,
    ):
        list(child.ticks())

    assert _is_gone(child.pid)


def test_a_listener_that_breaks_at_the_very_end_is_heard_of() -> None:
    """Facts would be missing from what was heard, and a verdict be passed on the rest."""

    def broken(_: str) -> NoReturn:
        raise ValueError("no such number")

    script = "exec >&-; sleep 0.2; echo done >&2"
    with Child(["sh", "-c", script], Limits(10), broken, lines_of) as child:
        with contextlib.suppress(ValueError):  # it may be as early as this
            list(child.ticks())
        with pytest.raises(ValueError, match="no such number"):
            child.exit_code()


def test_a_program_that_is_not_there_is_told_from_one_that_fails() -> None:
    code, _ = _heard("exit 126")

    assert code == 126


def test_a_file_that_gets_too_large_ends_the_child(tmp_path: Path) -> None:
    code, _ = _heard(f"exec head -c 2000 /dev/zero > {tmp_path / 'file'}", file_bytes=1000)

    assert code == -signal.SIGXFSZ
    assert (tmp_path / "file").stat().st_size == 1000
