"""The Redis of this machine: which it is, and that it ends when its owner does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis

from conversion.clock import timestamp, utc_now
from conversion.progress import Progress, Stage
from conversion.stores.redis_progress import Copy, RedisProgress
from local import redis as here
from local.errors import RedisFailed
from local.redis import HOST, ROOT, Redis

WAIT = 10.0


def client(port: int) -> redis.Redis:
    return redis.Redis(HOST, port, protocol=2, driver_info=None)


def listens(port: int) -> bool:
    with client(port) as asking:
        try:
            return bool(asking.ping())
        except redis.ConnectionError:
            return False


def wait_until_gone(port: int) -> None:
    deadline = time.monotonic() + WAIT
    while listens(port):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_listens_while_open_and_keeps_nothing() -> None:
    with Redis() as first:
        with client(first.port) as asking:
            asking.set("a", "1")
            assert asking.config_get("save") == {"save": ""}
            assert asking.config_get("bind") == {"bind": HOST}
        os.kill(first.pid, 0)
    assert not listens(first.port)

    with Redis(first.port) as again, client(again.port) as asking:
        assert again.port == first.port
        assert asking.get("a") is None


def test_two_of_them_are_two() -> None:
    with Redis() as one, Redis() as other:
        assert one.port != other.port
        with client(one.port) as asking, client(other.port) as elsewhere:
            asking.set("a", "1")
            assert elsewhere.get("a") is None


def test_a_port_that_is_taken_is_refused() -> None:
    with Redis() as first, pytest.raises(RedisFailed):
        Redis(first.port).__enter__()


def test_it_ends_though_it_was_stopped() -> None:
    with Redis() as stopped:
        os.kill(stopped.pid, signal.SIGSTOP)
    with pytest.raises(ProcessLookupError):
        os.kill(stopped.pid, 0)


def test_it_ends_when_its_owner_is_killed() -> None:
    owner = subprocess.Popen(
        [
            *(sys.executable, "-c"),
            "from local.redis import Redis\n"
            "with Redis() as server:\n"
            "    print(server.port, flush=True)\n"
            "    input()",
        ],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert owner.stdout is not None
    port = int(owner.stdout.readline())
    assert listens(port)

    owner.kill()
    owner.communicate()
    wait_until_gone(port)


@pytest.mark.parametrize(
    ("says", "is_of"),
    [
        ("Redis server v=6.2.5 sha=00000000:0 malloc=jemalloc-5.1.0 bits=64", (6, 2)),
        ("Valkey server v=8.1.3 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64", (8, 1)),
        ("Redis server version 2.4.10 (00000000:0)", (0, 0)),
        ("", (0, 0)),
    ],
)
def test_a_servers_version_is_read(tmp_path: Path, says: str, is_of: tuple[int, int]) -> None:
    server = tmp_path / "redis-server"
    server.write_text(f"#!/bin/sh\necho '{says}'\n")
    server.chmod(0o755)
    assert here.version(server) == is_of


def test_what_does_not_run_has_no_version(tmp_path: Path) -> None:
    foreign = tmp_path / "redis-server"
    foreign.write_bytes(b"\x7fELF of another machine")
    foreign.chmod(0o755)
    assert here.version(foreign) == (0, 0)
    assert here.version(tmp_path / "none") == (0, 0)


def test_one_that_is_too_old_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, number in (("redis-server", "5.0.14"), ("valkey-server", "8.1.3")):
        server = tmp_path / name
        server.write_text(f"#!/bin/sh\necho 'server v={number} sha=0'\n")
        server.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert here.find_redis() == tmp_path / "valkey-server"


def test_where_none_runs_there_is_one_in_python() -> None:
    """It does what the stores ask of a Redis, the script and a key of another type among it."""
    starts = "import local.redis as here; here.find_redis = lambda: None; here.main(0)"
    with subprocess.Popen(
        [sys.executable, "-c", starts],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        port = int(process.stdout.readline().split('"port": ')[1].split(",")[0])
        now = timestamp(utc_now())
        with client(port) as asking:
            copies = RedisProgress(asking)
            for attempt, percent in ((1, 50.0), (1, 40.0), (2, 45.0), (1, 60.0)):
                copies.write("a", Copy(Progress(attempt, Stage.CONVERTING, percent), now))
            copies.write("b", Copy(Progress(1, Stage.CONVERTING), now), only_over_own=True)
            asking.lpush("sluice:progress:c", "not ours")
            assert {
                job_id: (copy.progress.attempt, copy.progress.percent)
                for job_id, copy in copies.read(["a", "b", "c"]).items()
            } == {"a": (2, 45.0)}
        process.stdin.close()
        assert process.wait(WAIT) == 0
