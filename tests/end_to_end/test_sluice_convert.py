"""The command as a person types it: several files, one of them bad, two at a time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local.ffmpeg import Ffmpeg
from tests.end_to_end import journey
from tests.end_to_end.conftest import Pipeline


def sluice(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "client", *arguments], capture_output=True, text=True, cwd=cwd
    )


@pytest.fixture
def folder(music: dict[str, Path], tmp_path: Path) -> Path:
    for name in ("a.wav", "b.m4a", "c.flac"):
        (tmp_path / name).write_bytes(music[name.split(".")[1]].read_bytes())
    (tmp_path / "notes.mp3").write_text("just some text\n" * 100)
    return tmp_path


def test_three_good_files_and_one_coded_error(
    pipeline: Pipeline, ffmpeg: Ffmpeg, folder: Path
) -> None:
    files = ["a.wav", "b.m4a", "c.flac", "notes.mp3"]
    options = ["--to", "opus", "--jobs", "2", "--out", "out", "--json", "--api", pipeline.api]
    run = sluice("convert", *files, *options, cwd=folder)
    assert run.returncode == 1, run.stderr
    results = {each["file"]: each for each in map(json.loads, run.stdout.splitlines())}
    assert set(results) == set(files)
    for name in files[:3]:
        assert_converted(ffmpeg, folder, results[name])
    bad = results["notes.mp3"]
    assert (bad["status"], bad["error"]["code"]) == ("failed", "UNSUPPORTED_INPUT")
    assert bad["output"] is None
    assert sorted(each.name for each in (folder / "out").iterdir()) == [
        "a.opus",
        "b.opus",
        "c.opus",
    ]


def assert_converted(ffmpeg: Ffmpeg, folder: Path, result: dict[str, Any]) -> None:
    assert (result["status"], result["error"], result["mode"]) == ("completed", None, "stream")
    output = folder / result["output"]
    assert output.stat().st_size == result["bytes"]
    assert result["durationSeconds"] == pytest.approx(5, abs=0.1)
    assert journey.decoded_seconds(ffmpeg, output) == pytest.approx(5, abs=0.1)


def test_an_unknown_format_is_refused_with_what_there_is(pipeline: Pipeline, folder: Path) -> None:
    run = sluice("convert", "a.wav", "--to", "mp8", "--json", "--api", pipeline.api, cwd=folder)
    assert run.returncode != 0
    error = json.loads(run.stdout)["error"]
    assert error["code"] == "UNSUPPORTED_OUTPUT_FORMAT"
    assert "mp3" in error["message"]


def test_without_a_terminal_progress_is_plain_lines(pipeline: Pipeline, folder: Path) -> None:
    run = sluice("convert", "a.wav", "--to", "flac", "--api", pipeline.api, cwd=folder)
    assert run.returncode == 0, run.stderr
    assert "a.wav" in run.stderr
    assert "\x1b[" not in run.stderr
    assert (folder / "a.flac").exists()
