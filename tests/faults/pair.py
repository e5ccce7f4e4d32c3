"""A converter and the readers of its progress, each with a link of its own to a real Redis and a
client of its own for moto's DynamoDB, so that each store can fail for either.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from redis.exceptions import RedisError

from conversion.errors import RecordsUnavailable
from conversion.progress import Progress, Stage
from conversion.stores import clients, redis_first
from conversion.stores.breaker import Breaker
from conversion.stores.progress import ProgressTable
from conversion.stores.redis_first import RedisFirst
from conversion.stores.redis_progress import Copy, RedisProgress
from local.redis import Redis
from tests.contract import pretend, tables
from tests.faults.link import Link

JOB_ID = "7c9e6679f7a349c8a1e0f5d2b6c4a813"
KEY = f"sluice:progress:{JOB_ID}"
WAIT = 15.0
# A fifth of what is trusted (0.8 s) and of how long a poller waits (1 s), and a tenth of what is
# remembered (0.4 s). A store that is dead is left alone far shorter than the 2 s of DynamoDB and
# the 10 s of Redis, so that a test may see it used again.
TRUSTED, REMEMBERED, POLL, LEFT_ALONE = 0.16, 0.04, 0.2, 0.1


@pytest.fixture
def sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_first, "_TRUSTED_SECONDS", TRUSTED)
    monkeypatch.setattr(redis_first, "_LEFT_ALONE_SECONDS", LEFT_ALONE)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Redis]:
    with Redis() as running:
        yield running


# moto's backend knows nothing of threads: read while it is written, it raises errors of its own.
_MOTO = threading.Lock()


@dataclass
class Tables:
    """DynamoDB as one process reaches it."""

    client: Any
    is_down: bool = False
    error: Callable[[], Exception] = field(
        default=lambda: EndpointConnectionError(endpoint_url="https://dynamodb.invalid")
    )

    def __post_init__(self) -> None:
        self.client.meta.events.register("before-call.dynamodb", self._fail)
        call = self.client._make_api_call

        def one_at_a_time(*arguments: Any) -> Any:
            with _MOTO:
                return call(*arguments)

        self.client._make_api_call = one_at_a_time

    def _fail(self, **_: Any) -> None:
        if self.is_down:
            raise self.error()

    @property
    def progress(self) -> ProgressTable:
        return ProgressTable(self.client, tables.PROGRESS)


class Pair:
    """A converter and some readers' processes, each with links and clients of its own."""

    def __init__(self, server: Redis) -> None:
        self.writing, self.reading = Link(server.port), Link(server.port)
        self.writers_tables = Tables(clients.dynamodb())
        tables.create_tables(self.writers_tables.client)
        self.readers_tables = Tables(clients.dynamodb())
        self.redis = redis_at(server.port)
        self.redis.flushall()
        self.writer = self.store(self.writing, self.writers_tables)
        self.reader = self.store(self.reading, self.readers_tables)

    def __enter__(self) -> Pair:
        self.writing.__enter__()
        self.reading.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.writing.__exit__()
        self.reading.__exit__()
        self.redis.close()

    def store(self, link: Link, dynamodb: Tables, breaker: Breaker | None = None) -> RedisFirst:
        breaker = breaker or Breaker("Redis", (RedisError, OSError), 3, LEFT_ALONE, 0.1)
        return RedisFirst(RedisProgress(redis_at(link.port), breaker), dynamodb.progress)

    def shown(self) -> Progress:
        return self.reader.read([JOB_ID])[JOB_ID]

    def shows(self, percent: float, **figures: float) -> bool:
        """Whether a look is answered so. One of a Redis that took over 0.1 s is lost, so that a
        test which hangs on Redis looks again."""
        with suppress(RecordsUnavailable):
            shown = vars(self.shown())
            return shown["percent"] == percent and shown.items() >= figures.items()
        return False

    def copied(self, progress: Progress, by: RedisFirst | None = None) -> None:
        """Report it until Redis has it too, which on a busy machine may not be the first time."""
        writer = by or self.writer

        def is_there() -> bool:
            writer.report(JOB_ID, progress)
            return self.is_copied(progress.percent)

        wait_until(is_there)

    def is_copied(self, percent: float) -> bool:
        copy = Copy.from_text(self.redis.get(KEY))
        return copy is not None and copy.progress.percent == percent


def redis_at(port: int) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1")  # not on AWS: no TLS
        return clients.redis("127.0.0.1", port)


@pytest.fixture
def pair(redis_server: Redis, sooner: None) -> Iterator[Pair]:
    with pretend.aws(), Pair(redis_server) as made:
        yield made


def at(percent: float, attempt: int = 1, **figures: Any) -> Progress:
    return Progress(attempt, Stage.CONVERTING, percent, **figures)


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@contextmanager
def down(*reached: Tables) -> Generator[None]:
    for each in reached:
        each.is_down = True
    yield
    for each in reached:
        each.is_down = False


NO_COPIES = [
    b"", b"\xff\xfe\x00", b"null", b"[]", b"{}", b'"converting"', b"42", b"{",
    b'{"attempt": 1}',
    b'{"attempt": "x", "stage": "converting", "percent": 5, "durableAt": "now"}',
    b'{"attempt": 1, "stage": "dancing", "percent": 5, "durableAt": "2026-11-21T09:30:14.512Z"}',
    b'{"attempt": 1, "stage": "converting", "percent": NaN, "durableAt": "2026-11-21T09:30:14Z"}',
    b'{"attempt": 1, "stage": "converting", "percent": 1e9, "durableAt": "2026-11-21T09:30:14Z"}',
    b'{"attempt": 1, "stage": "converting", "percent": 5, "durableAt": "tomorrow"}',
    b'{"attempt": 1, "stage": "converting", "percent": 5, "durableAt": "2026-11-21T09:30:14"}',
    b'{"attempt": 1, "stage": "converting", "percent": 5, "speed": "fast",'
    b' "durableAt": "2026-11-21T09:30:14Z"}',
]  # fmt: skip
