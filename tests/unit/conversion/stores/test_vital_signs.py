"""What shows that a service is well, and each way in which it may not be."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from conversion.stores import clients, vital_signs
from conversion.stores.vital_signs import NotWell
from tests.contract import pretend, tables
from tests.contract.examples import BUCKET

MACHINE = f"arn:aws:states:{pretend.REGION}:{pretend.ACCOUNT}:stateMachine:conversion"
KEYS = {
    tables.JOBS: "jobId",
    tables.PROGRESS: "jobId",
    tables.UPLOADS: "fileId",
    tables.SLOTS: "name",
}


def test_a_bucket_that_is_there_is_well(aws: None) -> None:
    s3 = clients.s3()
    with pytest.raises(ClientError):
        vital_signs.bucket(s3, BUCKET)

    where = {"LocationConstraint": pretend.REGION}
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
    vital_signs.bucket(s3, BUCKET)


def test_each_table_must_be_there(aws: None) -> None:
    dynamodb = clients.dynamodb()
    tables.create_tables(dynamodb)
    vital_signs.tables(dynamodb, KEYS)

    dynamodb.delete_table(TableName=tables.SLOTS)
    with pytest.raises(ClientError):
        vital_signs.tables(dynamodb, KEYS)


def test_tables_that_are_left_unread_are_not_well(aws: None) -> None:
    dynamodb = clients.dynamodb()
    with Stubber(dynamodb) as stub:
        unread = {tables.JOBS: {"Keys": [{"jobId": {"S": "health"}}]}}
        stub.add_response("batch_get_item", {"Responses": {}, "UnprocessedKeys": unread})
        with pytest.raises(NotWell):
            vital_signs.tables(dynamodb, KEYS)


def test_a_state_machine_must_be_there(aws: None) -> None:
    flow = clients.step_functions()
    with pytest.raises(ClientError):
        vital_signs.flow(flow, MACHINE)

    flow.create_state_machine(
        name="conversion",
        definition='{"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}',
        roleArn=f"arn:aws:iam::{pretend.ACCOUNT}:role/flow",
    )
    vital_signs.flow(flow, MACHINE)


def test_a_state_machine_that_is_being_deleted_is_not_well(aws: None) -> None:
    flow = clients.step_functions()
    told = {
        "stateMachineArn": MACHINE,
        "name": "conversion",
        "status": "DELETING",
        "definition": "{}",
        "roleArn": f"arn:aws:iam::{pretend.ACCOUNT}:role/flow",
        "type": "STANDARD",
        "creationDate": 0,
    }
    with Stubber(flow) as stub:
        stub.add_response("describe_state_machine", told)
        with pytest.raises(NotWell, match="DELETING"):
            vital_signs.flow(flow, MACHINE)


@pytest.fixture
def ecs(aws: None) -> Any:
    client = clients.ecs()
    client.create_cluster(clusterName="sluice")
    client.register_task_definition(
        family="converter", containerDefinitions=[{"name": "converter", "image": "i", "memory": 1}]
    )
    return client


def test_a_cluster_and_a_task_definition_that_are_active_are_well(ecs: Any) -> None:
    vital_signs.converter(ecs, "sluice", "converter")


def breaks(make: Callable[[Any], object]) -> Any:
    return pytest.param(make)


@pytest.mark.parametrize(
    "change",
    [
        breaks(lambda ecs: ecs.delete_cluster(cluster="sluice")),
        breaks(lambda ecs: ecs.deregister_task_definition(taskDefinition="converter:1")),
    ],
)
def test_what_is_gone_from_ecs_is_not_well(ecs: Any, change: Callable[[Any], object]) -> None:
    change(ecs)
    with pytest.raises((NotWell, ClientError)):
        vital_signs.converter(ecs, "sluice", "converter")


def test_a_cluster_that_never_was_is_not_well(ecs: Any) -> None:
    with pytest.raises(NotWell, match="cluster"):
        vital_signs.converter(ecs, "another", "converter")


@pytest.fixture
def lambda_(aws: None) -> Any:
    return clients.lambda_()


@pytest.fixture
def reader(lambda_: Any) -> Iterator[Callable[..., None]]:
    """`reader(said)`: what the function beside Redis answers when it is asked."""
    with Stubber(lambda_) as stub:

        def says(said: Any, **more: Any) -> None:
            text = json.dumps(said).encode()
            answer = {"StatusCode": 200, "Payload": StreamingBody(io.BytesIO(text), len(text))}
            asked = {"FunctionName": "reader", "Payload": b'{"check": "redis"}'}
            stub.add_response("invoke", answer | more, asked)

        yield says
        stub.assert_no_pending_responses()


def test_redis_is_timed_by_the_function_beside_it(
    lambda_: Any, reader: Callable[..., None]
) -> None:
    reader({"milliseconds": 0.4})
    assert vital_signs.redis(lambda_, "reader") == 0.4


@pytest.mark.parametrize(
    ("said", "more"),
    [
        ({"error": "ConnectionError"}, {}),
        ({"errorMessage": "timed out", "milliseconds": 1}, {"FunctionError": "Unhandled"}),
        (None, {}),
        ({"statusCode": 404}, {}),
    ],
)
def test_a_reader_that_cannot_reach_redis_says_so(
    lambda_: Any, reader: Callable[..., None], said: Any, more: dict[str, Any]
) -> None:
    reader(said, **more)
    with pytest.raises(NotWell):
        vital_signs.redis(lambda_, "reader")
