"""A DynamoDB table's stream and who reads it: see local/fidelity/dynamodb.py and streams.py."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from local.child import Engine
from local.ffmpeg import Ffmpeg
from tests.local.conftest import ROLE, eventually, zipped

# Notes each record in a file, and fails those whose id begins with `bad`, once each.
FOLLOWER = """
import json
seen = set()
def handler(event, context):
    failures = []
    for record in event["Records"]:
        with open({notes!r}, "a") as notes:
            notes.write(json.dumps(record) + "\\n")
        key = record["dynamodb"]["Keys"]["id"]["S"]
        if key.startswith("bad") and key not in seen:
            failures.append({{"itemIdentifier": record["dynamodb"]["SequenceNumber"]}})
        seen.add(key)
    return {{"batchItemFailures": failures}}
"""
TOUCH = "import pathlib\ndef handler(event, context):\n    pathlib.Path({!r}).touch()"
SLEEP = "import time\ndef handler(event, context):\n    time.sleep(4)"


class Stream:
    """A table whose stream a function notes in a file."""

    def __init__(self, engine: Engine, notes: Path) -> None:
        self._notes = notes
        self.client = engine.client("dynamodb")
        self.table = f"t{uuid4().hex[:8]}"
        view = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        self.arn = self.client.create_table(
            TableName=self.table,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification=view,
        )["TableDescription"]["LatestStreamArn"]
        self.client.update_time_to_live(
            TableName=self.table,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": "expiresAt"},
        )
        functions = engine.client("lambda")
        name = create_function(engine, FOLLOWER.format(notes=str(notes)))
        functions.create_event_source_mapping(
            FunctionName=name,
            EventSourceArn=self.arn,
            StartingPosition="TRIM_HORIZON",
            BatchSize=10,
            FunctionResponseTypes=["ReportBatchItemFailures"],
        )

    def put(self, key: str, expires_at: float = 4e9) -> None:
        item = {"id": {"S": key}, "expiresAt": {"N": str(int(expires_at))}}
        self.client.put_item(TableName=self.table, Item=item)

    def read(self) -> list[dict[str, Any]]:
        """The records so far, as they came; of one read twice, both."""
        lines = self._notes.read_text().splitlines() if self._notes.exists() else []
        return [json.loads(each) for each in lines]

    def followed(self, number: int) -> list[dict[str, Any]]:
        eventually(lambda: len(self.read()) >= number, 30)
        return self.read()


def create_function(engine: Engine, source: str) -> str:
    name = f"f{uuid4().hex[:8]}"
    engine.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=ROLE,
        Handler="main.handler",
        Code={"ZipFile": zipped({"main.py": source})},
        Timeout=10,
    )
    return name


@pytest.fixture(scope="module")
def engine(ffmpeg: Ffmpeg) -> Iterator[Engine]:
    with Engine(ffmpeg=ffmpeg, environment={"SLUICE_LOCAL_TTL_SECONDS": "0.2"}) as engine:
        yield engine


@pytest.fixture
def stream(engine: Engine, tmp_path: Path) -> Stream:
    return Stream(engine, tmp_path / "notes")


def keys(records: list[dict[str, Any]]) -> list[str]:
    return [each["dynamodb"]["Keys"]["id"]["S"] for each in records]


def test_what_ttl_deletes_is_removed_by_the_service_in_the_stream(stream: Stream) -> None:
    stream.put("stays")
    stream.put("goes", time.time() - 1)

    records = stream.followed(3)

    assert [(each["eventName"], key) for each, key in zip(records, keys(records), strict=True)] == [
        ("INSERT", "stays"),
        ("INSERT", "goes"),
        ("REMOVE", "goes"),
    ]
    removed = records[-1]
    assert removed["userIdentity"] == {
        "type": "Service",
        "principalId": "dynamodb.amazonaws.com",
    }
    assert removed["dynamodb"]["OldImage"]["id"]["S"] == "goes"
    assert "userIdentity" not in records[0]


def test_what_somebody_deletes_is_removed_by_nobody_in_particular(stream: Stream) -> None:
    stream.put("goes")
    stream.client.delete_item(TableName=stream.table, Key={"id": {"S": "goes"}})

    assert "userIdentity" not in stream.followed(2)[-1]


def test_a_batch_is_read_again_from_its_first_record_that_failed(stream: Stream) -> None:
    for key in ("first", "bad-1", "third", "bad-2", "fifth"):
        stream.put(key)

    def is_done() -> bool:
        read = keys(stream.read())
        return read.count("bad-2") > 1 and read[-1] == "fifth"

    eventually(is_done, 30)
    read = keys(stream.read())
    assert read.count("first") == 1
    assert read.count("bad-1") == 2
    assert list(dict.fromkeys(read)) == ["first", "bad-1", "third", "bad-2", "fifth"]


def test_a_slow_reader_of_a_stream_keeps_no_queue_waiting(
    engine: Engine, stream: Stream, tmp_path: Path
) -> None:
    slow = create_function(engine, SLEEP)
    quick = create_function(engine, TOUCH.format(str(tmp_path / "q")))
    sqs, functions = engine.client("sqs"), engine.client("lambda")
    queue = sqs.create_queue(QueueName=f"q{uuid4().hex[:8]}")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    functions.create_event_source_mapping(FunctionName=quick, EventSourceArn=attributes["QueueArn"])
    functions.create_event_source_mapping(
        FunctionName=slow, EventSourceArn=stream.arn, StartingPosition="TRIM_HORIZON", BatchSize=1
    )
    for number in range(20):  # 80 s of work
        stream.put(f"x{number}")
    time.sleep(1)
    sqs.send_message(QueueUrl=queue, MessageBody="hello")

    eventually((tmp_path / "q").exists, 15)
