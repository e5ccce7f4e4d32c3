"""The docker client's shape over real processes."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.task_process import Machine
from local.tasks import Container, NotFound, Tasks
from tests.local.conftest import eventually


class Groups:
    """What the engine is told of process groups that start and end."""

    def __init__(self) -> None:
        self.running: list[int] = []


@pytest.fixture
def groups() -> Groups:
    return Groups()


@pytest.fixture
def tasks(tmp_path: Path, groups: Groups) -> Iterator[Tasks]:
    root = tmp_path / "root"
    (root / "tasks" / "converter").mkdir(parents=True)
    (root / "tasks" / "converter" / "__main__.py").write_text(
        "import sys; print('converter', *sys.argv[1:])"
    )
    machine = Machine(
        python=sys.executable,
        root=root,
        endpoint="http://127.0.0.1:4",
        region="eu-central-1",
        ffmpeg="/opt/ffmpeg",
        ffprobe="/opt/ffprobe",
        scratch=tmp_path / "scratch",
        logs=tmp_path / "logs",
        on_start=groups.running.append,
        on_end=groups.running.remove,
    )
    tasks = Tasks(machine)
    yield tasks
    tasks.close(grace_seconds=0)


@pytest.fixture
def run(tasks: Tasks) -> Callable[..., Container]:
    def run(code: str, **options: Any) -> Container:
        return tasks.containers.run("image", entrypoint=["python", "-c", code], **options)

    return run


Run = Callable[..., Container]


def facts(container: Container) -> dict[str, Any]:
    return json.loads(output(container).splitlines()[-1])


def output(container: Container) -> str:
    container.wait(10)
    written = container.logs()
    assert isinstance(written, bytes)
    return written.decode()


def test_without_an_entry_point_the_converter_runs_with_the_command(tasks: Tasks) -> None:
    container = tasks.containers.run("image", ["job-1"])

    assert output(container).startswith("converter job-1\n")
    assert container.wait() == {"StatusCode": 0}


def test_a_task_sees_its_containers_environment_and_no_more(run: Run, tmp_path: Path) -> None:
    given = {
        "SLUICE_BUCKET": "b",
        "SLUICE_FFMPEG": "/usr/bin/ffmpeg",
        "ECS_CONTAINER_METADATA_URI_V4": "http://host.docker.internal:4/v4/x",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://host.docker.internal:4/v2/y",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "t",
    }

    container = run("import json, os; print(json.dumps(dict(os.environ)))", environment=given)

    seen = json.loads(output(container).splitlines()[0])
    assert seen["SLUICE_BUCKET"] == "b"
    assert (seen["SLUICE_FFMPEG"], seen["SLUICE_FFPROBE"]) == ("/opt/ffmpeg", "/opt/ffprobe")
    assert seen["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4"
    assert (seen["AWS_REGION"], seen["AWS_ACCESS_KEY_ID"]) == ("eu-central-1", "test")
    assert seen["ECS_CONTAINER_METADATA_URI_V4"] == "http://127.0.0.1:4/v4/x"
    assert seen["TMPDIR"] == seen["HOME"] == str(tmp_path / "scratch" / f"task-{container.id[:12]}")
    assert seen.keys().isdisjoint({"AWS_CONTAINER_CREDENTIALS_FULL_URI", "VIRTUAL_ENV", "USER"})


def test_a_task_leaves_no_scratch_and_its_log_says_what_it_left_and_wrote(
    run: Run, tmp_path: Path
) -> None:
    write = (
        "import os, tempfile; f = tempfile.NamedTemporaryFile(delete=False);"
        " f.write(bytes(300_000)); f.flush(); os.fsync(f.fileno())"
    )
    clean, untidy = facts(run("print('x')")), facts(run(write))

    assert (clean["scratchBytes"], untidy["scratchBytes"]) == (0, 300_000)
    assert clean["exitCode"] == 0
    if writes_are_counted(tmp_path):
        assert (clean["writtenBytes"], untidy["writtenBytes"] >= 300_000) == (0, True)
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.skipif(not Path("/proc").exists(), reason="this kernel tells nobody")
def test_the_log_says_how_much_memory_the_task_and_its_children_held(run: Run) -> None:
    hold = "held = bytearray(80_000_000); import time; time.sleep(0.8)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}])"
    ours = bytearray(300_000_000)  # must not count: the engine may hold a lot when it starts a task

    container = run(code)

    assert 80_000 < facts(container)["peakMemoryKiB"] < 160_000
    assert len(ours) == 300_000_000


def test_a_failing_task_reports_its_code_and_a_killed_one_its_signal(run: Run) -> None:
    failing, killed = run("raise SystemExit(75)"), run("import os; os.kill(os.getpid(), 9)")

    assert failing.wait(10) == {"StatusCode": 75}
    assert killed.wait(10) == {"StatusCode": 137}
    assert killed.attrs["State"]["ExitCode"] == 137


def test_the_log_can_be_followed_while_the_task_runs(run: Run, tmp_path: Path) -> None:
    go = tmp_path / "go"
    container = run(
        "import os, sys, time\n"
        "print('one'); sys.stderr.write('two\\n')\n"
        f"while not os.path.exists({str(go)!r}): time.sleep(0.01)\n"
        "print('three', end='')"
    )
    lines = container.logs(stream=True, follow=True)
    assert not isinstance(lines, bytes)

    assert [next(lines), next(lines)] == [b"one\n", b"two\n"]
    assert container.status == "running"
    go.touch()
    assert next(lines).startswith(b"three")
    assert container.logs(tail=1) == output(container).splitlines(True)[-1].encode()


def test_stopping_asks_first_and_kills_when_the_time_is_over(run: Run) -> None:
    polite = run(
        "import signal, sys, time\n"
        "signal.signal(15, lambda *_: sys.exit(75))\nprint('ready'); time.sleep(60)"
    )
    deaf = run(
        "import signal, time\nsignal.signal(15, signal.SIG_IGN)\nprint('ready')\ntime.sleep(60)"
    )
    for container in (polite, deaf):
        eventually(lambda container=container: b"ready" in bytes(container.logs()))

    polite.stop()
    started = time.monotonic()
    deaf.stop(timeout=0.3)

    assert polite.wait() == {"StatusCode": 75}
    assert deaf.wait() == {"StatusCode": 137}
    assert 0.3 <= time.monotonic() - started < 3


def test_nothing_a_task_started_outlives_it(run: Run, groups: Groups) -> None:
    container = run(
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid)"
    )

    child = int(output(container).splitlines()[0])

    eventually(lambda: not exists(child))
    assert groups.running == []


def test_containers_are_found_by_id_name_and_label(tasks: Tasks, run: Run) -> None:
    container = run("pass", name="n", labels={"ministack": "ecs", "task": "7"})
    container.wait(10)
    listed = tasks.containers.list

    assert tasks.containers.get(container.id) is container
    assert tasks.containers.get("n") is container
    with pytest.raises(NotFound):
        tasks.containers.get("")
    assert listed() == []
    assert listed(all=True, filters={"label": ["ministack=ecs", "task"]}) == [container]
    assert listed(all=True, filters={"label": "ministack=rds"}) == []
    container.remove()
    assert listed(all=True) == []


def test_a_running_container_is_removed_by_force_only(run: Run) -> None:
    container = run("import time; time.sleep(60)")

    with pytest.raises(RuntimeError, match="running"):
        container.remove()
    container.remove(force=True)

    assert container.status == "exited"


def test_closing_ends_what_runs_and_starts_no_more(tasks: Tasks, run: Run) -> None:
    container = run("import time; time.sleep(60)")

    tasks.close(grace_seconds=5)

    assert container.wait(0) == {"StatusCode": 128 + signal.SIGTERM}
    with pytest.raises(RuntimeError, match="stopping"):
        run("pass")


def test_a_program_that_is_not_there_starts_no_container(tasks: Tasks, groups: Groups) -> None:
    with pytest.raises(FileNotFoundError):
        tasks.containers.run("image", entrypoint=["/no/such/program"])

    assert groups.running == []


def writes_are_counted(directory: Path) -> bool:
    """Not for a file system in memory, nor by every kernel."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_oublock
    with (directory / "probe").open("wb") as file:
        file.write(bytes(300_000))
    return resource.getrusage(resource.RUSAGE_SELF).ru_oublock > before


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
