"""The engine as a child: it starts, it refuses to start, and it leaves nothing, however we end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from local.child import ROOT, Engine, engine_python
from local.errors import DataUnusable, EngineFailed, NotInstalled
from local.ffmpeg import Ffmpeg
from local.fidelity.install import PINNED_VERSION, WrongEngine, check_version
from tests.local.conftest import eventually, zipped

# A program that runs an engine with a task and a function in it, says so, and waits.
OWNER = """
import json, sys, time
from pathlib import Path
from local.child import Engine
from local.ffmpeg import Ffmpeg

engine = Engine(ffmpeg=Ffmpeg(Path(sys.argv[1]), Path(sys.argv[2])))
engine.__enter__()
ecs, functions = engine.client("ecs"), engine.client("lambda")
ecs.create_cluster(clusterName="c")
definition = ecs.register_task_definition(
    family="f", containerDefinitions=[{
        "name": "n", "image": "i",
        "entryPoint": ["python", "-c", sys.argv[4]],
    }])["taskDefinition"]["taskDefinitionArn"]
ecs.run_task(cluster="c", taskDefinition=definition)
functions.create_function(
    FunctionName="f", Runtime="python3.13", Role="arn:aws:iam::000000000000:role/any",
    Handler="main.handler", Code={"ZipFile": Path(sys.argv[3]).read_bytes()})
worker = json.loads(functions.invoke(FunctionName="f")["Payload"].read())
print(json.dumps({"engine": engine.pid, "worker": worker, "directory": str(engine.logs.parent)}))
sys.stdout.flush()
time.sleep(120)
"""
TASK = "import os, pathlib, time; pathlib.Path({!r}).write_text(str(os.getpid())); time.sleep(120)"


@pytest.fixture
def owner(tmp_path: Path, ffmpeg: Ffmpeg) -> subprocess.Popen[str]:
    code = tmp_path / "code.zip"
    code.write_bytes(zipped({"main.py": "import os\ndef handler(e, c): return os.getpid()"}))
    task = TASK.format(str(tmp_path / "task.pid"))
    arguments = [str(ffmpeg.ffmpeg), str(ffmpeg.ffprobe), str(code), task]
    return subprocess.Popen(
        [sys.executable, "-c", OWNER, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("kill", ["owner", "engine", "both"])
def test_a_kill_leaves_no_process_and_no_file(
    owner: subprocess.Popen[str], tmp_path: Path, kill: str
) -> None:
    with owner:
        assert owner.stdout is not None
        ran = json.loads(owner.stdout.readline())
        task = eventually(lambda: pid_in(tmp_path / "task.pid"))
        processes = [ran["engine"], ran["worker"], task]
        assert all(map(exists, processes))

        if kill != "owner":
            os.kill(ran["engine"], signal.SIGKILL)
        if kill != "engine":
            owner.kill()

        eventually(lambda: not any(map(exists, processes[1:])), seconds=15)
        if kill != "engine":
            eventually(lambda: not exists(ran["engine"]), seconds=15)
            eventually(lambda: not Path(ran["directory"]).exists())
        else:
            eventually(lambda: not (Path(ran["directory"]) / "work").exists())
            owner.kill()
            # Only the owner could have removed this, and it was killed as well.
            remove(Path(ran["directory"]))


def test_stopping_ends_everything_and_removes_what_was_temporary(ffmpeg: Ffmpeg) -> None:
    with Engine(ffmpeg=ffmpeg) as engine:
        directory, pid = engine.logs.parent, engine.pid
        assert (directory / "logs" / "engine.log").exists()

    assert not directory.exists()
    assert not exists(pid)


def test_an_engine_that_ends_by_itself_is_noticed(ffmpeg: Ffmpeg) -> None:
    with Engine(ffmpeg=ffmpeg) as engine:
        os.kill(engine.pid, signal.SIGTERM)

        eventually(engine.ended)
        assert "Ready" in engine.last_words(200)


def test_an_engine_that_cannot_start_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ffmpeg: Ffmpeg
) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("SLUICE_ENGINE_PYTHON", str(broken))

    with pytest.raises(EngineFailed, match="code 3"), Engine(ffmpeg=ffmpeg):
        pass


def test_a_machine_without_the_engine_is_told_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUICE_ENGINE_PYTHON", str(tmp_path / "none"))

    with pytest.raises(NotInstalled, match="make install"):
        engine_python()


def test_another_version_of_the_engine_is_refused() -> None:
    check_version(PINNED_VERSION)

    with pytest.raises(WrongEngine, match=rf"needs ministack {PINNED_VERSION} and found 1\.6\.0"):
        check_version("1.6.0")


def test_the_pinned_version_is_the_one_that_is_installed() -> None:
    assert f"ministack=={PINNED_VERSION}" in (ROOT / "requirements-engine.txt").read_text()


def test_objects_executions_and_tables_survive_a_restart(
    tmp_path: Path, ffmpeg: Ffmpeg, check_kept: Callable[[Engine], None]
) -> None:
    with Engine(data=tmp_path, ffmpeg=ffmpeg) as engine:
        port = engine.port
        make_kept(engine)

    with Engine(data=tmp_path, ffmpeg=ffmpeg) as engine:
        assert engine.port == port
        check_kept(engine)


@pytest.fixture
def check_kept() -> Callable[[Engine], None]:
    def check(engine: Engine) -> None:
        body = engine.client("s3").get_object(Bucket="kept", Key="k")["Body"].read()
        item = engine.client("dynamodb").get_item(TableName="kept", Key={"id": {"S": "1"}})["Item"]
        assert body == b"audio"
        assert item["n"] == {"N": "7"}

    return check


def make_kept(engine: Engine) -> None:
    s3, dynamodb = engine.client("s3"), engine.client("dynamodb")
    s3.create_bucket(Bucket="kept")
    s3.put_object(Bucket="kept", Key="k", Body=b"audio")
    dynamodb.create_table(
        TableName="kept",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.put_item(TableName="kept", Item={"id": {"S": "1"}, "n": {"N": "7"}})


def test_data_is_used_by_one_engine_at_a_time(tmp_path: Path, ffmpeg: Ffmpeg) -> None:
    with (
        Engine(data=tmp_path, ffmpeg=ffmpeg),
        pytest.raises(DataUnusable, match="Another pipeline is using"),
        Engine(data=tmp_path, ffmpeg=ffmpeg),
    ):
        pass


def test_a_port_that_was_taken_meanwhile_is_given_up(tmp_path: Path, ffmpeg: Ffmpeg) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        (tmp_path / "engine.port").write_text(str(port))

        with Engine(data=tmp_path, ffmpeg=ffmpeg) as engine:
            assert engine.port != port
            assert (tmp_path / "engine.port").read_text() == str(engine.port)


@pytest.mark.parametrize("note", ["garbage", "-1", "65536", "", "\xff8080"])
def test_a_note_that_is_of_no_port_is_as_none(tmp_path: Path, note: str) -> None:
    (tmp_path / "engine.port").write_text(note, encoding="latin-1")

    with Engine(data=tmp_path) as engine:
        assert (tmp_path / "engine.port").read_text() == str(engine.port)


def test_the_engine_is_reached_without_the_proxy_of_the_environment(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")

    assert "Buckets" in engine.client("s3").list_buckets()


def pid_in(file: Path) -> int | None:
    return int(file.read_text()) if file.exists() and file.read_text() else None


def exists(pid: int) -> bool:
    """A zombie does not count: its parent has been killed, and init may take its time."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")


def remove(directory: Path) -> None:
    shutil.rmtree(directory)
