"""docs/deploy.md, read so that a test can hold a figure of it to what it is of."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "deploy.md").read_text()
_USD = re.compile(r"\$([\d.]+)")


def row(beginning: str) -> list[str]:
    """The cells of the one row of a table that begins so."""
    (line,) = [each for each in PAGE.splitlines() if each.startswith(f"| {beginning}")]
    return [each.strip() for each in line.strip("|").split("|")]


def usd(text: str) -> float:
    """The first price in it."""
    return float(_USD.findall(text)[0])
