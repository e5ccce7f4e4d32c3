"""Any writes and seeks give the object that a file would have been, or a clear refusal."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversion.errors import OutputTooLarge, PatchOutOfReach, StorageUnavailable
from tasks.converter.writer import (
    FIRST_PART_BYTES,
    PARTS_OF_A_SIZE,
    ObjectWriter,
    part_bytes,
    part_start,
)

_PART = 16


@dataclass
class Upload:
    """S3 as a dictionary; remembers how it ended."""

    parts: dict[int, bytes] = field(default_factory=dict[int, bytes])
    whole: bytes | None = None
    completed_size: int | None = None
    aborted: bool = False

    def put(self, number: int, body: bytes) -> None:
        assert number not in self.parts
        assert body
        self.parts[number] = body

    def put_whole(self, body: bytes) -> None:
        self.whole = body

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


@given(
    st.lists(
        st.tuples(st.integers(0, 12 * _PART), st.binary(min_size=1, max_size=5 * _PART)),
        max_size=25,
    )
)
def test_the_object_is_what_a_file_would_be(writes: list[tuple[int, bytes]]) -> None:
    upload, file = Upload(), bytearray()
    writer = ObjectWriter(upload, 10_000, first_part_bytes=_PART)
    for offset, data in writes:
        sent = b"".join(upload.parts.values())
        try:
            _write(writer, offset, data)
        except PatchOutOfReach:
            first_sent = part_start(2, _PART)
            assert sent or offset + len(data) > first_sent + _PART
            return
        file.extend(bytes(max(0, offset + len(data) - len(file))))
        file[offset : offset + len(data)] = data
    writer.finish()

    assert upload.object == bytes(file)
    assert writer.size == len(file)
    if upload.parts:
        assert upload.completed_size == len(file)
        assert set(upload.parts) == set(range(1, len(upload.parts) + 1))
        assert all(len(upload.parts[number]) == _PART for number in sorted(upload.parts)[:-1])


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


@given(st.integers(1, 12 * PARTS_OF_A_SIZE))
def test_parts_follow_one_another(number: int) -> None:
    assert part_start(number + 1) == part_start(number) + part_bytes(number)
