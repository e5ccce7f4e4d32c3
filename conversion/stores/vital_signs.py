"""The services that a deployment needs, each asked for as little as shows that it answers, and that
what was deployed in it is there.

Permissions: ListBucket (bucket), BatchGetItem on the tables (tables), DescribeStateMachine (flow),
ecs:DescribeClusters and ecs:DescribeTaskDefinition (converter), lambda:InvokeFunction on the
reader of Redis (redis). Leaves behind: nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from conversion.stores.redis_ping import ASK

# No record has such an id: what is read costs half a unit, and is not there.
_NOBODY = {"S": "health"}


class NotWell(Exception):
    """It answers, and says that something is wrong."""


def bucket(s3: Any, name: str) -> None:
    s3.head_bucket(Bucket=name)


def tables(dynamodb: Any, keys: dict[str, str]) -> None:
    """One read of each table; `keys` are their keys' names."""
    wanted = {table: {"Keys": [{key: _NOBODY}]} for table, key in keys.items()}
    answer = dynamodb.batch_get_item(RequestItems=wanted)
    if answer.get("UnprocessedKeys"):
        raise NotWell("DynamoDB has left tables unread.")


def flow(step_functions: Any, state_machine_arn: str) -> None:
    found = step_functions.describe_state_machine(stateMachineArn=state_machine_arn)
    _must_be_active("the state machine", [found])


def converter(ecs: Any, cluster: str, task_definition: str) -> None:
    _must_be_active("the cluster", ecs.describe_clusters(clusters=[cluster])["clusters"])
    found = ecs.describe_task_definition(taskDefinition=task_definition)
    _must_be_active("the task definition", [found["taskDefinition"]])


def redis(lambda_: Any, function: str) -> float:
    """Milliseconds between Redis and the function beside it."""
    answer = lambda_.invoke(FunctionName=function, Payload=json.dumps(ASK).encode())
    said = json.loads(answer["Payload"].read())
    if "FunctionError" in answer or not isinstance(said, dict) or "milliseconds" not in said:
        raise NotWell(f"The function beside Redis has said: {said}")
    return float(said["milliseconds"])


def _must_be_active(what: str, found: Sequence[dict[str, Any]]) -> None:
    if not found or any(each.get("status") != "ACTIVE" for each in found):
        raise NotWell(f"{what} is not active: {[each.get('status') for each in found]}")
