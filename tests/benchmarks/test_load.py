"""The load run itself works; what it finds is for a quiet machine to say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_LINE = re.compile(r"\| `[^`]+` \| [\d,]+ \| [\d.]+ ms \| [\d.]+ ms \| 0 \|")
_READS = re.compile(r"\| (at work|over) \| \d+ \| (\d+\.\d+) \| (\d+\.\d+) \|")


@pytest.mark.long
def test_every_route_answers_as_it_should_and_memory_saves_reads(tmp_path: Path) -> None:
    few = ["--requests", "4", "--at-once", "2", "--seconds", "2", "--into", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load", *few],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    table = (tmp_path / "load.md").read_text()
    assert table == done.stdout
    assert len(_LINE.findall(table)) == len(re.findall(r"^\| `", table, re.MULTILINE)) > 10
    reads = {job: (float(cached), float(un)) for job, cached, un in _READS.findall(table)}
    assert reads.keys() == {"at work", "over"}
    assert all(0 < cached < uncached for cached, uncached in reads.values())
