"""The benchmark of progress itself works; what it finds is for a quiet machine to say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.polls import percentile

_ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("share", "is_at"), [(0.0, 1), (0.01, 1), (0.5, 50), (0.501, 51), (0.99, 99), (1.0, 100)]
)
def test_a_percentile_is_one_of_the_values(share: float, is_at: int) -> None:
    assert percentile(range(100, 0, -1), share) == is_at


def test_of_one_value_every_percentile_is_that() -> None:
    assert {percentile([7.0], each / 10) for each in range(11)} == {7.0}


@pytest.mark.long
def test_every_budget_gets_its_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.progress", "--seconds", "1", "--into", str(tmp_path)],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr  # 1: a budget was missed
    assert done.stderr == ""
    table = (tmp_path / "progress.md").read_text()
    assert table == done.stdout
    lines = [line for line in table.splitlines() if line.endswith(("| pass |", "| **miss** |"))]
    told = ("dynamodb", "redis", "Redis silent", "Redis gone")
    assert [sum(line.startswith(f"| {each}:") for line in lines) for each in told] == [4, 4, 2, 2]
