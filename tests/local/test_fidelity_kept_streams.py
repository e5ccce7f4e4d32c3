"""A stream lives on after a restart: see local/fidelity/kept_streams.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from local.child import Engine
from local.ffmpeg import Ffmpeg
from tests.local.conftest import ROLE, eventually, zipped

# Its log tells of each record.
FOLLOWER = """
def handler(event, context):
    for record in event["Records"]:
        print("heard of", record["dynamodb"]["Keys"]["id"]["S"], flush=True)
"""


def test_what_was_written_before_a_restart_can_be_read_after_it(
    ffmpeg: Ffmpeg, tmp_path: Path
) -> None:
    with Engine(tmp_path, ffmpeg) as engine:
        create(engine)
        put(engine, "first")
    with Engine(tmp_path, ffmpeg) as engine:
        put(engine, "second")
        assert written(engine) == ["first", "second"]


def test_a_function_goes_on_where_it_was_before_a_restart(ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    with Engine(tmp_path, ffmpeg) as engine:
        follow(engine, create(engine))
        for name in ("first", "second"):
            put(engine, name)
        eventually(lambda: heard(engine, "first") and heard(engine, "second"))
    with Engine(tmp_path, ffmpeg) as engine:
        put(engine, "third")
        eventually(lambda: heard(engine, "third"))


def create(engine: Engine) -> str:
    """A table; returns its stream."""
    table = engine.client("dynamodb").create_table(
        TableName="jobs",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )["TableDescription"]
    return table["LatestStreamArn"]


def follow(engine: Engine, stream: str) -> None:
    functions = engine.client("lambda")
    functions.create_function(
        FunctionName="follower",
        Runtime="python3.13",
        Role=ROLE,
        Handler="main.handler",
        Code={"ZipFile": zipped({"main.py": FOLLOWER})},
        Timeout=10,
    )
    functions.create_event_source_mapping(
        FunctionName="follower", EventSourceArn=stream, StartingPosition="TRIM_HORIZON"
    )


def put(engine: Engine, name: str) -> None:
    engine.client("dynamodb").put_item(TableName="jobs", Item={"id": {"S": name}})


def heard(engine: Engine, name: str) -> bool:
    logs, group = engine.client("logs"), "/aws/lambda/follower"  # which its first run makes
    if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        return False
    found = logs.filter_log_events(logGroupName=group)["events"]
    return any(f"heard of {name}" in each["message"] for each in found)


def written(engine: Engine) -> list[str]:
    """The keys in the stream, from its beginning."""
    streams: Any = engine.client("dynamodbstreams")
    (stream,) = streams.list_streams(TableName="jobs")["Streams"]
    arn = stream["StreamArn"]
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(
        StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    records = streams.get_records(ShardIterator=iterator)["Records"]
    return [each["dynamodb"]["Keys"]["id"]["S"] for each in records]
