"""`sluice batch`, `batch-status` and `batch-cancel`: what they ask, print and end with."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client.conftest import Run
from tests.client.service import Service, Trouble

BATCH_ID = "3f2b8c1e9a7d4f60b5c3e1a2d4f6b8c0"
SOURCE = "s3://archive/talks/"


def told(status: str = "running", done: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "batchId": BATCH_ID,
        "status": status,
        "dryRun": False,
        "reader": "listing",
        "source": SOURCE,
        "conversions": [{"format": "mp3"}],
        "createdAt": "2026-11-22T02:00:00.000Z",
        "endedAt": None,
        "files": {"total": 30, "pending": 30 - done, "running": 0, "done": done},
        "summary": None,
        "error": None,
    } | more


def summary(failed: dict[str, int] | None = None, unfinished: int = 0, **more: Any) -> Any:
    jobs = {"total": 28, "completed": 28, "cancelled": 0, "unfinished": unfinished}
    return {
        "files": 30,
        "bytes": 2_000_000,
        "newFiles": 28,
        "estimatedUsd": 1.234,
        "skipped": {"UNSUPPORTED_MEDIA_TYPE": 2},
        "jobs": jobs | {"failed": failed or {}},
        "examples": [{"key": "talks/cover.jpg", "code": "UNSUPPORTED_MEDIA_TYPE"}],
        "results": "s3://sluice/batches/1/manifest.json",
    } | more


def over(**more: Any) -> dict[str, Any]:
    return told("completed", 30, summary=summary(**more))


def test_a_batch_is_begun_and_waited_for(service: Service, tend: Run) -> None:
    service.batches = [told(), told(done=10), told(done=10), told(done=20), over()]

    ran = tend("batch", SOURCE, "--to", "mp3", "--bitrate", "192k")

    assert ran.code == 0
    conversion = {"format": "mp3", "bitrateKbps": 192}
    asked = {"source": SOURCE, "conversions": [conversion], "dryRun": False}
    assert service.batches_asked == [asked]
    assert ran.stdout.splitlines() == [
        f"{BATCH_ID}: completed",
        "  30 files (2.0 MB) were found",
        "  28 were new, for about $1.23",
        "  28 jobs completed",
        "  2 files skipped: UNSUPPORTED_MEDIA_TYPE",
        "    talks/cover.jpg: UNSUPPORTED_MEDIA_TYPE",
        "  each file's result: s3://sluice/batches/1/manifest.json",
    ]
    assert ran.stderr.splitlines()[1:] == ["10 of 30 files are done", "20 of 30 files are done"]


def test_a_dry_run_says_what_would_be(service: Service, tend: Run) -> None:
    service.batches = [over() | {"dryRun": True}]
    ran = tend("batch", SOURCE, "--to", "mp3", "--dry-run")
    assert ran.code == 0
    assert service.batches_asked[0]["dryRun"] is True
    assert "  28 would be converted, for about $1.23" in ran.stdout.splitlines()
    assert "jobs completed" not in ran.stdout


def test_a_manifest_is_asked_for_as_one(service: Service, tend: Run) -> None:
    service.batches = [over()]
    assert tend("batch", "s3://lists/a.csv", "--manifest", "--to", "flac").code == 0
    assert service.batches_asked[0]["manifest"] == "s3://lists/a.csv"
    assert "source" not in service.batches_asked[0]


def test_without_waiting_its_id_is_told_at_once(service: Service, tend: Run) -> None:
    service.batches = [told()]
    ran = tend("batch", SOURCE, "--to", "mp3", "--no-wait")
    assert (ran.code, ran.stdout.splitlines()[0]) == (0, f"{BATCH_ID}: running")
    assert service.count("batch") == 0


def test_a_request_whose_answer_was_lost_is_sent_again_under_its_key(
    service: Service, tend: Run
) -> None:
    service.batches = [over()]
    service.troubles["create_batch"] = Trouble(times=2, status=503)
    assert tend("batch", SOURCE, "--to", "mp3").code == 0
    keys = {each.headers["idempotency-key"] for each in service.seen if each.kind == "create_batch"}
    assert (service.count("create_batch"), len(keys)) == (3, 1)


def test_a_deployment_without_batches_says_what_to_deploy(service: Service, tend: Run) -> None:
    ran = tend("batch", SOURCE, "--to", "mp3")
    assert ran.code == 1
    assert ran.stderr.startswith("NO_BATCHES: ")
    assert "batchSources" in ran.stderr


@pytest.mark.parametrize(
    "ended",
    [
        over(failed={"CORRUPT_INPUT": 3}),
        over(unfinished=1),
        told("cancelled", 10),
        told("failed", error={"code": "States.ItemReaderFailed", "message": "no such key"}),
    ],
    ids=["some jobs failed", "some are not over", "cancelled", "failed"],
)
def test_what_did_not_go_well_is_exit_code_1(service: Service, tend: Run, ended: Any) -> None:
    service.batches = [ended]
    assert tend("batch", SOURCE, "--to", "mp3").code == 1
    assert tend("batch-status", BATCH_ID).code == 1


@pytest.mark.parametrize(
    ("skipped", "code"),
    [
        ({"UNSUPPORTED_MEDIA_TYPE": 1, "EMPTY_INPUT": 2, "NOT_CURRENT": 3}, 0),
        ({"SOURCE_FORBIDDEN": 30}, 1),
        ({"UNSUPPORTED_MEDIA_TYPE": 1, "SOURCE_ARCHIVED": 1}, 1),
        ({"INVALID_REQUEST": 1}, 1),
        ({"BATCH_FAILED": 10}, 1),
    ],
)
def test_audio_that_was_not_converted_is_exit_code_1(
    service: Service, tend: Run, skipped: dict[str, int], code: int
) -> None:
    service.batches = [over(skipped=skipped)]
    assert tend("batch", SOURCE, "--to", "mp3").code == code


def test_a_batch_of_nothing_is_exit_code_1_and_says_what_a_prefix_is(
    service: Service, tend: Run
) -> None:
    jobs = {"total": 0, "completed": 0, "cancelled": 0, "unfinished": 0, "failed": {}}
    service.batches = [over(files=0, jobs=jobs, skipped={})]
    found = tend("batch", SOURCE, "--to", "mp3")
    assert found.code == 1
    assert "no pattern" in found.stdout


def test_a_job_that_somebody_cancelled_is_exit_code_1(service: Service, tend: Run) -> None:
    jobs = {"total": 28, "completed": 27, "cancelled": 1, "unfinished": 0, "failed": {}}
    service.batches = [over(jobs=jobs)]
    assert tend("batch-status", BATCH_ID).code == 1


def test_why_it_failed_is_told(service: Service, tend: Run) -> None:
    error = {"code": "States.ItemReaderFailed", "message": "no such key"}
    service.batches = [told("failed", error=error)]
    assert "  States.ItemReaderFailed: no such key" in tend("batch-status", BATCH_ID).stdout


def test_the_status_of_one_that_runs_is_told_and_not_waited_for(
    service: Service, tend: Run
) -> None:
    service.batches = [told(done=12)]
    ran = tend("batch-status", BATCH_ID)
    assert ran.code == 0
    assert ran.stdout.splitlines() == [f"{BATCH_ID}: running", "  12 of 30 files are done"]


def test_with_json_it_is_what_the_api_told(service: Service, tend: Run) -> None:
    service.batches = [told(), over()]
    ran = tend("batch-status", BATCH_ID, "--wait", "--json")
    assert (ran.code, ran.objects) == (0, [over()])


def test_a_batch_is_cancelled(service: Service, tend: Run) -> None:
    service.batches = [told("cancelled", 10)]
    ran = tend("batch-cancel", BATCH_ID)
    assert (ran.code, ran.stdout.splitlines()[0]) == (0, f"{BATCH_ID}: cancelled")
    assert service.count("cancel_batch") == 1


def test_one_that_nobody_knows_is_exit_code_1(service: Service, tend: Run) -> None:
    ran = tend("batch-status", "unknown")
    assert (ran.code, ran.stderr.partition(":")[0]) == (1, "BATCH_NOT_FOUND")


def test_a_key_of_afar_moves_no_cursor(service: Service, tend: Run) -> None:
    example = {"key": "talks/\x1b[2J.wav", "code": "EMPTY_INPUT"}
    service.batches = [over(examples=[example])]
    assert "\x1b" not in tend("batch-status", BATCH_ID).stdout


def test_an_answer_of_another_shape_is_none_of_ours(service: Service, tend: Run) -> None:
    service.batches = [over(files="many")]
    ran = tend("batch-status", BATCH_ID)
    assert (ran.code, ran.stderr.partition(":")[0]) == (1, "UNEXPECTED_ANSWER")
