"""The deployment's health, asked of the services it really has."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from local.pipeline import Pipeline as Here
from tests.end_to_end import journey
from tests.end_to_end.conftest import Pipeline

WITHOUT_REDIS = ["s3", "dynamodb", "stepFunctions", "ecs"]


def health(api: str, status: int = 200) -> dict[str, Any]:
    answer = httpx.get(f"{api}/health", timeout=30)
    assert answer.status_code == status, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


def test_a_deployment_that_works_is_well(pipeline: Pipeline) -> None:
    told = health(pipeline.api)

    assert told["status"] == "ok", told
    assert [each["name"] for each in told["checks"]] == WITHOUT_REDIS
    assert {each["status"] for each in told["checks"]} == {"ok"}
    assert told["capacity"]["mostRunningJobs"] > 0
    assert all(each is not None for each in told["capacity"].values())


def test_it_is_also_where_others_look_for_it(pipeline: Pipeline) -> None:
    assert health(pipeline.api.replace("/v1", "/api"))["status"] == "ok"


def test_it_names_nothing(pipeline: Pipeline) -> None:
    text = str(health(pipeline.api))
    for secret in ("arn:", "000000000000", "http://", pipeline.bucket):
        assert secret not in text


@pytest.mark.long
def test_a_redis_that_stops_makes_it_degraded_and_no_more() -> None:
    with Here(progress_store="redis") as pipeline:
        assert pipeline.redis is not None
        before = health(pipeline.api)
        assert before["status"] == "ok", before
        assert [each["name"] for each in before["checks"]] == [*WITHOUT_REDIS, "redis"]

        pipeline.redis.stop()
        after = once(pipeline.api, "degraded")

        failed = [each for each in after["checks"] if each["status"] == "failed"]
        assert [each["name"] for each in failed] == ["redis"]
        assert "Nothing is lost" in failed[0]["problem"]


@pytest.mark.long
def test_without_its_bucket_it_is_down() -> None:
    with Here() as pipeline:
        bucket = pipeline.deployment.output("BucketName")
        pipeline.engine.client("s3").delete_bucket(Bucket=bucket)

        told = health(pipeline.api, 503)

        failed = [each["name"] for each in told["checks"] if each["status"] == "failed"]
        assert (told["status"], failed) == ("down", ["s3"])


def once(api: str, status: str) -> dict[str, Any]:
    """Once it is no more answered from memory."""
    deadline = time.monotonic() + journey.PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if (told := health(api))["status"] == status:
            return told
        time.sleep(0.2)
    raise AssertionError(f"the deployment is not {status}: {told}")
