"""Real ffmpeg, and S3 and DynamoDB by moto's server: what crosses threads and processes cannot be
mocked in-process."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import moto.s3.models
import pytest
from moto.server import ThreadedMotoServer

from local.ffmpeg import Ffmpeg, find_ffmpeg
from tests.contract import pretend
from tests.converter.sounds import Sounds
from tests.converter.traps import Guard, guarded
from tests.converter.world import World

# The names that tasks/converter gives its threads: other suites have threads of their own here.
_OURS = re.compile(r"gate|sink|reporter|peaks|part-\d+|block_\d+")


@pytest.fixture(scope="session")
def ffmpeg() -> Ffmpeg:
    return find_ffmpeg()


@pytest.fixture(scope="session")
def sounds(ffmpeg: Ffmpeg, tmp_path_factory: pytest.TempPathFactory) -> Sounds:
    return Sounds(ffmpeg, tmp_path_factory.mktemp("sounds"))


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """Parts may be small here: S3's least of 5 MiB would make every test convert many of them."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moto.s3.models, "S3_UPLOAD_PART_MIN_SIZE", 1024)
        with pretend.quick_answers():
            yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def world(
    endpoint: str, ffmpeg: Ffmpeg, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[World]:
    """A bucket and tables of this test's own, and nothing else in the environment."""
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",  # pragma: allowlist secret
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "TMPDIR": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    before = set(threading.enumerate())
    made = World.build(ffmpeg)
    yield made
    made.close()
    assert _left(before) == [], "a run left threads behind"


def _left(before: set[threading.Thread]) -> list[str]:
    """The converter's own threads that have come since; those that are ending get a moment."""
    deadline = time.monotonic() + 2
    while True:
        new = set(threading.enumerate()) - before
        left = sorted(each.name for each in new if _OURS.fullmatch(each.name))
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.02)


@pytest.fixture
def guard(world: World, tmp_path: Path) -> Iterator[Guard]:
    with guarded(world, tmp_path) as made:
        yield made
