"""What a container's own structure claims about where it ends, and how its bytes are asked for.

The looks at each container stand in chunks.py (headers that hold a length), boxes.py (nested boxes
and partitions), rows.py (rows of frames or pages) and tails.py (the last frame); endings.py picks
one of them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol


class Bytes(Protocol):
    """The gate: ranged reads of the source."""

    @property
    def size(self) -> int: ...

    def read(self, start: int, end: int) -> bytes: ...


@dataclass(frozen=True)
class Missing:
    """Bytes the container says should follow.

    `for_certain`: even one of them is a cut (a header's length is off by a few bytes in many a
    complete file, a torn page never is). `knows_end`: the container says where it ends, so that
    none missing means that it is whole. `samples`: what the frames it counts hold, less what a
    player skips. `has_last`: whether its last frame is there, for what counts samples only; asked
    when some are missing.
    """

    bytes: int = 0
    for_certain: bool = False
    knows_end: bool = False
    samples: int | None = None
    samples_of_a_frame: int = 0
    has_last: Callable[[], bool] | None = None

    @property
    def is_there(self) -> bool:
        """Whether the end is there: what is missing then is missing in the middle."""
        if self.has_last is not None:
            return self.has_last()
        return self.knows_end and not self.bytes


UNKNOWN = Missing()


def ends_at(source: Bytes, end: int, for_certain: bool = False) -> Missing:
    """The container says that it reaches to `end`."""
    return Missing(max(0, end - source.size), for_certain, knows_end=True)


def unpack(source: Bytes, at: int, form: str) -> tuple[Any, ...]:
    """`struct.unpack` of what stands at `at`; zeros where the file is over."""
    size = struct.calcsize(form)
    held = source.read(at, min(at + size, source.size)) if at < source.size else b""
    return struct.unpack(form, bytes(held).ljust(size, b"\0"))
