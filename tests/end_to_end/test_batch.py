"""Files that are in S3 already, converted where they lie: `sluice batch` against a pipeline of its
own, which may read them."""

from __future__ import annotations

import csv
import gzip
import io
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from local.ffmpeg import Ffmpeg
from local.pipeline import Pipeline
from tests.end_to_end.conftest import make_tone

pytestmark = pytest.mark.long

FILES, MANY = 100, 60
OPTIONS = {"batchSources": "archive/talks/,lists,inventories", "maxWaitingJobs": 40}
MP3 = {"conversions": [{"format": "mp3"}]}


@pytest.fixture(scope="module")
def sound(ffmpeg: Ffmpeg, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("sound") / "tone.wav"
    make_tone(ffmpeg, path, seconds=1)
    return path.read_bytes()


@pytest.fixture(scope="module")
def line(sound: bytes) -> Iterator[Pipeline]:
    """A hundred files under one prefix, and what is no audio beside them."""
    with Pipeline(options=OPTIONS) as line:
        s3 = line.engine.client("s3")
        for bucket in ("archive", "lists", "inventories"):
            s3.create_bucket(Bucket=bucket)
        for number in range(FILES):
            s3.put_object(Bucket="archive", Key=f"talks/2024/ä talk+{number:03}.wav", Body=sound)
        s3.put_object(Bucket="archive", Key="talks/2024/cover.jpg", Body=b"x")
        s3.put_object(Bucket="archive", Key="talks/2024/empty.wav", Body=b"")
        s3.put_object(Bucket="archive", Key="talks/broken/b.wav", Body=b"RIFF no sound in here")
        for name in ("one", "two", "three"):
            s3.put_object(Bucket="archive", Key=f"talks/2025/{name}.wav", Body=sound)
        yield line


def sluice(line: Pipeline, *words: str) -> tuple[int, Any]:
    """The exit code, and the object on stdout."""
    command = [sys.executable, "-m", "client", *words, "--json", "--api", line.api]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert ran.stdout, ran.stderr
    return ran.returncode, json.loads(ran.stdout)


def jobs_there(line: Pipeline) -> int:
    found, cursor = 0, None
    while True:
        asked = {"limit": "100"} | ({"cursor": cursor} if cursor else {})
        page = httpx.get(f"{line.api}/jobs", params=asked, timeout=30).json()
        found, cursor = found + len(page["jobs"]), page.get("cursor")
        if not cursor:
            return found


def over(line: Pipeline, batch_id: str, seconds: float = 120) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        told = httpx.get(f"{line.api}/batches/{batch_id}", timeout=30).json()
        if told["status"] != "running":
            return told
        time.sleep(0.5)
    raise AssertionError(f"batch {batch_id} does not end: {told}")


def begin(line: Pipeline, **body: Any) -> str:
    answer = httpx.post(f"{line.api}/batches", json=body, timeout=30)
    assert answer.status_code == 202, answer.text
    return answer.json()["batchId"]


def test_a_hundred_files_are_converted_and_a_repeat_converts_none(line: Pipeline) -> None:
    prefix = ("batch", "s3://archive/talks/2024/", "--to", "mp3")
    before = jobs_there(line)

    code, dry = sluice(line, *prefix, "--dry-run")
    assert code == 0
    assert dry["summary"]["skipped"] == {"EMPTY_INPUT": 1, "UNSUPPORTED_MEDIA_TYPE": 1}
    assert (dry["summary"]["files"], dry["summary"]["newFiles"]) == (FILES + 2, FILES)
    assert dry["summary"]["estimatedUsd"] > 0
    assert jobs_there(line) == before

    code, first = sluice(line, *prefix)
    assert code == 0, first
    assert first["summary"]["jobs"]["completed"] == FILES
    assert first["summary"]["newFiles"] == FILES
    assert jobs_there(line) == before + FILES

    code, again = sluice(line, *prefix)
    assert (code, again["summary"]["newFiles"]) == (0, 0)
    assert again["summary"]["jobs"]["completed"] == FILES
    assert again["summary"]["estimatedUsd"] == 0
    assert jobs_there(line) == before + FILES

    assert sluice(line, "batch-status", first["batchId"])[1] == first


def test_what_fails_is_told_by_its_code_and_its_key(line: Pipeline) -> None:
    told = over(line, begin(line, source="s3://archive/talks/broken/", **MP3))
    jobs = told["summary"]["jobs"]
    assert (jobs["total"], sum(jobs["failed"].values())) == (1, 1)
    (example,) = told["summary"]["examples"]
    assert example["key"] == "talks/broken/b.wav"
    assert [example["code"]] == list(jobs["failed"])


def test_a_list_of_keys_is_converted(line: Pipeline) -> None:
    keys = ["talks/2025/one.wav", "talks/2024/ä talk+000.wav", "private/x.wav", "talks/gone.wav"]
    body = "".join(f"archive,{quote(key)}\n" for key in keys)
    line.engine.client("s3").put_object(Bucket="lists", Key="chosen.csv", Body=body.encode())

    code, told = sluice(line, "batch", "s3://lists/chosen.csv", "--manifest", "--to", "flac")

    assert (code, told["summary"]["jobs"]["completed"]) == (1, 2)  # not all that was listed
    assert told["summary"]["skipped"] == {"SOURCE_MISSING": 1, "SOURCE_NOT_ALLOWED": 1}


def test_an_inventory_is_converted(line: Pipeline, sound: bytes) -> None:
    s3, text = line.engine.client("s3"), io.StringIO()
    rows = [["archive", quote("talks/2025/two.wav"), str(len(sound)), "true"]]
    rows.append(["archive", quote("talks/2025/old.wav"), "7", "false"])
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
    s3.put_object(
        Bucket="inventories", Key="data/1.csv.gz", Body=gzip.compress(text.getvalue().encode())
    )
    manifest = {
        "sourceBucket": "archive",
        "destinationBucket": "arn:aws:s3:::inventories",
        "version": "2016-11-30",
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, Size, IsLatest",
        "files": [{"key": "data/1.csv.gz", "size": 1, "MD5checksum": ""}],
    }
    s3.put_object(Bucket="inventories", Key="daily/manifest.json", Body=json.dumps(manifest))

    told = over(line, begin(line, manifest="s3://inventories/daily/manifest.json", **MP3))

    assert told["summary"]["jobs"]["completed"] == 1
    assert told["summary"]["skipped"] == {"NOT_CURRENT": 1}


def test_what_was_dropped_into_our_own_bucket_is_not_copied(line: Pipeline, sound: bytes) -> None:
    s3, bucket = line.engine.client("s3"), line.deployment.output("BucketName")
    s3.put_object(Bucket=bucket, Key="uploads/album/own.wav", Body=sound)

    source = f"s3://{bucket}/uploads/album/"
    told = over(line, begin(line, source=source, conversions=[{"format": "wav"}]))

    assert told["summary"]["jobs"]["completed"] == 1
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="uploads/album/")["Contents"]
    assert len(listed) == 1


@pytest.fixture(scope="module")
def narrow(sound: bytes) -> Iterator[Pipeline]:
    """Two jobs at a time, so that sixty files take a while."""
    options = {"batchSources": "archive", "maxRunningJobs": 2, "maxWaitingJobs": 20}
    with Pipeline(options=options) as line:
        s3 = line.engine.client("s3")
        s3.create_bucket(Bucket="archive")
        for number in range(MANY):
            s3.put_object(Bucket="archive", Key=f"many/{number:02}.wav", Body=sound + bytes(number))
        for number in range(10):
            s3.put_object(Bucket="archive", Key=f"again/{number}.wav", Body=sound)
        yield line


def cancel_one_that_waits(line: Pipeline) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        asked = {"status": "created", "limit": "1"}
        waiting = httpx.get(f"{line.api}/jobs", params=asked, timeout=30).json()["jobs"]
        urls = [f"{line.api}/jobs/{each['jobId']}" for each in waiting]
        if any(httpx.delete(url, timeout=30).is_success for url in urls):
            return
        time.sleep(0.1)
    raise AssertionError("no job waited")


def test_what_was_cancelled_is_converted_by_the_next_batch(narrow: Pipeline) -> None:
    source = "s3://archive/again/"
    first = begin(narrow, source=source, **MP3)
    cancel_one_that_waits(narrow)
    assert over(narrow, first)["summary"]["jobs"]["cancelled"] == 1

    told = over(narrow, begin(narrow, source=source, **MP3))

    jobs = told["summary"]["jobs"]
    assert (jobs["total"], jobs["completed"], told["summary"]["newFiles"]) == (10, 10, 1)


def test_a_cancelled_batch_feeds_no_further_file(narrow: Pipeline) -> None:
    at_first = jobs_there(narrow)
    batch_id = begin(narrow, source="s3://archive/many/", **MP3)
    time.sleep(2)

    code, told = sluice(narrow, "batch-cancel", batch_id)

    assert (code, told["status"]) == (0, "cancelled")
    time.sleep(5)  # what was being fed is fed
    before = jobs_there(narrow)
    assert 0 < before - at_first < MANY
    time.sleep(10)
    assert jobs_there(narrow) == before
    code, late = sluice(narrow, "batch-status", batch_id)
    assert (code, late["status"]) == (1, "cancelled")


def test_a_list_that_is_not_there_fails_the_batch_with_the_reason(line: Pipeline) -> None:
    told = over(line, begin(line, manifest="s3://lists/none.csv", **MP3))
    assert told["status"] == "failed"
    assert told["error"]["code"] == "States.ItemReaderFailed"


def test_an_empty_prefix_is_a_batch_of_nothing(line: Pipeline) -> None:
    told = over(line, begin(line, source="s3://archive/talks/none/", **MP3))
    assert (told["status"], told["summary"]["files"]) == ("completed", 0)
