"""The benchmark itself works: its smallest case, as `make bench` runs the large ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")


@pytest.mark.long
def test_the_smallest_case_is_measured_each_way(tmp_path: Path) -> None:
    """Its exit code says that memory, disk and identity keep to their budgets."""
    into = tmp_path / "results"
    places = ["--into", str(into), "--cache", str(tmp_path / "cache")]
    # Coverage would be written to disk by every process, the converter's too.
    environ = {name: text for name, text in os.environ.items() if not name.startswith("COVERAGE")}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--plan", "1:wav:1", *places],
        cwd=_ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr

    results = json.loads((into / "results.json").read_text())
    rows = {row["way"]: row for row in results["rows"]}
    assert set(rows) == {"ours", "file", "usual", "naive"}
    assert rows["ours"]["same"]
    assert rows["ours"]["read"] >= 1_000_000
    assert rows["ours"]["written"] >= 1_000_000
    assert rows["ours"]["memory_python"] > 10_000_000
    # A pipe cannot be sought back into: the sizes in its header stay unknown.
    assert not rows["naive"]["same"]
    assert str(_ROOT) not in (into / "results.json").read_text() + (into / "results.md").read_text()
    assert (into / "results.svg").read_text().startswith("<svg")
    assert list((tmp_path / "cache").glob("s3-*")) == []
