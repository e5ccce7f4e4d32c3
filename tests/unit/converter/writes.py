"""What a muxer may do to a file, as Hypothesis data, and the file that it would be."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from enum import Enum

from hypothesis import strategies as st

from tasks.converter import writer

PART = 16


class Where(Enum):
    END = "at the end"
    GAP = "past the end"
    HEAD = "in the first parts"
    TAIL = "before the end"
    BORDER = "around a border of parts"


@dataclass(frozen=True)
class Write:
    """Resolved against the size the file has by then, so that most sequences make sense."""

    where: Where
    distance: int
    length: int
    seed: int

    def offset(self, size: int) -> int:
        return {
            Where.END: size,
            Where.GAP: size + self.distance,
            Where.HEAD: self.distance,
            Where.TAIL: max(0, size - self.distance),
            Where.BORDER: max(0, size // PART * PART - PART + self.distance % 3 - 1),
        }[self.where]

    @property
    def data(self) -> bytes:
        """No two bytes in a row alike by design: a shift by one shows."""
        return random.Random(self.seed).randbytes(self.length)


def writes(most: int = 25) -> st.SearchStrategy[list[Write]]:
    lengths = st.one_of(
        st.integers(1, 5 * PART), st.sampled_from([PART - 1, PART, PART + 1, 2 * PART, 9 * PART])
    )
    distances = st.one_of(
        st.sampled_from([0, 0, 1, PART - 1, PART, PART + 1]), st.integers(0, 4 * PART)
    )
    each = st.builds(Write, st.sampled_from(Where), distances, lengths, st.integers(0, 2**32))
    return st.lists(each, max_size=most)


@dataclass
class File:
    """A sparse file in memory, which knows what the writer has had to let go of."""

    first_part_bytes: int = PART
    data: bytearray = field(default_factory=bytearray)
    refused: bool = False

    def write(self, offset: int, data: bytes) -> None:
        self.data.extend(bytes(max(0, offset + len(data) - len(self.data))))
        self.data[offset : offset + len(data)] = data

    def can_take(self, offset: int, length: int) -> bool:
        """Whether every part that the write touches is new, the first, or one of the last two."""
        newest = self._part(len(self.data) - 1) if self.data else 1
        touched = range(self._part(offset), self._part(offset + length - 1) + 1)
        return all(part == 1 or part >= newest - 1 for part in touched)

    def _part(self, offset: int) -> int:
        number = 1
        while writer.part_start(number + 1, self.first_part_bytes) <= offset:
            number += 1
        return number
