"""Values out of JSON from afar: what is none of the kind it should be is no answer of ours.

`read` (client/exchange.py) makes an UnexpectedAnswer of what these raise. So nothing behind it can
fail on a value it meets: JSON has texts for numbers, numbers of any size, and Python's has NaN.
"""

from __future__ import annotations

import math
from typing import Any

# A record's numbers are far below; more than 64 bits cannot be divided into megabytes.
MOST = 2.0**63


def text(told: Any) -> str:
    """Raises TypeError."""
    if not isinstance(told, str):
        raise TypeError(f"{told!r} is no text")
    return told


def number(told: Any) -> float | None:
    """None where nothing is told. Raises TypeError, ValueError or OverflowError."""
    if told is None:
        return None
    value = float(told)
    if not math.isfinite(value) or abs(value) > MOST:
        raise ValueError(f"{told!r} is no number to count with")
    return value


def whole(told: Any) -> int:
    """Not negative. Raises TypeError, ValueError or OverflowError."""
    value = int(told)
    if not 0 <= value <= MOST:
        raise ValueError(f"{told!r} is no count")
    return value
