"""Downloads through the signed URL: whole, in ranges, as often as one likes, or only once."""

from __future__ import annotations

import hashlib
import time
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.end_to_end import journey, records
from tests.end_to_end.conftest import Pipeline


@pytest.fixture(scope="module")
def job(pipeline: Pipeline, music: dict[str, Path]) -> dict[str, Any]:
    return journey.completed(pipeline.api, music["wav"], {"format": "mp3"})


@pytest.mark.parametrize("times", [10, pytest.param(1000, marks=pytest.mark.long)])
def test_every_download_has_exactly_the_bytes_that_the_job_tells(
    pipeline: Pipeline, job: dict[str, Any], times: int
) -> None:
    seen: set[tuple[int, str, str, str]] = set()
    with httpx.Client(timeout=60, follow_redirects=True) as client:
        for _ in range(times):
            answer = client.get(f"{pipeline.api}/jobs/{job['jobId']}/output")
            assert answer.status_code == 200
            told = (answer.headers["content-length"], answer.headers["content-type"])
            seen.add((len(answer.content), *told, hashlib.sha256(answer.content).hexdigest()))
    [(length, said, media_type, _)] = seen
    assert str(length) == said == str(job["output"]["bytes"])
    assert media_type == "audio/mpeg"


@pytest.mark.parametrize(
    ("asked", "first", "end"),
    [("bytes=0-0", 0, 1), ("bytes=1000-1999", 1000, 2000), ("bytes=-100", -100, None)],
)
def test_a_range_of_the_output_is_that_range(
    pipeline: Pipeline, job: dict[str, Any], asked: str, first: int, end: int | None
) -> None:
    url = journey.link(pipeline.api, job["jobId"])
    whole = httpx.get(url, timeout=60).content
    answer = httpx.get(url, headers={"range": asked}, timeout=60)
    assert (answer.status_code, answer.content) == (206, whole[first:end])
    last = (end or len(whole)) - 1
    told = f"bytes {first % len(whole)}-{last}/{len(whole)}"
    assert answer.headers["content-range"] == told
    assert answer.headers["content-type"] == "audio/mpeg"


def test_a_download_goes_on_where_it_broke_off(pipeline: Pipeline, job: dict[str, Any]) -> None:
    """The rest is asked for by another signed URL, as after an hour, and only of the same bytes."""
    one, other = (journey.link(pipeline.api, job["jobId"]) for _ in range(2))
    head = httpx.get(one, headers={"range": "bytes=0-4999"}, timeout=60)
    again = {"range": "bytes=5000-", "if-match": head.headers["etag"]}
    rest = httpx.get(other, headers=again, timeout=60)
    assert (head.status_code, rest.status_code) == (206, 206)
    assert head.content + rest.content == httpx.get(one, timeout=60).content


def test_what_is_to_go_after_its_download_goes(pipeline: Pipeline, music: dict[str, Path]) -> None:
    job = journey.completed(
        pipeline.api, music["flac"], {"format": "opus"}, deleteAfterDownload=True
    )
    assert job["deleteAfterDownload"] is True
    job_id = job["jobId"]
    first = journey.link(pipeline.api, job_id)
    leaving = httpx.get(f"{pipeline.api}/jobs/{job_id}", timeout=30).json()
    assert leaving["expiresAt"] < job["expiresAt"]
    soon = int(time.time()) + 600
    records.end_at(pipeline, job_id, soon)
    assert ends(journey.link(pipeline.api, job_id)) == pytest.approx(soon, abs=60)
    assert httpx.get(first, timeout=60).status_code == 200
    assert len(httpx.get(first, timeout=60).content) == job["output"]["bytes"]

    records.end(pipeline, job_id)
    for path in (f"/jobs/{job_id}", f"/jobs/{job_id}/output"):
        gone = httpx.get(f"{pipeline.api}{path}", timeout=30)
        assert journey.refused(gone) == (410, "JOB_EXPIRED")
    cleaned = httpx.post(f"{pipeline.api}/cleanup", json={}, timeout=60)
    assert cleaned.status_code == 200, cleaned.text
    assert records.objects(pipeline, job_id) == []
    assert httpx.get(first, timeout=60).status_code == 404


def ends(url: str) -> float:
    """When a signed URL does, in seconds: X-Amz-Date and X-Amz-Expires (SigV4, query string)."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    signed = datetime.strptime(query["X-Amz-Date"] + "+0000", "%Y%m%dT%H%M%SZ%z")
    return signed.timestamp() + int(query["X-Amz-Expires"])
