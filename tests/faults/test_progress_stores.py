"""Progress with Redis in front of DynamoDB, while either of them fails in every way we can make.

What a reader sees never falls and is never ahead of what DynamoDB has; the converter never learns
that there is a Redis at all. The Redis is a real server, behind a link that breaks; DynamoDB is
moto's, refused at the client's edge.
"""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from redis.exceptions import RedisError

from conversion.clock import timestamp, utc_now
from conversion.errors import RecordsUnavailable, SupersededAttempt
from conversion.job import Status
from conversion.progress import Progress, ProgressStore, Stage
from conversion.stores import clients, redis_first
from conversion.stores.breaker import Breaker
from conversion.stores.progress import ProgressTable
from conversion.stores.recent import RecentProgress
from conversion.stores.redis_first import RedisFirst
from conversion.stores.redis_progress import Copy, RedisProgress
from local.redis import Redis
from tests.contract import pretend, tables
from tests.converter.sounds import Sounds
from tests.converter.world import World
from tests.faults.conftest import Through
from tests.faults.counts import Counts
from tests.faults.link import Link, Mode
from tests.faults.plans import Fault, Kind, Outage
from tests.faults.proxy import Proxy

JOB_ID = "7c9e6679f7a349c8a1e0f5d2b6c4a813"
KEY = f"sluice:progress:{JOB_ID}"
WAIT = 15.0
# A fifth of the real times, all of them: what is trusted, what is remembered, how long a poller
# waits, how long a dead Redis is left alone.
TRUSTED, REMEMBERED, POLL, LEFT_ALONE = 0.16, 0.04, 0.2, 0.1
PROCESSES, PATIENT_POLLERS = 3, 4


@pytest.fixture(autouse=True)
def sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_first, "_TRUSTED_SECONDS", TRUSTED)
    monkeypatch.setattr(redis_first, "_LEFT_ALONE_SECONDS", LEFT_ALONE)


@pytest.fixture(scope="session")
def server() -> Iterator[Redis]:
    with Redis() as running:
        yield running


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

    def _fail(self, **_: Any) -> None:
        if self.is_down:
            raise self.error()

    @property
    def progress(self) -> ProgressTable:
        return ProgressTable(self.client, tables.PROGRESS)


def throttled() -> Exception:
    return ClientError(
        {
            "Error": {"Code": "ProvisionedThroughputExceededException", "Message": "slower"},
            "ResponseMetadata": {"HTTPStatusCode": 400},
        },  # type: ignore[typeddict-item]
        "UpdateItem",
    )


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

    def is_copied(self, percent: float) -> bool:
        copy = Copy.from_text(self.redis.get(KEY))
        return copy is not None and copy.progress.percent == percent


def redis_at(port: int) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1")  # not on AWS: no TLS
        return clients.redis("127.0.0.1", port)


@pytest.fixture
def pair(server: Redis) -> Iterator[Pair]:
    with pretend.aws(), Pair(server) as made:
        yield made


def at(percent: float, attempt: int = 1, **figures: Any) -> Progress:
    return Progress(attempt, Stage.CONVERTING, percent, **figures)


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@contextmanager
def down(*reached: Tables) -> Iterator[None]:
    for each in reached:
        each.is_down = True
    yield
    for each in reached:
        each.is_down = False


# What a job looks like to those who poll it, while things go wrong


@dataclass
class Watch:
    """Readers' processes, somebody who polls each of them all the time, and pollers who wait as
    they are told and are answered by another process each time."""

    processes: list[RecentProgress]
    over: threading.Event = field(default_factory=threading.Event)
    stories: list[list[Progress]] = field(default_factory=list[list[Progress]])
    wrong: list[str] = field(default_factory=list[str])
    confirmed: float = 0.0

    def __post_init__(self) -> None:
        eager = [(lambda process=each: process, 0.01) for each in self.processes]
        patient = [(lambda: random.choice(self.processes), POLL)] * PATIENT_POLLERS
        self.threads = [
            threading.Thread(target=self._poll, args=each, daemon=True)
            for each in (*eager, *patient)
        ]
        for each in self.threads:
            each.start()

    def _poll(self, process: Callable[[], RecentProgress], pause: float) -> None:
        story: list[Progress] = []
        self.stories.append(story)
        while not self.over.is_set():
            try:
                found = process().read([JOB_ID]).get(JOB_ID)
            except RecordsUnavailable:
                found = None
            except Exception as error:
                self.wrong.append(repr(error))
                return
            if found is not None:
                if found.percent > self.confirmed:
                    self.wrong.append(f"{found.percent} was shown, {self.confirmed} is confirmed")
                story.append(found)
            self.over.wait(pause)

    def end(self) -> None:
        self.over.set()
        for each in self.threads:
            each.join()

    @property
    def falls(self) -> list[tuple[float, float]]:
        return [
            (old.percent, new.percent)
            for story in self.stories
            for old, new in pairwise(story)
            if (new.percent, new.attempt) < (old.percent, old.attempt)
        ]

    @property
    def polls(self) -> int:
        return sum(len(story) for story in self.stories)


def run(store: ProgressStore, watch: Watch, attempt: int, percents: range) -> int:
    """An attempt that reports some times a second; returns how many reports were not taken."""
    lost = 0
    for percent in percents:
        watch.confirmed = max(watch.confirmed, percent / 10)
        try:
            store.report(JOB_ID, at(percent / 10, attempt, seconds_done=percent))
        except RecordsUnavailable:
            lost += 1
        time.sleep(0.02)
    return lost


def breaks_both(mode: Mode) -> Callable[[Pair], None]:
    def breaks(pair: Pair) -> None:
        pair.writing.mode = pair.reading.mode = mode

    return breaks


def breaks_writing(mode: Mode) -> Callable[[Pair], None]:
    def breaks(pair: Pair) -> None:
        pair.writing.mode = mode

    return breaks


def breaks_reading(mode: Mode) -> Callable[[Pair], None]:
    def breaks(pair: Pair) -> None:
        pair.reading.mode = mode

    return breaks


def flaps(pair: Pair) -> None:
    """Comes and goes, for the one and for the others at different times."""
    for _ in range(8):
        pair.writing.mode, pair.reading.mode = random.choices(
            [Mode.PASS, Mode.REFUSED, Mode.BLACK_HOLE, Mode.SLOW, Mode.UNHEARD], k=2
        )
        time.sleep(0.05)


def flushes(pair: Pair) -> None:
    for _ in range(10):
        pair.redis.flushall()
        time.sleep(0.03)


def garbles(pair: Pair) -> None:
    for each in NO_COPIES:
        pair.redis.set(KEY, each)
        time.sleep(0.02)


def goes_back(pair: Pair) -> None:
    """A replica that was behind takes over, again and again."""
    for _ in range(10):
        before = pair.redis.get(KEY)
        time.sleep(0.05)
        if before is not None:
            pair.redis.set(KEY, before)


FAULTS: dict[str, Callable[[Pair], None]] = {
    **{f"{mode.name.lower()} for both": breaks_both(mode) for mode in Mode},
    "flaps": flaps,
    "flushed": flushes,
    "garbled values": garbles,
    "a replica that was behind": goes_back,
}
SIDED = {
    **{f"{mode.name.lower()} for the writer": breaks_writing(mode) for mode in Mode},
    **{f"{mode.name.lower()} for the readers": breaks_reading(mode) for mode in Mode},
}
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


USUAL = ("black_hole for both", "unheard for both", "flaps", "flushed", "garbled values")


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(each, marks=[] if each in USUAL else pytest.mark.long)
        for each in FAULTS | SIDED
    ],
)
def test_whatever_redis_does_the_percent_never_falls(
    pair: Pair, counts: Counts, fault: str
) -> None:
    begins = (FAULTS | SIDED)[fault]
    pair.writer.begin(JOB_ID, 1)
    watch = Watch(
        [
            RecentProgress(pair.store(pair.reading, pair.readers_tables), REMEMBERED)
            for _ in range(PROCESSES)
        ]
    )
    breaking = threading.Thread(target=begins, args=(pair,))

    lost = run(pair.writer, watch, 1, range(1, 8))
    breaking.start()
    lost += run(pair.writer, watch, 1, range(8, 20))
    assert pair.writer.begin(JOB_ID, 2).percent == 1.9
    lost += run(pair.writer, watch, 2, range(19, 30))
    breaking.join()
    pair.writing.mode = pair.reading.mode = Mode.PASS
    lost += run(pair.writer, watch, 2, range(30, 40))
    watch.end()
    time.sleep(TRUSTED)

    assert lost == 0  # what Redis did, the converter has not heard of
    assert watch.wrong == []
    assert watch.falls == []
    assert {each.read([JOB_ID])[JOB_ID].percent for each in watch.processes} == {3.9}
    wait_until(lambda: _is_used_again(pair))
    counts("progress_stores", polls=watch.polls, falls=len(watch.falls), reports=40)


def _is_used_again(pair: Pair) -> bool:
    """Both sides have found it again: what was reported is in Redis, and read from there alone."""
    pair.writer.report(JOB_ID, at(3.9, 2))
    with down(pair.readers_tables):
        try:
            return pair.shown().percent == 3.9
        except RecordsUnavailable:
            return False


# One thing at a time


def test_a_report_is_in_dynamodb_first_and_then_in_redis(pair: Pair) -> None:
    pair.writer.begin(JOB_ID, 1)
    pair.writer.report(JOB_ID, at(40.0))

    assert pair.is_copied(40.0)
    assert pair.writers_tables.progress.read([JOB_ID])[JOB_ID].percent == 40.0
    assert 0 < pair.redis.ttl(KEY) <= 3600
    with down(pair.readers_tables):
        assert pair.shown().percent == 40.0


def test_what_is_older_in_redis_than_in_dynamodb_is_not_shown(pair: Pair) -> None:
    """The converter has lost its Redis, which the readers have not."""
    pair.writer.begin(JOB_ID, 1)
    pair.writer.report(JOB_ID, at(40.0))
    pair.writing.mode = Mode.REFUSED
    for percent in (50.0, 60.0):
        pair.writer.report(JOB_ID, at(percent))
    time.sleep(TRUSTED)

    assert pair.is_copied(40.0)
    assert pair.shown().percent == 60.0
    with down(pair.readers_tables):
        assert pair.shown().percent == 40.0  # all there is to be had


def test_a_redis_that_was_flushed_is_as_good_as_before_after_the_next_report(pair: Pair) -> None:
    pair.writer.begin(JOB_ID, 1)
    pair.writer.report(JOB_ID, at(40.0))
    pair.redis.flushall()
    assert pair.shown().percent == 40.0

    pair.writer.report(JOB_ID, at(41.0))
    assert pair.is_copied(41.0)


def test_what_is_no_copy_is_not_shown_and_written_over(pair: Pair) -> None:
    pair.writer.begin(JOB_ID, 1)
    for number, text in enumerate(NO_COPIES):
        pair.writer.report(JOB_ID, at(number))
        pair.redis.set(KEY, text)
        assert pair.shown().percent == number, text

        pair.writer.report(JOB_ID, at(number + 0.5))
        assert pair.is_copied(number + 0.5), text


def test_a_key_that_holds_something_else_is_written_over(pair: Pair) -> None:
    pair.writer.begin(JOB_ID, 1)
    pair.redis.delete(KEY)
    pair.redis.lpush(KEY, "not ours")
    for _ in range(5):
        assert pair.shown().percent == 0.0
    pair.writer.begin("another", 1)
    with down(pair.readers_tables):  # Redis is not taken for lost
        assert pair.reader.read(["another"])["another"].percent == 0.0

    pair.writer.report(JOB_ID, at(41.0))
    assert pair.is_copied(41.0)


def test_a_write_that_redis_does_late_does_no_harm(pair: Pair, server: Redis) -> None:
    """It was stopped with the write in its hands; by the time it goes on, DynamoDB is far ahead."""
    pair.writer.begin(JOB_ID, 1)
    pair.writer.report(JOB_ID, at(10.0))
    os.kill(server.pid, signal.SIGSTOP)
    try:
        for percent in (20.0, 30.0, 40.0, 50.0):
            pair.writer.report(JOB_ID, at(percent))
        assert pair.shown().percent == 50.0
        time.sleep(TRUSTED)
    finally:
        os.kill(server.pid, signal.SIGCONT)
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
    assert said == ["degraded: Redis does not answer"]


def test_with_dynamodb_down_the_percent_waits_and_the_rest_lives_on(pair: Pair) -> None:
    pair.writer.begin(JOB_ID, 1)
    pair.writer.report(JOB_ID, at(40.0, seconds_done=40.0))
    with down(pair.writers_tables, pair.readers_tables):
        for seconds in (50.0, 60.0):
            with pytest.raises(RecordsUnavailable):
                pair.writer.report(JOB_ID, at(seconds, seconds_done=seconds))
        time.sleep(TRUSTED)
        shown = pair.shown()
        assert (shown.percent, shown.seconds_done) == (40.0, 60.0)
    time.sleep(LEFT_ALONE)

    assert (pair.shown().percent, pair.shown().seconds_done) == (40.0, 60.0)
    pair.writer.report(JOB_ID, at(61.0, seconds_done=61.0))
    assert (pair.shown().percent, pair.shown().seconds_done) == (61.0, 61.0)


def test_a_report_that_dynamodb_took_without_an_answer_is_not_taken_back(pair: Pair) -> None:
    """The writer believes 40; whoever asks DynamoDB is shown 50, and is never shown 40 again."""
    pair.writer.begin(JOB_ID, 1)
    pair.writer.report(JOB_ID, at(40.0))
    pair.writers_tables.progress.report(JOB_ID, at(50.0))
    time.sleep(TRUSTED)
    assert pair.shown().percent == 50.0

    with down(pair.writers_tables), pytest.raises(RecordsUnavailable):
        pair.writer.report(JOB_ID, at(60.0, seconds_done=60.0))
    assert pair.is_copied(40.0)
    assert (pair.shown().percent, pair.shown().seconds_done) == (50.0, 60.0)


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
    zombie.report(JOB_ID, at(40.0))
    heir.begin(JOB_ID, 2)
    heir.report(JOB_ID, at(50.0, attempt=2))
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
    pair.writer.report(JOB_ID, at(50.0, attempt=2))
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


# The converter itself


@pytest.fixture
def linked(server: Redis) -> Iterator[Link]:
    with Link(server.port) as link:
        yield link


def with_redis(through: Through, proxy: Proxy, link: Link) -> dict[str, Any]:
    around = through(proxy)
    around["progress"] = RedisFirst(RedisProgress(redis_at(link.port)), around["progress"])
    return around


@pytest.mark.parametrize(
    "mode",
    [
        Mode.BLACK_HOLE,
        *(pytest.param(m, marks=pytest.mark.long) for m in Mode if m is not Mode.BLACK_HOLE),
    ],
)
def test_a_conversion_does_not_fail_because_of_redis(
    world: World, through: Through, linked: Link, sounds: Sounds, mode: Mode, counts: Counts
) -> None:
    linked.mode = mode
    with Proxy(world_endpoint()) as proxy:
        done = world.run(
            world.job(sounds.bytes("wav"), "mp3"), **with_redis(through, proxy, linked)
        )
    assert done.status is Status.COMPLETED
    assert proxy.percents == sorted(proxy.percents)
    counts("progress_stores", conversions=1)


def world_endpoint() -> str:
    return os.environ["AWS_ENDPOINT_URL"]


@pytest.mark.parametrize(
    ("operation", "first"),
    [("UpdateItem progress", 1), ("UpdateItem progress", 2), ("UpdateItem jobs", 2)],
    ids=["at claim", "mid-run", "at finish"],
)
def test_dynamodb_down_at_a_time(
    world: World,
    through: Through,
    linked: Link,
    sounds: Sounds,
    operation: str,
    first: int,
    counts: Counts,
) -> None:
    """Before it begins and before it has finished it is tried again; in between it goes on."""
    job = world.job(sounds.bytes("wav"), "mp3")
    with Proxy(world_endpoint(), Outage(operation, first, Fault(Kind.REFUSE))) as proxy:
        around = with_redis(through, proxy, linked)
        if (operation, first) == ("UpdateItem progress", 2):
            assert world.run(job, **around).status is Status.COMPLETED
            counts("progress_stores", conversions=1)
            return
        with pytest.raises(RecordsUnavailable):
            world.run(job, **around)
    assert world.around.jobs.get(job.job_id).status is Status.PROCESSING
    with Proxy(world_endpoint()) as proxy:
        done = world.run(job, **with_redis(through, proxy, linked))
    assert (done.status, done.attempt) == (Status.COMPLETED, 2)
    assert proxy.percents == sorted(proxy.percents)
    counts("progress_stores", conversions=1)
