"""Redis, asked whether it answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conversion.stores.redis_ping import RedisPing
from local.redis import Redis


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")  # where Redis speaks no TLS
    with Redis() as server:
        yield server


def test_one_that_answers_is_timed(server: Redis) -> None:
    answer = RedisPing(server.host, server.port).ping()

    assert list(answer) == ["milliseconds"]
    assert 0 <= answer["milliseconds"] < 1000


def test_one_moment_without_an_answer_is_no_failure(server: Redis) -> None:
    """The first try ends after 0.1 s; Redis holds its answers back for a little longer."""
    asking = RedisPing(server.host, server.port)
    asking.ping()
    asking._client.client_pause(130)

    assert "milliseconds" in asking.ping()


def test_one_that_has_stopped_is_an_error_without_its_address(server: Redis) -> None:
    asking = RedisPing(server.host, server.port)
    asking.ping()
    server.__exit__(None, None, None)

    assert asking.ping() == {"error": "ConnectionError"}


def test_without_a_redis_there_is_none_to_ask() -> None:
    assert RedisPing("", 6379).ping() == {"error": "NoRedis"}
