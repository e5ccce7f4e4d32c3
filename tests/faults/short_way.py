"""moto's DynamoDB and Step Functions without the way there: no request is signed, sent, parsed or
answered, which is nine tenths of what a call costs.

The stores are the product's, and every condition and update is carried out by moto's own engine,
one call at a time as DynamoDB does it for an item. Some calls are refused, by chance.
"""

from __future__ import annotations

import json
import threading
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from random import Random
from typing import Any

from botocore.exceptions import ClientError
from moto.dynamodb.exceptions import ConditionalCheckFailed
from moto.dynamodb.models import dynamodb_backends
from moto.stepfunctions.exceptions import ExecutionAlreadyExists
from moto.stepfunctions.models import stepfunctions_backends

from tests.contract.pretend import ACCOUNT, REGION

# What vouches for an answer that says nothing (conversion/stores/attributes.py).
_CHECKSUM = {"x-amz-crc32": str(zlib.crc32(b"{}"))}
_ONE_AT_A_TIME = threading.RLock()


class ShortWay:
    """What the stores ask of their two clients; `refused` counts the calls that were."""

    def __init__(self, shares: Mapping[str, float] | None = None, chance: Random | None = None):
        self._shares, self._chance = shares or {}, chance or Random(0)
        self._dynamodb = dynamodb_backends[ACCOUNT][REGION]
        self._machines = stepfunctions_backends[ACCOUNT][REGION]
        self.refused: Counter[str] = Counter()

    def put_item(self, **asked: Any) -> Any:
        with self._turn("PutItem"):
            condition = asked["ConditionExpression"]
            self._dynamodb.put_item(
                asked["TableName"], asked["Item"], None, condition, {}, {}, overwrite=False
            )
            return {}

    def update_item(self, **asked: Any) -> Any:
        with self._turn("UpdateItem"):
            item = self._dynamodb.update_item(
                asked["TableName"],
                asked["Key"],
                asked["UpdateExpression"],
                asked.get("ExpressionAttributeNames", {}),
                asked.get("ExpressionAttributeValues", {}),
                condition_expression=asked.get("ConditionExpression"),
                return_values_on_condition_check_failure=asked.get(
                    "ReturnValuesOnConditionCheckFailure"
                ),
            )
            return {"Attributes": item.to_json()["Attributes"]}

    def get_item(self, **asked: Any) -> Any:
        with self._turn("GetItem"):
            item = self._dynamodb.get_item(asked["TableName"], asked["Key"])
            found = {"Item": item.to_json()["Attributes"]} if item else {}
            return {**found, "ResponseMetadata": {"HTTPHeaders": _CHECKSUM}}

    def batch_get_item(self, **asked: Any) -> Any:
        [(table, of_table)] = asked["RequestItems"].items()
        with self._turn("BatchGetItem"):
            found = [self._dynamodb.get_item(table, key) for key in of_table["Keys"]]
            items = [each.to_json()["Attributes"] for each in found if each]
            return {"Responses": {table: items}, "UnprocessedKeys": {}}

    def get_paginator(self, _: str) -> ShortWay:
        return self

    def paginate(self, **asked: Any) -> Iterator[Any]:
        """Of a Query of one index by its hash key."""
        [name] = asked["ExpressionAttributeNames"].values()
        [value] = asked["ExpressionAttributeValues"].values()
        start: Any = None
        while True:
            with self._turn("Query"):
                items, _, start = self._dynamodb.query(
                    asked["TableName"],
                    value,
                    None,
                    [],
                    asked["PaginationConfig"]["PageSize"],
                    start,
                    True,
                    None,
                    index_name=asked["IndexName"],
                    hash_key_conditions=[(name, value)],
                )
                page = {"Items": [each.to_json()["Attributes"] for each in items]}
            yield page
            if start is None:
                return

    def start_execution(self, **asked: Any) -> Any:
        with self._turn("StartExecution"):
            execution = self._machines.start_execution(
                asked["stateMachineArn"], asked["name"], asked["input"]
            )
            return {"executionArn": execution.execution_arn}

    @contextmanager
    def _turn(self, operation: str) -> Iterator[None]:
        """One call, with moto's exceptions as botocore's."""
        with _ONE_AT_A_TIME:
            if self._chance.random() < self._shares.get(operation, 0):
                self.refused[operation] += 1
                raise _error("ThrottlingException", operation)
            try:
                yield
            except ConditionalCheckFailed as failed:
                item = json.loads(failed.description).get("Item")
                raise _error("ConditionalCheckFailedException", operation, item) from failed
            except ExecutionAlreadyExists as failed:
                raise _error(failed.TYPE, operation) from failed


def _error(code: str, operation: str, item: Any = None) -> ClientError:
    told: Any = {
        "Error": {"Code": code, "Message": "Not now"},
        "ResponseMetadata": {"HTTPStatusCode": 400, "HTTPHeaders": {}},
    }
    return ClientError(told | ({"Item": item} if item else {}), operation)
