"""Any writes and seeks give the object that a file would have been, or a clear refusal."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conversion.errors import OutputTooLarge, PatchOutOfReach, StorageUnavailable
from tasks.converter import writer as writer_module
from tasks.converter.writer import (
    FIRST_PART_BYTES,
    PARTS_OF_A_SIZE,
    ObjectWriter,
    part_bytes,
    part_start,
)
from tests.unit.converter.writes import PART as _PART
from tests.unit.converter.writes import File, Write, writes


@dataclass
class Upload:
    """S3 as a dictionary; remembers how it ended."""

    parts: dict[int, bytes] = field(default_factory=dict[int, bytes])
    whole: bytes | None = None
    completed_size: int | None = None
    aborted: bool = False

    def buffer(self, size: int) -> bytearray:
        """One that was used before: what it holds must not show."""
        return bytearray(b"\xff" * size)

    def put(self, number: int, body: bytearray) -> None:
        assert number not in self.parts
        assert body
        self.parts[number] = bytes(body)

    def put_whole(self, body: bytearray) -> None:
        self.whole = bytes(body)

    def complete(self, size: int) -> None:
        self.completed_size = size

    def abort(self) -> None:
        self.aborted = True

    @property
    def object(self) -> bytes:
        if self.whole is not None:
            return self.whole
        return b"".join(self.parts[number] for number in sorted(self.parts))


def _write(writer: ObjectWriter, offset: int, data: bytes) -> None:
    writer.write(offset, memoryview(data))


def _check_against_a_file(steps: list[Write]) -> Upload:
    """Refused exactly where a part is touched that has left; else the file's bytes."""
    upload, file = Upload(), File()
    writer = ObjectWriter(upload, 100_000, first_part_bytes=_PART)
    for step in steps:
        offset, data = step.offset(len(file.data)), step.data
        if not file.can_take(offset, len(data)):
            with pytest.raises(PatchOutOfReach):
                _write(writer, offset, data)
            return upload
        _write(writer, offset, data)
        file.write(offset, data)
        assert writer.size == len(file.data)
    writer.finish()
    assert upload.object == bytes(file.data)
    return upload


@given(writes())
def test_the_object_is_what_a_file_would_be_or_the_write_is_refused(steps: list[Write]) -> None:
    upload = _check_against_a_file(steps)
    if upload.completed_size is not None:
        assert upload.completed_size == len(upload.object)
        assert set(upload.parts) == set(range(1, len(upload.parts) + 1))
        assert all(len(upload.parts[number]) == _PART for number in sorted(upload.parts)[:-1])


@given(writes())
def test_so_it_is_where_parts_grow(steps: list[Write]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer_module, "PARTS_OF_A_SIZE", 2)
        upload = _check_against_a_file(steps)
        if upload.completed_size is not None:
            for number in sorted(upload.parts)[:-1]:
                assert len(upload.parts[number]) == _PART << (number - 1) // 2


@given(writes(most=60))
@pytest.mark.long
@settings(max_examples=5000, deadline=None)
def test_so_it_is_in_many_long_runs(steps: list[Write]) -> None:
    _check_against_a_file(steps)


@given(st.integers(0, 3 * _PART - 1), st.integers(0, 4 * _PART))
def test_the_head_and_the_last_two_parts_can_be_patched(end: int, more: int) -> None:
    upload = Upload()
    writer = ObjectWriter(upload, 10_000, first_part_bytes=_PART)
    total = 8 * _PART + more
    _write(writer, 0, bytes(total))
    _write(writer, 0, b"h" * _PART)
    _write(writer, total - _PART, b"t" * _PART)
    writer.finish()

    assert upload.object == b"h" * _PART + bytes(total - 2 * _PART) + b"t" * _PART


def test_a_patch_on_a_part_that_left_is_refused() -> None:
    writer = ObjectWriter(Upload(), 10_000, first_part_bytes=_PART)
    _write(writer, 0, bytes(6 * _PART))

    with pytest.raises(PatchOutOfReach):
        _write(writer, _PART, b"x")


def test_only_the_head_and_the_tail_are_held() -> None:
    upload = Upload()
    writer = ObjectWriter(upload, 100_000, first_part_bytes=_PART)
    for number in range(100):
        _write(writer, number * _PART, bytes(_PART))
        held = (number + 1) - len(upload.parts)
        assert held <= 3


def test_a_small_output_is_one_put() -> None:
    upload = Upload()
    writer = ObjectWriter(upload, 10_000, first_part_bytes=_PART)
    _write(writer, 2, b"ab")
    writer.finish()

    assert upload.whole == b"\0\0ab"


def test_the_limit_is_kept() -> None:
    writer = ObjectWriter(Upload(), 10, first_part_bytes=_PART)

    with pytest.raises(OutputTooLarge):
        _write(writer, 8, b"abc")


def test_an_error_in_its_block_takes_everything_back() -> None:
    upload = Upload()

    def fail() -> None:
        with ObjectWriter(upload, 10_000, first_part_bytes=_PART) as writer:
            _write(writer, 0, bytes(9 * _PART))
            raise StorageUnavailable("503")

    with pytest.raises(StorageUnavailable):
        fail()
    assert upload.aborted


@pytest.mark.parametrize("refusal", [PermissionError("403"), StorageUnavailable("503")])
def test_an_abort_that_fails_does_not_hide_why_the_run_ends(
    refusal: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    class Refusing(Upload):
        def abort(self) -> None:
            raise refusal

    with pytest.raises(OutputTooLarge), ObjectWriter(Refusing(), 10) as writer:
        _write(writer, 8, b"abc")
    assert str(refusal) in caplog.text


def test_ten_thousand_parts_hold_the_largest_object_of_s3() -> None:
    """ "Amazon S3 multipart upload limits": 10,000 parts of 5 MiB to 5 GiB, objects up to 5 TiB."""
    last = next(number for number in range(1, 10_001) if part_start(number + 1) >= 5 * 1024**4)

    assert last <= 10_000
    assert part_bytes(1) == FIRST_PART_BYTES >= 5 * 1024**2
    assert part_bytes(last) <= 5 * 1024**3


def test_ten_thousand_parts_leave_in_order_and_with_their_sizes() -> None:
    """For real, with parts of 1 to 512 bytes."""
    upload, data = Upload(), random.Random(1).randbytes(part_start(10_001, 1))
    writer = ObjectWriter(upload, len(data), first_part_bytes=1)
    for offset in range(0, len(data), 5000):
        _write(writer, offset, data[offset : offset + 5000])
    writer.finish()

    assert sorted(upload.parts) == list(range(1, 10_001))
    assert all(len(body) == part_bytes(number, 1) for number, body in upload.parts.items())
    assert upload.object == data


@given(st.integers(1, 10_000), st.integers(5 * 1024**2, 64 * 1024**2))
def test_a_part_begins_where_those_before_it_end(number: int, first: int) -> None:
    assert part_start(number, first) == sum(part_bytes(each, first) for each in range(1, number))


@given(st.integers(1, 12 * PARTS_OF_A_SIZE))
def test_parts_follow_one_another(number: int) -> None:
    assert part_start(number + 1) == part_start(number) + part_bytes(number)
