"""`sluice convert` killed in the middle of an upload, and started again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.child import ROOT
from local.ffmpeg import Ffmpeg
from tests.end_to_end import journey
from tests.end_to_end.conftest import Pipeline, make_tone
from tests.end_to_end.line import Line

SECONDS = 360
PART = 8 * 1024 * 1024


@dataclass(frozen=True)
class Desk:
    """A folder with a file of 64 MB, and a home in which the command may remember things."""

    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "tone.wav"

    @property
    def part_count(self) -> int:
        return -(-self.file.stat().st_size // PART)

    def convert(self, api: str) -> subprocess.Popen[str]:
        home = self.folder / "home"
        mine = {name: text for name, text in os.environ.items() if not name.startswith("XDG_")}
        options = ["--to", "mp3", "--bitrate", "64k", "--out", "out", "--json", "--api", api]
        return subprocess.Popen(
            [sys.executable, "-m", "client", "convert", "tone.wav", *options],
            cwd=self.folder,
            env=mine | {"HOME": str(home), "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def desk(ffmpeg: Ffmpeg, tmp_path: Path) -> Desk:
    make_tone(ffmpeg, tmp_path / "tone.wav", seconds=SECONDS)
    (tmp_path / "home").mkdir()
    return Desk(tmp_path)


def killed(desk: Desk, line: Line) -> None:
    """Once the line holds a part that is one too many; then the line is mended."""
    with desk.convert(line.api) as process:
        line.wait_until_it_holds(journey.PATIENCE_SECONDS)
        process.kill()
    line.mend()


def ended_well(desk: Desk, line: Line) -> dict[str, Any]:
    with desk.convert(line.api) as process:
        said, noted = process.communicate(timeout=3 * journey.PATIENCE_SECONDS)
    assert process.returncode == 0, noted
    return json.loads(said)


def parts_in_s3(pipeline: Pipeline, but_for: frozenset[str] = frozenset()) -> list[int]:
    """Of the one upload that is open, others' aside."""
    s3 = pipeline.client("s3")
    [upload] = [each for each in open_uploads(pipeline) if each["UploadId"] not in but_for]
    listed = s3.list_parts(Bucket=pipeline.bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    return [each["PartNumber"] for each in listed.get("Parts", [])]


def open_uploads(pipeline: Pipeline) -> list[dict[str, Any]]:
    listed = pipeline.client("s3").list_multipart_uploads(Bucket=pipeline.bucket)
    return [each for each in listed.get("Uploads", []) if each["Key"].startswith("uploads/")]


def test_a_killed_upload_goes_on_with_the_parts_that_are_missing(
    pipeline: Pipeline, ffmpeg: Ffmpeg, desk: Desk
) -> None:
    others = frozenset(each["UploadId"] for each in open_uploads(pipeline))
    with Line(pipeline.api, pipeline.engine, most=3) as line:
        killed(desk, line)
        journey.until(lambda: len(parts_in_s3(pipeline, others)) == 3)
        assert sorted(line.parts) == parts_in_s3(pipeline, others)
        told = ended_well(desk, line)
    assert sorted(line.parts) == list(range(1, desk.part_count + 1))
    assert told["status"] == "completed"
    output = desk.folder / told["output"]
    assert journey.decoded_seconds(ffmpeg, output) == pytest.approx(SECONDS, abs=0.1)


@pytest.mark.long
def test_a_file_that_was_changed_meanwhile_is_sent_from_its_beginning(
    pipeline: Pipeline, ffmpeg: Ffmpeg, desk: Desk
) -> None:
    with Line(pipeline.api, pipeline.engine, most=2) as line:
        killed(desk, line)
        make_tone(ffmpeg, desk.file, seconds=SECONDS - 1)
        told = ended_well(desk, line)
    assert sorted(line.parts[2:]) == list(range(1, desk.part_count + 1))
    output = desk.folder / told["output"]
    assert journey.decoded_seconds(ffmpeg, output) == pytest.approx(SECONDS - 1, abs=0.1)
