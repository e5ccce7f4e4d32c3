"""More than 50 MB there and back: as long as was told, to the byte, and the same samples."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from local.ffmpeg import Ffmpeg
from tests.end_to_end import journey
from tests.end_to_end.conftest import Pipeline, make_tone

_FIVE_MINUTES = 300


@pytest.mark.long
def test_50_mb_come_back_as_long_as_told_and_sample_for_sample(
    pipeline: Pipeline, ffmpeg: Ffmpeg, tmp_path: Path
) -> None:
    sent, came = tmp_path / "sent.wav", tmp_path / "came.wav"
    make_tone(ffmpeg, sent, seconds=_FIVE_MINUTES)
    assert sent.stat().st_size > 50_000_000

    job = journey.completed(pipeline.api, sent, {"format": "wav"})
    url = journey.link(pipeline.api, job["jobId"])
    with came.open("wb") as file, httpx.stream("GET", url, timeout=60) as answer:
        told = int(answer.headers["content-length"])
        for piece in answer.iter_bytes():
            file.write(piece)

    assert job["source"]["bytes"] == sent.stat().st_size
    assert job["output"]["bytes"] == told == came.stat().st_size
    assert journey.pcm(ffmpeg, came) == journey.pcm(ffmpeg, sent)


def test_an_output_says_in_s3_what_it_is_and_not_whose(
    pipeline: Pipeline, music: dict[str, Path]
) -> None:
    job = journey.completed(pipeline.api, music["wav"], {"format": "flac"})
    key = httpx.URL(journey.link(pipeline.api, job["jobId"])).path.removeprefix(
        f"/{pipeline.bucket}/"
    )
    head = pipeline.client("s3").head_object(Bucket=pipeline.bucket, Key=key)
    assert head["ContentType"] == "audio/flac"
    assert head["ContentLength"] == job["output"]["bytes"]
    assert music["wav"].stem not in key + str(head["Metadata"])
