"""A Redis without an answer is told to whoever counts such calls, each of them, and no others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conversion.stores import clients
from conversion.stores.redis_progress import Copy, RedisProgress
from local.redis import Redis
from tests.contract.examples import JOB_ID, PROGRESS

COPY = Copy(PROGRESS, PROGRESS.updated_at)
NOWHERE = 9  # the discard port, on which nothing listens


class Counted:
    def __init__(self, host: str, port: int) -> None:
        self.times = 0
        client = clients.redis(host, port)
        self.copies = RedisProgress(client, unanswered=self._count)

    def _count(self) -> None:
        self.times += 1


@pytest.fixture(autouse=True)
def not_on_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """No TLS."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1")


@pytest.fixture(scope="module")
def server() -> Iterator[Redis]:
    with Redis() as server:
        yield server


def test_each_call_is_counted_those_that_the_breaker_does_not_try_among_them() -> None:
    lost = Counted("127.0.0.1", NOWHERE)
    for _ in range(3):
        assert lost.copies.read([JOB_ID]) == {}
    lost.copies.write(JOB_ID, COPY)
    lost.copies.remove(JOB_ID)
    assert lost.times == 5


def test_an_answer_is_not_one_that_says_there_is_nothing_among_them(server: Redis) -> None:
    asked = Counted(server.host, server.port)
    assert asked.copies.read([JOB_ID]) == {}
    asked.copies.write(JOB_ID, COPY)
    assert asked.copies.read([JOB_ID]) == {JOB_ID: COPY}
    asked.copies.write(JOB_ID, COPY, only_over_own=True)
    asked.copies.remove(JOB_ID)
    assert asked.times == 0
