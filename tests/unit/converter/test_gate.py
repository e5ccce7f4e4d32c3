"""The HTTP server, asked as ffmpeg asks it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import httpx
import pytest

from conversion.errors import SourceChanged, StorageUnavailable
from tasks.converter import blocks
from tasks.converter.gate import SourceGate

_DATA = bytes(range(256)) * 4096  # 1 MiB


class Bucket:
    def __init__(self) -> None:
        self.reads: list[tuple[int, int]] = []
        self.errors: list[Exception] = []
        self.short = 0

    def read(self, key: str, etag: str, start: int, end: int) -> bytes:
        self.reads.append((start, end))
        if self.errors:
            raise self.errors.pop()
        if self.short and start < 100_000:  # block 0 alone: another is read ahead meanwhile
            self.short -= 1
            end = start + (end - start) // 2
        return _DATA[start:end]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 100_000)
    monkeypatch.setattr("tasks.converter.gate.BLOCK_BYTES", 100_000)
    monkeypatch.setattr(blocks, "_FIRST_PAUSE_SECONDS", 0.001)


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
def gate(bucket: Bucket) -> Iterator[SourceGate]:
    with SourceGate(bucket, "key", "etag", len(_DATA)) as made:
        yield made


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as made:
        yield made


def test_the_whole_object(gate: SourceGate, client: httpx.Client) -> None:
    answer = client.get(gate.url)
    assert answer.status_code == 200
    assert answer.content == _DATA
    assert gate.bytes_reached == gate.bytes_served == gate.bytes_fetched == len(_DATA)


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-", 0, len(_DATA)),
        ("bytes=99999-100001", 99_999, 100_002),
        ("bytes=500000-", 500_000, len(_DATA)),
        ("bytes=1048575-9999999", len(_DATA) - 1, len(_DATA)),
    ],
)
def test_ranges(gate: SourceGate, client: httpx.Client, asked: str, start: int, end: int) -> None:
    answer = client.get(gate.url, headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(_DATA)}"
    assert answer.content == _DATA[start:end]


def test_one_connection_serves_many_requests(gate: SourceGate, client: httpx.Client) -> None:
    for start in range(0, 900_000, 90_000):
        answer = client.get(gate.url, headers={"Range": f"bytes={start}-{start + 9}"})
        assert answer.content == _DATA[start : start + 10]
        assert answer.headers.get("connection", "keep-alive") != "close"


def test_past_the_end_and_without_the_token(gate: SourceGate, client: httpx.Client) -> None:
    assert client.get(gate.url, headers={"Range": "bytes=1048576-"}).status_code == 416
    assert client.get(gate.url, headers={"Range": "bytes=-5"}).status_code == 416
    assert client.get(gate.url + "x").status_code == 404


def test_a_broken_body_is_resumed_where_it_broke(
    gate: SourceGate, bucket: Bucket, client: httpx.Client
) -> None:
    bucket.short = 3
    bucket.errors = [StorageUnavailable("reset")]
    assert client.get(gate.url).content == _DATA
    assert (50_000, 100_000) in bucket.reads
    assert gate.error is None


def test_what_is_read_twice_is_fetched_once(
    gate: SourceGate, bucket: Bucket, client: httpx.Client
) -> None:
    for _ in range(3):
        client.get(gate.url, headers={"Range": "bytes=1000000-"})
        client.get(gate.url, headers={"Range": "bytes=0-99"})
    assert sorted(bucket.reads) == [(0, 100_000), (1_000_000, len(_DATA))]


@pytest.mark.parametrize("error", [SourceChanged("other"), StorageUnavailable("gone")])
def test_an_error_breaks_the_answer_off_and_is_kept(
    gate: SourceGate, bucket: Bucket, client: httpx.Client, error: Exception
) -> None:
    bucket.errors = [error] * 20
    with pytest.raises(httpx.RemoteProtocolError):
        client.get(gate.url)
    assert type(gate.error) is type(error)


def test_no_message_names_the_key(bucket: Bucket, caplog: pytest.LogCaptureFixture) -> None:
    """That of an object dropped into the bucket is a person's own words."""
    bucket.errors = [StorageUnavailable("gone") for _ in range(20)]
    with (
        SourceGate(bucket, "uploads/Anna.mp3", "etag", len(_DATA)) as gate,
        pytest.raises(StorageUnavailable) as caught,
    ):
        gate.read(0, 10)

    assert "Anna" not in str(caught.value) + caplog.text


def test_memory_holds_a_few_blocks_only(gate: SourceGate, client: httpx.Client) -> None:
    client.get(gate.url)
    kept = gate._blocks._kept  # pyright: ignore[reportPrivateUsage]
    assert len(kept) <= 6


def test_closing_ends_its_threads(bucket: Bucket) -> None:
    before = threading.active_count()
    with SourceGate(bucket, "key", "etag", len(_DATA)) as gate:
        gate.read(0, 10)
    assert threading.active_count() <= before + 2
