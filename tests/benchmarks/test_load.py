"""The load run itself works; what it finds is for a quiet machine to say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.load import MOST_AT_ONCE, MOST_REQUESTS, main
from benchmarks.routes import FIRST
from benchmarks.scene import UPLOADS
from infra.options import Options

_ROOT = Path(__file__).parents[2]
_LINE = re.compile(r"\| `[^`]+` \| [\d,]+ \| [\d.]+ ms \| [\d.]+ ms \| 0 \|")
_READS = re.compile(r"\| (at work|over) \| \d+ \| (\d+\.\d+) \| (\d+\.\d+) \|")


def test_at_its_most_it_opens_fewer_uploads_than_may_be() -> None:
    assert Options.max_open_uploads > UPLOADS + FIRST * MOST_AT_ONCE + MOST_REQUESTS


@pytest.mark.parametrize(
    ("option", "asked"), [("--at-once", "0"), ("--at-once", "17"), ("--requests", "901")]
)
def test_more_than_its_bounds_is_refused(
    capsys: pytest.CaptureFixture[str], option: str, asked: str
) -> None:
    with pytest.raises(SystemExit):
        main([option, asked])
    assert f"{asked} is not 1 to " in capsys.readouterr().err


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
