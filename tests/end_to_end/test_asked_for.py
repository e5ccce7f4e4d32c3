"""What can be asked for, from the request to the file: presets, trims, levels, tags, waveforms."""

from __future__ import annotations

import array
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.ffmpeg import Ffmpeg
from tests.end_to_end import journey
from tests.end_to_end.conftest import Pipeline

RATE = 44_100
PNG = b"\x89PNG\r\n\x1a\n"


def converted(pipeline: Pipeline, source: Path, **conversion: object) -> dict[str, Any]:
    file_id = journey.send(pipeline.api, source, conversion)
    [job] = journey.jobs_of(pipeline.api, file_id)
    done = journey.finished(pipeline.api, job["jobId"])
    assert done["status"] == "completed", done["error"]
    return done


def test_a_preset_is_all_that_a_podcast_needs_to_ask_for(
    pipeline: Pipeline, ffmpeg: Ffmpeg, music: dict[str, Path], tmp_path: Path
) -> None:
    job = converted(pipeline, music["wav"], preset="podcast-mono-64k")

    assert job["conversion"] == {
        "format": "mp3",
        "bitrateKbps": 64,
        "channels": 1,
        "sampleRate": RATE,
        "loudness": {"integratedLufs": -16, "truePeakDbtp": -1},
    }
    path = tmp_path / "talk.mp3"
    answer = journey.download(pipeline.api, job["jobId"], path)
    assert answer.headers["content-type"] == "audio/mpeg"
    [audio] = [
        each for each in journey.probe(ffmpeg, path)["streams"] if each["codec_type"] == "audio"
    ]
    assert (audio["channels"], audio["sample_rate"]) == (1, str(RATE))
    assert int(audio["bit_rate"]) == 64_000
    loudness = job["output"]["loudness"]
    assert loudness["after"]["integratedLufs"] == pytest.approx(-16, abs=1)
    assert loudness["after"]["truePeakDbtp"] <= -0.5
    assert loudness["before"]["integratedLufs"] != loudness["after"]["integratedLufs"]
    assert job["output"]["waveform"] is None
    none = httpx.get(f"{pipeline.api}/jobs/{job['jobId']}/waveform.json", timeout=30)
    assert (none.status_code, none.json()["code"]) == (404, "NO_WAVEFORM")


def test_a_part_of_a_file_faded_levelled_named_and_drawn(
    pipeline: Pipeline, ffmpeg: Ffmpeg, music: dict[str, Path], tmp_path: Path
) -> None:
    job = converted(
        pipeline,
        music["wav"],
        format="flac",
        channels=1,
        startSeconds=1,
        endSeconds=4,
        fadeInSeconds=1,
        fadeOutSeconds=0.5,
        loudness={"integratedLufs": -20},
        metadata="drop",
        tags={"title": "Prälude", "comment": "cut"},
        waveform={"samplesPerPixel": 256},
    )

    path = tmp_path / "cut.flac"
    journey.download(pipeline.api, job["jobId"], path)
    samples = decoded(ffmpeg, path)
    assert len(samples) == pytest.approx(3 * RATE, abs=64)
    assert job["output"]["durationSeconds"] == pytest.approx(3, abs=0.01)
    assert job["output"]["loudness"]["after"]["integratedLufs"] == pytest.approx(-20, abs=1)
    loud = loudest(samples[RATE : 2 * RATE])
    assert loudest(samples[: RATE // 100]) < loud / 20
    assert loudest(samples[-RATE // 100 :]) < loud / 20
    tags = journey.probe(ffmpeg, path)["format"]["tags"]
    named = {name.lower(): text for name, text in tags.items()}
    assert (named["title"], named["comment"]) == ("Prälude", "cut")
    assert "artist" not in named
    assert_drawn(pipeline, job, seconds=3, samples_per_pixel=256)


def decoded(tools: Ffmpeg, path: Path) -> array.array[int]:
    command = [tools.ffmpeg, "-v", "error", "-nostdin", "-i", path, "-f", "s16le", "-"]
    output = subprocess.run(command, capture_output=True, check=True).stdout
    return array.array("h", output)


def loudest(samples: array.array[int]) -> int:
    return max(map(abs, samples))


def assert_drawn(
    pipeline: Pipeline, job: dict[str, Any], seconds: float, samples_per_pixel: int
) -> None:
    assert job["output"]["waveform"] == {
        kind: f"/v1/jobs/{job['jobId']}/waveform.{kind}" for kind in ("json", "png")
    }
    peaks = journey.fetch(pipeline.api, job["jobId"], "waveform.json")
    assert peaks.headers["content-type"] == "application/json"
    assert 'filename="music.waveform.json"' in peaks.headers["content-disposition"]
    drawn = peaks.json()
    assert (drawn["version"], drawn["channels"], drawn["bits"]) == (2, 1, 8)
    assert (drawn["sample_rate"], drawn["samples_per_pixel"]) == (RATE, samples_per_pixel)
    assert drawn["length"] == pytest.approx(seconds * RATE / samples_per_pixel, abs=2)
    assert len(drawn["data"]) == 2 * drawn["length"]
    assert max(drawn["data"]) > 10
    picture = journey.fetch(pipeline.api, job["jobId"], "waveform.png")
    assert picture.headers["content-type"] == "image/png"
    assert picture.headers["content-disposition"].startswith("inline")
    assert picture.content.startswith(PNG)


@pytest.mark.parametrize(
    "conversion",
    [
        {"format": "mp3", "bitrateKbps": 128, "quality": 2},
        {"format": "mp3", "bitrateKbps": 320, "sampleRate": 8_000},
        {"format": "opus", "sampleRate": 44_100},
        {"format": "mp3", "channels": 6},
        {"format": "flac", "bitDepth": 32},
        {"format": "m4a", "quality": 2},
        {"format": "mp3", "startSeconds": 5, "endSeconds": 4},
        {"format": "mp3", "endSeconds": 2, "fadeInSeconds": 3},
        {"format": "aac", "tags": {"title": "x"}},
        {"format": "opus", "cover": "keep"},
        {"format": "mp3", "loudness": {"integratedLufs": 3}},
        {"format": "mp3", "reverb": True},
        {"preset": "podcast"},
        {"preset": "archive-flac", "format": "mp3"},
    ],
    ids=json.dumps,
)
def test_what_is_impossible_is_refused_with_its_reason_before_anything_starts(
    pipeline: Pipeline, conversion: dict[str, Any]
) -> None:
    body = {"fileId": "any", "conversion": conversion}
    asked_again = httpx.post(f"{pipeline.api}/jobs", json=body, timeout=30)
    for answer in (
        journey.ask_for_upload(pipeline.api, "a.wav", 10, conversion),
        asked_again,
    ):
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")
        assert len(answer.json()["detail"]) > 20


def test_the_command_saves_a_preset_s_output_and_its_waveform(
    pipeline: Pipeline, ffmpeg: Ffmpeg, music: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "talk.wav").write_bytes(music["wav"].read_bytes())
    options = ["--preset", "podcast-mono-64k", "--start", "0:01", "--end", "4.5", "--waveform"]
    tags = ["--tag", "title=Pilot", "--json", "--api", pipeline.api]
    ran = subprocess.run(
        [sys.executable, "-m", "client", "convert", "talk.wav", *options, *tags],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["output"] == "talk.mp3"
    assert told["waveform"] == ["talk.waveform.json", "talk.waveform.png"]
    assert told["warnings"] == []
    assert told["loudness"]["after"]["integratedLufs"] == pytest.approx(-16, abs=1)
    assert journey.decoded_seconds(ffmpeg, tmp_path / "talk.mp3") == pytest.approx(3.5, abs=0.06)
    assert json.loads((tmp_path / "talk.waveform.json").read_text())["version"] == 2
    assert (tmp_path / "talk.waveform.png").read_bytes().startswith(PNG)
