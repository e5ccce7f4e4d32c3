"""watch_batch and sum_up_batch: a batch's files until their jobs are over, and all of them then."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from conversion.job import Status
from conversion.settings import SumUpBatchSettings, WatchBatchSettings
from tests.contract import pretend, tables
from tests.contract.examples import BUCKET, JOB, LONG_AGO, completed
from tests.unit.lambdas.conftest import Deployment, load

MANIFEST = "batches/b1/run/manifest.json"


@pytest.fixture(scope="module")
def modules() -> Any:
    with pretend.aws():
        return {
            "watch_batch": load("watch_batch", WatchBatchSettings(tables.JOBS).to_env()),
            "sum_up_batch": load("sum_up_batch", SumUpBatchSettings(BUCKET).to_env()),
        }


@pytest.fixture
def world(deployment: Deployment, modules: Any) -> Deployment:
    deployment.functions = deployment.functions | modules
    return deployment


def chunk(*job_ids: str) -> dict[str, Any]:
    jobs = dict.fromkeys(job_ids)
    file = {"key": "a.wav", "bytes": 1, "skipped": None, "fileId": "f", "isNew": True, "usd": 0.1}
    return {"files": [file | {"jobs": jobs}], "looks": 0, "isOver": False}


def test_a_look_tells_what_is_over_and_what_is_not(world: Deployment) -> None:
    over = completed()
    waiting = replace(JOB, job_id="1" * 32)
    expired = replace(JOB, job_id="2" * 32, expires_at=LONG_AGO, status=Status.FAILED)
    for job in (over, waiting, expired):
        world.jobs.put_if_absent(job)

    told = world.invoke("watch_batch", chunk(over.job_id, waiting.job_id, expired.job_id, "0" * 32))

    (file,) = told["files"]
    assert file["jobs"] == {
        over.job_id: "completed",
        waiting.job_id: None,
        expired.job_id: None,
        "0" * 32: None,
    }
    assert (told["looks"], told["isOver"]) == (1, False)


def put(world: Deployment, key: str, body: str) -> dict[str, Any]:
    world.s3.put_object(Bucket=BUCKET, Key=key, Body=body.encode())
    return {"Key": key, "Size": len(body)}


def test_the_results_are_those_that_the_manifest_names(world: Deployment) -> None:
    done = chunk("1")
    done["files"][0]["jobs"] = {"1": "completed"}
    failed = {"Status": "FAILED", "Input": json.dumps({"Items": [{"Key": "b.wav"}]})}
    files = {
        "SUCCEEDED": [
            put(world, "batches/b1/run/SUCCEEDED_0.jsonl", f"{json.dumps(done)}\n" * 3),
            put(world, "batches/b1/run/SUCCEEDED_1.json", json.dumps([done, done])),
        ],
        "FAILED": [put(world, "batches/b1/run/FAILED_0.jsonl", json.dumps(failed))],
        "PENDING": [],
    }
    put(world, "batches/b1/run/SUCCEEDED_2.jsonl", json.dumps(done))  # of another run
    put(world, MANIFEST, json.dumps({"DestinationBucket": BUCKET, "ResultFiles": files}))

    told = world.invoke("sum_up_batch", {"batchId": "b1", "manifest": MANIFEST})

    assert (told["files"], told["jobs"]["completed"]) == (6, 5)
    assert told["skipped"] == {"BATCH_FAILED": 1}
    assert told["estimatedUsd"] == 0.5
    assert told["results"] == f"s3://{BUCKET}/{MANIFEST}"


def test_where_nothing_was_found_there_may_be_no_results(world: Deployment) -> None:
    told = world.invoke("sum_up_batch", {"batchId": "b1", "manifest": MANIFEST})
    assert (told["files"], told["jobs"]["total"]) == (0, 0)


def test_the_log_has_the_counts_and_no_key(world: Deployment, log: Any) -> None:
    body = chunk("1")
    body["files"][0] |= {"key": "geheim.wav", "skipped": "EMPTY_INPUT"}
    files = {"SUCCEEDED": [put(world, "batches/b1/run/S.jsonl", json.dumps(body))]}
    put(world, MANIFEST, json.dumps({"ResultFiles": files}))

    world.invoke("sum_up_batch", {"batchId": "b1", "manifest": MANIFEST})

    (line,) = [each for each in log() if each["message"] == "batch over"]
    assert line["skipped"] == {"EMPTY_INPUT": 1}
    assert "geheim" not in str(log())
