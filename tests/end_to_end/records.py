"""What an operator of the deployment could do to its records, and how its functions are set up."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from tests.end_to_end.conftest import Pipeline

_DAYS_AGO = 9
_DAY = 24 * 3600


def objects(pipeline: Pipeline, job_id: str) -> list[dict[str, Any]]:
    listed = pipeline.client("s3").list_objects_v2(
        Bucket=pipeline.bucket, Prefix=f"conversions/{job_id}/"
    )
    return listed.get("Contents", [])


def table(pipeline: Pipeline, kind: str) -> str:
    names = pipeline.client("dynamodb").list_tables()["TableNames"]
    [name] = [each for each in names if f"-storage-{kind}" in each]
    return name


def record(pipeline: Pipeline, kind: str, job_id: str) -> dict[str, Any] | None:
    found = pipeline.client("dynamodb").get_item(
        TableName=table(pipeline, kind), Key={"jobId": {"S": job_id}}, ConsistentRead=True
    )
    return found.get("Item")


def expire(pipeline: Pipeline, job_id: str) -> None:
    """As if it had been made more than a week ago."""
    then = time.time() - _DAYS_AGO * _DAY
    made = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(then))
    _change(pipeline, job_id, "SET createdAt = :value", {"S": made})
    end(pipeline, job_id)


def end(pipeline: Pipeline, job_id: str) -> None:
    """As if its time were up."""
    end_at(pipeline, job_id, int(time.time()) - _DAY)


def keep(pipeline: Pipeline, job_id: str) -> None:
    end_at(pipeline, job_id, int(time.time()) + _DAY)


def end_at(pipeline: Pipeline, job_id: str, moment: int) -> None:
    _change(pipeline, job_id, "SET expiresAt = :value", {"N": str(moment)})


def _change(pipeline: Pipeline, job_id: str, update: str, value: dict[str, str]) -> None:
    pipeline.client("dynamodb").update_item(
        TableName=table(pipeline, "Jobs"),
        Key={"jobId": {"S": job_id}},
        UpdateExpression=update,
        ExpressionAttributeValues={":value": value},
    )


@contextmanager
def set_up(pipeline: Pipeline, function: str, **changed: str) -> Generator[None]:
    """A function with other variables in its environment, as a deployment would set them."""
    functions = pipeline.client("lambda")
    names = [each["FunctionName"] for each in functions.list_functions()["Functions"]]
    [name] = [each for each in names if f"-{function}" in each]
    before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    assert changed.keys() <= before.keys()
    try:
        _configure(functions, name, before | changed)
        yield
    finally:
        _configure(functions, name, before)


def _configure(functions: Any, name: str, variables: dict[str, str]) -> None:
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
    functions.get_waiter("function_updated_v2").wait(FunctionName=name)
