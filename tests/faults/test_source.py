"""The gate under a bad source: what fails once may come later, and nothing is asked for ever."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from conversion.errors import CorruptInput, Interrupted, SourceChanged, StorageUnavailable
from tasks.converter import blocks
from tasks.converter.blocks import Blocks
from tasks.converter.gate import SourceGate

_DATA = bytes(range(256)) * 8192  # 2 MiB, 21 blocks of these tests


class Bucket:
    """`trouble` is what the next reads of a start offset raise; `most` how much one read gives."""

    def __init__(self) -> None:
        self.trouble: dict[int, list[Exception]] = {}
        self.most = len(_DATA)
        self.reads = 0

    def read(self, key: str, etag: str, start: int, end: int) -> bytes:
        self.reads += 1
        if self.trouble.get(start):
            raise self.trouble[start].pop()
        return _DATA[start : min(end, start + self.most)]


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as made:
        yield made


def _blocks(bucket: Bucket) -> Blocks:
    return Blocks(bucket, "key", "etag", len(_DATA))


def _block(index: int) -> bytes:
    return _DATA[index * blocks.BLOCK_BYTES :][: blocks.BLOCK_BYTES]


def test_a_block_that_failed_when_it_was_read_ahead_is_asked_for_again(bucket: Bucket) -> None:
    bucket.trouble[blocks.BLOCK_BYTES] = [StorageUnavailable("503") for _ in range(6)]
    source = _blocks(bucket)
    assert source.get(0) == _block(0)
    while source.is_fetching:
        time.sleep(0.001)

    assert source.get(1) == _block(1)
    assert not bucket.trouble[blocks.BLOCK_BYTES]
    source.close()


def test_pauses_are_drawn_from_twice_as_much_each_time_up_to_a_bound_and_then_it_is_given_up(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounds: list[float] = []

    def drawn(least: float, most: float) -> float:
        bounds.append(most)
        return least

    monkeypatch.setattr(blocks.random, "uniform", drawn)
    bucket.most = 0
    source = Blocks(bucket, "key", "etag", blocks.BLOCK_BYTES)  # one block: none is read ahead
    with pytest.raises(StorageUnavailable):
        source.get(0)
    source.close()

    longest = blocks._LONGEST_PAUSE_SECONDS
    assert bounds[1:] == [min(longest, 2 * each) for each in bounds[:-1]]
    assert len(bounds) == blocks._TRIES - 1
    assert bucket.reads == blocks._TRIES


def test_answers_that_break_off_every_time_still_come_to_their_end(bucket: Bucket) -> None:
    bucket.most = blocks.BLOCK_BYTES // 20
    source = _blocks(bucket)

    assert source.get(7) == _block(7)
    assert bucket.reads == 20
    source.close()


def test_a_source_that_gives_nothing_is_given_up(bucket: Bucket) -> None:
    bucket.most = 0
    source = _blocks(bucket)

    with pytest.raises(StorageUnavailable, match="0 of 100000"):
        source.get(3)
    assert bucket.reads == 6
    source.close()


def test_a_changed_source_is_not_asked_again(bucket: Bucket) -> None:
    bucket.trouble[0] = [SourceChanged("other")]
    source = _blocks(bucket)

    with pytest.raises(SourceChanged):
        source.get(0)
    source.close()
    assert bucket.reads <= 2  # the block itself, and the one behind it


def test_a_file_that_sends_its_reader_to_and_fro_is_stopped(bucket: Bucket) -> None:
    source = _blocks(bucket)
    far_apart = [*range(0, 20, 2)] * 1000

    with pytest.raises(CorruptInput, match="to and fro"):
        deque(map(source.get, far_apart), maxlen=0)
    assert source.bytes_fetched < 40 * len(_DATA)
    source.close()


def test_nothing_is_read_once_the_source_is_closed(bucket: Bucket) -> None:
    source = _blocks(bucket)
    source.close()

    with pytest.raises(Interrupted):
        source.get(0)
    assert bucket.reads == 0


def test_a_reader_that_stopped_reading_does_not_hold_up_the_next(
    bucket: Bucket, client: httpx.Client
) -> None:
    """ffmpeg opens a second connection to seek, before it closes the first."""
    with (
        SourceGate(bucket, "key", "etag", len(_DATA)) as gate,
        client.stream("GET", gate.url) as first,
    ):
        pieces = first.iter_bytes(1000)
        head = next(pieces)
        second = client.get(gate.url, headers={"Range": "bytes=1500000-"})
        rest = b"".join(pieces)

    assert second.content == _DATA[1_500_000:]
    assert head + rest == _DATA


def test_readers_at_once_each_get_their_own_bytes(bucket: Bucket, client: httpx.Client) -> None:
    starts = range(0, 10**6, 99_999)
    with SourceGate(bucket, "key", "etag", len(_DATA)) as gate, ThreadPoolExecutor() as pool:

        def read(start: int) -> bytes:
            wanted = {"Range": f"bytes={start}-{start + 900_000}"}
            return client.get(gate.url, headers=wanted).content

        got = list(pool.map(read, starts))
        assert gate.error is None

    assert got == [_DATA[start : start + 900_001] for start in starts]


def test_a_reader_that_leaves_is_no_error_of_the_source(
    bucket: Bucket, client: httpx.Client
) -> None:
    with SourceGate(bucket, "key", "etag", len(_DATA)) as gate:
        for start in range(0, len(_DATA), 200_000):
            with client.stream("GET", gate.url, headers={"Range": f"bytes={start}-"}) as answer:
                next(answer.iter_raw(100))

        assert client.get(gate.url).content == _DATA
        assert gate.error is None
        assert gate.bytes_reached == len(_DATA)


@pytest.mark.parametrize(
    "asked", ["bytes=9-5", "bytes=5-4", "bytes=", "bytes=a-", "bytes=0-1,5-6", "lines=0-1"]
)
def test_a_range_that_is_none_is_refused(bucket: Bucket, client: httpx.Client, asked: str) -> None:
    with SourceGate(bucket, "key", "etag", len(_DATA)) as gate:
        answer = client.get(gate.url, headers={"Range": asked})

    assert answer.status_code == 416
    assert bucket.reads == 0
