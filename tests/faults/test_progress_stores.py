"""Progress with Redis in front of DynamoDB, one failure at a time.

The Redis is a real server, behind a link that breaks; DynamoDB is moto's, refused at the client's
edge.
"""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError
from redis.exceptions import RedisError

from conversion.clock import timestamp, utc_now
from conversion.errors import RecordsUnavailable, SupersededAttempt
from conversion.stores.breaker import Breaker
from conversion.stores.recent import RecentProgress
from conversion.stores.redis_progress import Copy, RedisProgress
from local.redis import Redis
from tests.faults.link import Mode
from tests.faults.pair import (
    JOB_ID,
    KEY,
    LEFT_ALONE,
    NO_COPIES,
    REMEMBERED,
    TRUSTED,
    Pair,
    at,
    down,
    redis_at,
    wait_until,
)


def test_a_report_is_in_dynamodb_first_and_then_in_redis(pair: Pair) -> None:
    pair.writer.begin(JOB_ID, 1)
    pair.copied(at(40.0))

    assert pair.writers_tables.progress.read([JOB_ID])[JOB_ID].percent == 40.0
    assert 0 < pair.redis.ttl(KEY) <= 3600
    with down(pair.readers_tables):
        wait_until(lambda: pair.shows(40.0))


def test_what_is_older_in_redis_than_in_dynamodb_is_not_shown(pair: Pair) -> None:
    """The converter has lost its Redis, which the readers have not."""
    pair.writer.begin(JOB_ID, 1)
    pair.copied(at(40.0))
    pair.writing.mode = Mode.REFUSED
    for percent in (50.0, 60.0):
        pair.writer.report(JOB_ID, at(percent))
    time.sleep(TRUSTED)

    assert pair.is_copied(40.0)
    assert pair.shown().percent == 60.0
    with down(pair.readers_tables):
        wait_until(lambda: pair.shows(40.0))  # all there is to be had


def test_a_redis_that_was_flushed_is_as_good_as_before_after_the_next_report(pair: Pair) -> None:
    pair.writer.begin(JOB_ID, 1)
    pair.copied(at(40.0))
    pair.redis.flushall()
    assert pair.shown().percent == 40.0

    pair.copied(at(41.0))


def test_what_is_no_copy_is_not_shown_and_written_over(pair: Pair) -> None:
    pair.writer.begin(JOB_ID, 1)
    for number, text in enumerate(NO_COPIES):
        pair.writer.report(JOB_ID, at(number))
        pair.redis.set(KEY, text)
        assert pair.shown().percent == number, text

        pair.copied(at(number + 0.5))


def test_a_key_that_holds_something_else_is_written_over(pair: Pair) -> None:
    pair.writer.begin(JOB_ID, 1)
    pair.redis.delete(KEY)
    pair.redis.lpush(KEY, "not ours")
    breaker = Breaker("Redis", (RedisError, OSError), 3, seconds=600.0)
    reader = pair.store(pair.reading, pair.readers_tables, breaker)
    for _ in range(5):
        assert reader.read([JOB_ID])[JOB_ID].percent == 0.0
    assert not breaker.is_open, "Redis is taken for lost"

    pair.copied(at(41.0))


def test_a_write_that_redis_does_late_does_no_harm(pair: Pair, redis_server: Redis) -> None:
    """It was stopped with the write in its hands; by the time it goes on, DynamoDB is far ahead."""
    breaker = Breaker("Redis", (RedisError, OSError), 3, seconds=600.0)
    writer = pair.store(pair.writing, pair.writers_tables, breaker)
    writer.begin(JOB_ID, 1)
    pair.copied(at(10.0), by=writer)
    os.kill(redis_server.pid, signal.SIGSTOP)
    try:
        for percent in (20.0, 30.0, 40.0, 50.0):
            writer.report(JOB_ID, at(percent))
        assert breaker.is_open
        assert pair.shown().percent == 50.0
        time.sleep(TRUSTED)
    finally:
        os.kill(redis_server.pid, signal.SIGCONT)
    wait_until(lambda: not pair.is_copied(10.0))

    late = Copy.from_text(pair.redis.get(KEY))
    assert late is not None
    assert 20.0 <= late.progress.percent < 50.0
    assert pair.shown().percent == 50.0


def test_while_the_breaker_is_open_nobody_is_called(pair: Pair, caplog: Any) -> None:
    pair.writer.begin(JOB_ID, 1)
    breaker = Breaker("Redis", (RedisError, OSError), 3, seconds=600.0)
    reader = pair.store(pair.reading, pair.readers_tables, breaker)
    pair.reading.mode = Mode.BLACK_HOLE
    for _ in range(3):
        assert reader.read([JOB_ID])[JOB_ID].percent == 0.0
    assert (breaker.is_open, pair.reading.connections) == (True, 3)

    for _ in range(200):
        assert reader.read([JOB_ID])[JOB_ID].percent == 0.0
    assert pair.reading.connections == 3
    said = [record.getMessage() for record in caplog.records]
    assert said == ["called"] * 3 + ["degraded: Redis does not answer"]


def test_with_dynamodb_down_the_percent_waits_and_the_rest_lives_on(pair: Pair) -> None:
    pair.writer.begin(JOB_ID, 1)
    pair.copied(at(40.0, seconds_done=40.0))

    def lives_on(seconds: float) -> bool:
        with pytest.raises(RecordsUnavailable):
            pair.writer.report(JOB_ID, at(seconds, seconds_done=seconds))
        return pair.shows(40.0, seconds_done=seconds)

    with down(pair.writers_tables, pair.readers_tables):
        for seconds in (50.0, 60.0):
            wait_until(partial(lives_on, seconds))
        time.sleep(TRUSTED)
        wait_until(lambda: pair.shows(40.0, seconds_done=60.0))
    time.sleep(LEFT_ALONE)

    wait_until(lambda: pair.shows(40.0, seconds_done=60.0))
    pair.copied(at(61.0, seconds_done=61.0))
    assert pair.shows(61.0, seconds_done=61.0)


def test_a_report_that_dynamodb_took_without_an_answer_is_not_taken_back(pair: Pair) -> None:
    """The writer believes 40; whoever asks DynamoDB is shown 50, and is never shown 40 again."""
    pair.writer.begin(JOB_ID, 1)
    pair.copied(at(40.0))
    pair.writers_tables.progress.report(JOB_ID, at(50.0))
    time.sleep(TRUSTED)
    assert pair.shown().percent == 50.0

    def lives_on() -> bool:
        with down(pair.writers_tables), pytest.raises(RecordsUnavailable):
            pair.writer.report(JOB_ID, at(60.0, seconds_done=60.0))
        assert pair.is_copied(40.0)
        return pair.shows(50.0, seconds_done=60.0)

    wait_until(lives_on)


def test_with_both_of_them_gone_the_last_known_is_shown(pair: Pair) -> None:
    pair.writer.begin(JOB_ID, 1)
    pair.writer.report(JOB_ID, at(40.0))
    recent = RecentProgress(pair.reader, REMEMBERED)
    recent.read([JOB_ID])
    pair.redis.flushall()
    time.sleep(TRUSTED)
    with down(pair.readers_tables):
        for _ in range(5):
            assert recent.read([JOB_ID])[JOB_ID].percent == 40.0
        with pytest.raises(RecordsUnavailable):
            pair.shown()


def test_what_dynamodb_has_no_more_is_not_shown_from_redis(pair: Pair) -> None:
    """The record was cleaned away by somebody who knows no Redis."""
    pair.writer.begin(JOB_ID, 1)
    pair.writer.report(JOB_ID, at(40.0))
    pair.writers_tables.progress.remove(JOB_ID)
    time.sleep(TRUSTED)

    assert pair.reader.read([JOB_ID]) == {}


@pytest.mark.parametrize("is_flushed", [False, True], ids=["beside the heir's", "after a flush"])
def test_a_zombie_that_cannot_ask_dynamodb_leaves_no_copy(pair: Pair, is_flushed: bool) -> None:
    zombie = pair.store(pair.writing, pair.writers_tables)
    heir = pair.store(pair.reading, pair.readers_tables)
    zombie.begin(JOB_ID, 1)
    pair.copied(at(40.0), by=zombie)
    heir.begin(JOB_ID, 2)
    pair.copied(at(50.0, attempt=2), by=heir)
    if is_flushed:
        pair.redis.flushall()
    before = pair.redis.get(KEY)

    with down(pair.writers_tables):
        for _ in range(3):
            with pytest.raises(RecordsUnavailable):
                zombie.report(JOB_ID, at(60.0))
    with pytest.raises(SupersededAttempt):
        zombie.report(JOB_ID, at(60.0))

    assert pair.redis.get(KEY) == before
    assert (pair.shown().attempt, pair.shown().percent) == (2, 50.0)


def test_a_zombies_copy_and_an_older_one_give_way(pair: Pair) -> None:
    pair.writer.begin(JOB_ID, 2)
    pair.copied(at(50.0, attempt=2))
    now = timestamp(utc_now())

    late = RedisProgress(redis_at(pair.writing.port))
    late.write(JOB_ID, Copy(at(90.0), now))
    assert pair.is_copied(50.0)
    late.write(JOB_ID, Copy(at(49.0, attempt=2), now))
    assert pair.is_copied(50.0)


def test_a_copy_from_the_future_is_trusted_no_more_than_one_from_the_past(pair: Pair) -> None:
    """Clocks jump, by minutes either way."""
    pair.writer.begin(JOB_ID, 1)
    pair.writer.report(JOB_ID, at(40.0))
    for minutes in (-10, 10):
        moment = timestamp(utc_now() + timedelta(minutes=minutes))
        item = replace(at(30.0), updated_at=moment).to_item() | {"durableAt": moment}
        pair.redis.set(KEY, json.dumps(item))
        assert pair.shown().percent == 40.0


def throttled() -> Exception:
    return ClientError(
        {
            "Error": {"Code": "ProvisionedThroughputExceededException", "Message": "slower"},
            "ResponseMetadata": {"HTTPStatusCode": 400},
        },  # type: ignore[typeddict-item]
        "UpdateItem",
    )


@pytest.mark.parametrize("error", [throttled, None], ids=["throttled", "unreachable"])
def test_no_attempt_begins_without_dynamodb(pair: Pair, error: Any) -> None:
    if error is not None:
        pair.writers_tables.error = error
    with down(pair.writers_tables), pytest.raises(RecordsUnavailable):
        pair.writer.begin(JOB_ID, 1)
    assert pair.redis.get(KEY) is None


def test_many_jobs_are_read_from_both_where_some_are_old(pair: Pair) -> None:
    ids = [f"{number:032x}" for number in range(30)]
    for number, job_id in enumerate(ids):
        pair.writer.begin(job_id, 1)
        if number == 10:
            time.sleep(TRUSTED)
        if number % 3 == 0:
            pair.redis.delete(f"sluice:progress:{job_id}")
        pair.writers_tables.progress.report(job_id, at(number / 10))

    shown = pair.reader.read([*ids, "unknown"])
    assert shown.keys() == set(ids)
    old = [number for number in range(30) if number < 10 or number % 3 == 0]
    assert {number: shown[ids[number]].percent for number in old} == {n: n / 10 for n in old}
