"""How a file is cut: nothing is left out, nothing twice, and within what S3 takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversion.parts import MIB, SINGLE_PUT_BYTES, Cut, LandedPart

# "Amazon S3 multipart upload limits", S3 user guide.
MOST_PARTS = 10_000
LEAST_PART_BYTES, MOST_PART_BYTES = 5 * MIB, 5 * 1024 * MIB
MOST_OBJECT_BYTES = 50 * 10**12


@given(st.integers(SINGLE_PUT_BYTES + 1, MOST_OBJECT_BYTES))
def test_any_file_is_cut_into_parts_that_s3_takes(length: int) -> None:
    cut = Cut.of(length)

    assert cut.part_bytes % MIB == 0
    assert LEAST_PART_BYTES <= cut.part_bytes <= MOST_PART_BYTES
    assert 2 <= cut.count <= MOST_PARTS
    assert cut.offset(cut.count) + cut.length(cut.count) == length
    assert 1 <= cut.length(cut.count) <= cut.part_bytes


@given(st.integers(1, 5000), st.integers(1, 100))
def test_parts_follow_each_other_without_a_gap(length: int, part_bytes: int) -> None:
    cut, end = Cut(length, part_bytes), 0
    for number in cut.numbers:
        assert cut.offset(number) == end
        end += cut.length(number)

    assert end == length == cut.length_of(cut.numbers)
    assert len(cut.numbers) == cut.count


@pytest.mark.parametrize(
    ("length", "part_bytes", "count"),
    [
        (SINGLE_PUT_BYTES + 1, 8 * MIB, 3),
        (52_920_044, 8 * MIB, 7),
        (5 * 1024 * MIB, 8 * MIB, 640),
        (80_000 * MIB, 8 * MIB, 10_000),
        (80_000 * MIB + 1, 9 * MIB, 8889),
    ],
)
def test_parts_have_8_mib_until_there_would_be_too_many(
    length: int, part_bytes: int, count: int
) -> None:
    cut = Cut.of(length)
    assert (cut.part_bytes, cut.count) == (part_bytes, count)


def test_only_parts_as_long_as_they_must_be_are_whole() -> None:
    landed = [
        LandedPart(3, 5, "last"),
        LandedPart(1, 10, "first"),
        LandedPart(2, 9, "short"),
        LandedPart(4, 10, "beyond"),
    ]
    cut = Cut(25, 10)

    assert [each.etag for each in cut.whole(landed)] == ["first", "last"]
    assert cut.missing([1, 3]) == [2]
