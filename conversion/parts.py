"""How a file is cut for the way: in one piece up to 16 MiB, into numbered parts above.

S3 takes parts of 5 MiB to 5 GiB, the last of any length, and 10,000 of them ("Amazon S3 multipart
upload limits", S3 user guide). Ours are all as long as each other but the last: so a part's number
says where it begins, and its length whether it is whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MIB = 1024**2

# Up to here a broken transfer costs seconds to begin anew; above, parts are worth their requests.
SINGLE_PUT_BYTES = 16 * MIB
# What is lost with a part that breaks off, against a request for each.
_USUAL_PART_BYTES = 8 * MIB
MOST_PARTS = 10_000


@dataclass(frozen=True)
class LandedPart:
    """A part that S3 has; its ETag without quotes."""

    number: int
    bytes: int
    etag: str


@dataclass(frozen=True)
class Cut:
    """A file of so many bytes, in parts of `part_bytes`."""

    bytes: int
    part_bytes: int

    @classmethod
    def of(cls, length: int) -> Cut:
        """Into 8 MiB, or as many MiB as keep the file within 10,000 parts."""
        least = -(-length // MOST_PARTS)
        return cls(length, max(_USUAL_PART_BYTES, -(-least // MIB) * MIB))

    @property
    def count(self) -> int:
        return -(-self.bytes // self.part_bytes)

    @property
    def numbers(self) -> range:
        return range(1, self.count + 1)

    def offset(self, number: int) -> int:
        return (number - 1) * self.part_bytes

    def length(self, number: int) -> int:
        return min(self.part_bytes, self.bytes - self.offset(number))

    def length_of(self, numbers: Iterable[int]) -> int:
        return sum(self.length(each) for each in numbers)

    def whole(self, landed: Iterable[LandedPart]) -> list[LandedPart]:
        """Those parts that are as long as they must be, in their order."""
        right = (each for each in landed if each.number in self.numbers)
        return sorted(
            (each for each in right if each.bytes == self.length(each.number)),
            key=lambda each: each.number,
        )

    def missing(self, numbers: Iterable[int]) -> list[int]:
        there = set(numbers)
        return [each for each in self.numbers if each not in there]
