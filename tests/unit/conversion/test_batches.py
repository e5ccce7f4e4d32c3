"""A batch's own words: which places may be read, how its files stand, what it all came to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conversion.batches.found import Found
from conversion.batches.progress import MOST_LOOKS_FOR_ONE, Chunk, File
from conversion.batches.request import Batch, Reader, room_for, share_of
from conversion.batches.sources import Place, check_allowed, places
from conversion.batches.summary import Summary
from conversion.conversion import Conversion
from conversion.errors import InvalidRequest, SourceNotAllowed
from conversion.job import Standing, Status
from conversion.outcome import Failure
from tests.contract.examples import LATER

LISTED = places("archive/talks/, recordings ,lists/2024")
MP3 = (Conversion("mp3"),)


def standing(job_id: str, status: Status, code: str | None = None) -> Standing:
    failure = Failure(code, "Something is wrong.") if code else None
    return Standing(job_id, status, 1, "", LATER, 1, failure=failure)


@pytest.mark.parametrize(
    ("url", "is_allowed"),
    [
        ("s3://archive/talks/", True),
        ("s3://archive/talks/2024/a", True),
        ("s3://archive/talks", False),  # which begins keys that talks/ does not
        ("s3://archive", False),
        ("s3://recordings", True),
        ("s3://recordings/", True),
        ("s3://recordings-of-others/", False),
        ("s3://lists/2024-05", True),
        ("s3://lists/2023", False),
    ],
)
def test_only_what_is_within_an_allowed_place_may_be_read(url: str, is_allowed: bool) -> None:
    asked = Place.from_url(url, "source")
    if is_allowed:
        check_allowed(asked, LISTED, "source")
        return
    with pytest.raises(SourceNotAllowed, match=r"s3://archive/talks/"):
        check_allowed(asked, LISTED, "source")


@pytest.mark.parametrize(
    "url",
    [None, 1, "", "s3://", "s3:///a", "https://archive.s3.amazonaws.com/", "archive/talks",
     "s3://UPPER/", "s3://a/", f"s3://archive/{'x' * 1025}"],
)  # fmt: skip
def test_what_is_no_address_in_s3_is_refused(url: Any) -> None:
    with pytest.raises(InvalidRequest, match='"source" is an address'):
        Place.from_url(url, "source")


def test_a_list_may_begin_with_a_byte_order_mark() -> None:
    found = Found.from_row(Reader.KEYS, "", {"Bucket": "\ufeffarchive", "Key": "a%20b.wav"})
    assert (found.bucket, found.key) == ("archive", "a b.wav")


def test_a_batch_survives_being_an_executions_input() -> None:
    batch = Batch(Reader.KEYS, Place("lists", "2024/a.csv"), MP3, dry_run=True, owner="somebody")
    assert Batch.from_item(json.loads(json.dumps(batch.to_item(600)))) == batch


@pytest.mark.parametrize(
    ("running", "waiting", "conversions", "at_once"),
    [(100, 1000, 1, 60), (100, 1000, 3, 20), (1, 0, 1, 1), (4, 40, 20, 1), (5000, 10_000, 1, 500)],
)
def test_a_batch_has_no_more_jobs_at_a_time_than_there_is_room_for(
    running: int, waiting: int, conversions: int, at_once: int
) -> None:
    batch = Batch(Reader.LISTING, Place("archive"), MP3 * conversions, dry_run=False, owner=None)
    assert batch.to_item(room_for(running, waiting))["atOnce"] == at_once


def test_half_of_the_places_to_wait_in_are_for_those_who_upload_meanwhile() -> None:
    """However many batches there are: each feeds nothing while so many jobs wait."""
    assert share_of(1000) == 500
    assert room_for(100, 1000) == 100 + share_of(1000)


def test_a_chunk_is_over_when_each_of_its_jobs_is() -> None:
    chunk = Chunk((File("a.wav", jobs={"1": None, "2": None}), File("b.jpg", skipped="X")))
    assert chunk.running == ["1", "2"]

    chunk = chunk.looked_at(
        {"1": standing("1", Status.COMPLETED), "2": standing("2", Status.PROCESSING)}
    )
    assert (chunk.running, chunk.to_item()["isOver"]) == (["2"], False)

    chunk = chunk.looked_at({"2": standing("2", Status.FAILED, "CORRUPT_INPUT")})
    assert (chunk.running, chunk.to_item()["isOver"], chunk.looks) == ([], True, 2)
    assert chunk.files[0].jobs == {"1": "completed", "2": "CORRUPT_INPUT"}
    assert Chunk.from_item(json.loads(json.dumps(chunk.to_item()))) == chunk


def test_a_job_that_never_comes_is_given_up_and_one_that_runs_is_not() -> None:
    chunk = Chunk((File("a.wav", jobs={"lost": None, "slow": None}),))
    for _ in range(MOST_LOOKS_FOR_ONE):
        assert chunk.files[0].jobs["lost"] is None
        chunk = chunk.looked_at({"slow": standing("slow", Status.PROCESSING)})
    assert chunk.files[0].jobs == {"lost": "JOB_NOT_FOUND", "slow": None}


def lines(*files: File) -> list[Any]:
    return [json.loads(json.dumps(Chunk((each,), 3).to_item())) for each in files]


def test_a_summary_counts_files_by_reason_and_jobs_by_their_end() -> None:
    summary = Summary()
    for line in lines(
        File("a.wav", 10, None, "1", True, 0.25, {"1": "completed", "2": "CORRUPT_INPUT"}),
        File("b.wav", 20, None, "2", False, 0.0, {"3": "cancelled", "4": None}),
        File("c.jpg", 5, "UNSUPPORTED_MEDIA_TYPE"),
    ):
        summary.add_line(line)

    assert summary.to_item() == {
        "files": 3,
        "bytes": 35,
        "newFiles": 1,
        "estimatedUsd": 0.25,
        "skipped": {"UNSUPPORTED_MEDIA_TYPE": 1},
        "jobs": {
            "total": 4,
            "completed": 1,
            "cancelled": 1,
            "failed": {"CORRUPT_INPUT": 1},
            "unfinished": 1,
        },
        "examples": [
            {"key": "a.wav", "code": "CORRUPT_INPUT"},
            {"key": "c.jpg", "code": "UNSUPPORTED_MEDIA_TYPE"},
        ],
    }


def test_files_of_a_child_that_failed_are_counted_too() -> None:
    summary = Summary()
    given = {"BatchInput": {}, "Items": [{"Key": "a.wav"}, {"Key": "b.wav"}]}
    failed = {"Status": "FAILED", "Error": "TooManyJobs", "Input": json.dumps(given)}
    for line in (failed, {**failed, "Input": given}):  # told as text, and as JSON
        summary.add_line(line)
    assert (summary.files, dict(summary.skipped)) == (4, {"BATCH_FAILED": 4})
    assert summary.named[0] == {"key": "a.wav", "code": "BATCH_FAILED"}


def test_a_summary_fits_into_an_executions_output() -> None:
    """256 KiB (Step Functions quotas), however many files there are and however long their keys."""
    summary = Summary()
    for number in range(1000):
        for line in lines(File(f"{number}{'ä' * 500}.jpg", 1, "UNSUPPORTED_MEDIA_TYPE")):
            summary.add_line(line)
    assert len(json.dumps(summary.to_item())) < 256 * 1024
    assert len(summary.named) == 20
