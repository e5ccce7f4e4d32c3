"""A Map state in distributed mode as AWS has it: see local/fidelity/distributed_map.py."""

from __future__ import annotations

import csv
import gzip
import io
import json
import time
from typing import Any
from uuid import uuid4

import pytest

from local.child import Engine
from tests.local.conftest import Machines, eventually

TOLD: dict[str, Any] = {"Type": "Succeed"}


def mapped(reader: dict[str, Any], states: dict[str, Any] | None = None, **more: Any) -> Any:
    inner = states or {"Told": TOLD}
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": next(iter(inner)),
        "States": inner,
    }
    return {"Type": "Map", "ItemReader": reader, "ItemProcessor": processor, "End": True, **more}


@pytest.fixture
def bucket(engine: Engine) -> str:
    name = f"b{uuid4().hex[:12]}"
    engine.client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def listing(engine: Engine, bucket: str) -> dict[str, Any]:
    """Five objects under `in/`, and one beside it."""
    for number in range(5):
        engine.client("s3").put_object(Bucket=bucket, Key=f"in/{number}", Body=b"x" * number)
    engine.client("s3").put_object(Bucket=bucket, Key="out/0", Body=b"")
    arguments = {"Bucket": "{% $states.input.bucket %}", "Prefix": "in/"}
    return {"Resource": "arn:aws:states:::s3:listObjectsV2", "Arguments": arguments}


def writer(bucket: str) -> dict[str, Any]:
    return {
        "Resource": "arn:aws:states:::s3:putObject",
        "Arguments": {"Bucket": bucket, "Prefix": "{% 'told/' & $states.input.bucket %}"},
        "WriterConfig": {"Transformation": "COMPACT", "OutputType": "JSONL"},
    }


def test_a_batch_is_as_many_items_as_the_expression_says(
    machines: Machines, listing: dict[str, Any], bucket: str
) -> None:
    batcher = {
        "MaxItemsPerBatch": "{% $states.input.each %}",
        "BatchInput": {"by": "{% $states.input.bucket %}"},
    }
    state = mapped(listing, ItemBatcher=batcher, MaxConcurrency="{% 2 %}")

    ended = machines.run({"Map": state}, {"bucket": bucket, "each": 2})

    told = json.loads(ended["output"])
    assert [len(each["Items"]) for each in told] == [2, 2, 1]
    assert {each["BatchInput"]["by"] for each in told} == {bucket}
    row = told[1]["Items"][0]
    assert (row["Key"], row["Size"], row["StorageClass"]) == ("in/2", 2, "STANDARD")
    assert row["Etag"].startswith('"')


def test_a_batch_is_no_longer_than_its_bytes(
    machines: Machines, listing: dict[str, Any], bucket: str
) -> None:
    state = mapped(listing, ItemBatcher={"MaxInputBytesPerBatch": 400})

    told = json.loads(machines.run({"Map": state}, {"bucket": bucket})["output"])

    assert len(told) > 1
    assert all(len(json.dumps(each)) <= 400 for each in told)
    assert sum(len(each["Items"]) for each in told) == 5


def test_an_inventory_is_read_by_its_columns(
    engine: Engine, machines: Machines, bucket: str
) -> None:
    s3, text = engine.client("s3"), io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([["a", "in/one+more.wav", "7"]] * 3)
    s3.put_object(Bucket=bucket, Key="data/1.csv.gz", Body=gzip.compress(text.getvalue().encode()))
    manifest = {
        "sourceBucket": "a",
        "destinationBucket": f"arn:aws:s3:::{bucket}",
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, Size",
        "files": [{"key": "data/1.csv.gz", "size": 1, "MD5checksum": ""}],
    }
    s3.put_object(Bucket=bucket, Key="manifest.json", Body=json.dumps(manifest))
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "MANIFEST"},
        "Arguments": {"Bucket": bucket, "Key": "manifest.json"},
    }

    told = json.loads(machines.run({"Map": mapped(reader)})["output"])

    assert told == [{"Bucket": "a", "Key": "in/one+more.wav", "Size": "7"}] * 3


def test_results_go_to_the_bucket_a_line_each_and_failures_beside_them(
    engine: Engine, machines: Machines, listing: dict[str, Any], bucket: str
) -> None:
    choice = {"Condition": "{% $states.input.Size > 3 %}", "Next": "Broken"}
    states = {
        "Look": {"Type": "Choice", "Choices": [choice], "Default": "Told"},
        "Broken": {"Type": "Fail", "Error": "Broken", "Cause": "too long"},
        "Told": TOLD,
    }
    tolerant = {"ToleratedFailurePercentage": 100, "ResultWriter": writer(bucket)}
    state = mapped(listing, states, **tolerant)

    details = json.loads(machines.run({"Map": state}, {"bucket": bucket})["output"])

    where = details["ResultWriterDetails"]
    assert where["Key"].startswith(f"told/{bucket}/")
    s3 = engine.client("s3")
    files = json.loads(s3.get_object(**where)["Body"].read())["ResultFiles"]
    lines = {
        status: s3.get_object(Bucket=bucket, Key=files[status][0]["Key"])["Body"]
        .read()
        .splitlines()
        for status in ("SUCCEEDED", "FAILED")
    }
    assert [json.loads(each)["Key"] for each in lines["SUCCEEDED"]] == [f"in/{n}" for n in range(4)]
    (failed,) = map(json.loads, lines["FAILED"])
    assert (failed["Status"], failed["Error"], failed["Cause"]) == ("FAILED", "Broken", "too long")
    assert json.loads(failed["Input"])["Key"] == "in/4"


def test_more_failures_than_are_tolerated_fail_the_state(
    machines: Machines, listing: dict[str, Any], bucket: str
) -> None:
    broken = {"Broken": {"Type": "Fail", "Error": "Broken", "Cause": "always"}}
    state = mapped(listing, broken, ToleratedFailurePercentage=99)

    ended = machines.run({"Map": state}, {"bucket": bucket})

    assert ended["error"] == "States.ExceedToleratedFailureThreshold"


def test_a_map_run_counts_its_items(
    machines: Machines, listing: dict[str, Any], bucket: str
) -> None:
    state = mapped(listing, ItemBatcher={"MaxItemsPerBatch": 2}, Label="files")
    execution = machines.start(machines.create({"Map": state}), {"bucket": bucket})
    machines.ended(execution)

    (run,) = machines.client.list_map_runs(executionArn=execution)["mapRuns"]
    told = machines.client.describe_map_run(mapRunArn=run["mapRunArn"])
    assert (told["status"], told["itemCounts"]["succeeded"]) == ("SUCCEEDED", 5)
    assert told["executionCounts"]["succeeded"] == 3
    assert "/files:" in run["mapRunArn"]


def test_a_child_does_not_see_its_parents_variables(
    machines: Machines, listing: dict[str, Any], bucket: str
) -> None:
    told = {"Told": {"Type": "Pass", "Output": "{% $exists($secret) %}", "End": True}}
    states = {
        "Begin": {"Type": "Pass", "Assign": {"secret": 1}, "Next": "Map"},
        "Map": mapped(listing, told),
    }
    ended = machines.run(states, {"bucket": bucket})
    assert json.loads(ended["output"]) == [False] * 5


def test_stopping_the_execution_stops_its_children(
    machines: Machines, listing: dict[str, Any], bucket: str
) -> None:
    states = {"Wait": {"Type": "Wait", "Seconds": 60, "Next": "Told"}, "Told": TOLD}
    execution = machines.start(
        machines.create({"Map": mapped(listing, states, MaxConcurrency=1)}), {"bucket": bucket}
    )

    def waiting() -> str | None:
        runs = machines.client.list_map_runs(executionArn=execution)["mapRuns"]
        return runs[0]["mapRunArn"] if runs else None

    run = eventually(waiting)
    time.sleep(0.3)
    machines.client.stop_execution(executionArn=execution)

    def over() -> bool:
        told = machines.client.describe_map_run(mapRunArn=run)
        has_stopped = told["status"] == "ABORTED" and bool(told["stopDate"])
        return has_stopped and told["itemCounts"]["aborted"] == 5

    assert eventually(over, 5)
    assert machines.ended(execution)["status"] == "ABORTED"
