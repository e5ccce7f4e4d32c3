"""moto's AWS in this process, for as long as a block lasts.

The boto3 session is kept from one block to the next: it holds what botocore parsed of its service
models, most of the time that making a client takes.

DynamoDB carries out one write of an item after the other, each with its condition. moto, whose
backend knows nothing of threads, is held to that: a race would be moto's own and prove nothing.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import boto3
import botocore.regions
import pytest
from botocore.endpoint_provider import EndpointProvider
from moto import mock_aws
from moto.core.serialize import ResponseSerializer
from moto.dynamodb.models import DynamoDBBackend

REGION = "eu-west-1"
ACCOUNT = "123456789012"  # moto's own


@contextmanager
def aws() -> Generator[None]:
    with (
        pytest.MonkeyPatch.context() as patch,
        mock_aws(),
        one_write_at_a_time(),
        quick_answers(),
    ):
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        for each in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE", "AWS_REGION"):
            patch.delenv(each, raising=False)
        patch.setattr(boto3, "DEFAULT_SESSION", _session())
        patch.setattr(botocore.regions, "EndpointProvider", _compiled_once)
        yield


@contextmanager
def one_write_at_a_time() -> Generator[None]:
    lock = threading.RLock()

    def in_turn(write: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(write)
        def locked(*arguments: Any, **named: Any) -> Any:
            with lock:
                return write(*arguments, **named)

        return locked

    with pytest.MonkeyPatch.context() as patch:
        for name in ("put_item", "update_item", "delete_item"):
            patch.setattr(DynamoDBBackend, name, in_turn(getattr(DynamoDBBackend, name)))
        yield


@contextmanager
def quick_answers() -> Generator[None]:
    """moto looks for whatever an answer may hold under each name that a class of its own might have
    for it: a fifth of the time that a test here takes. DynamoDB's answers are that JSON already."""
    usual = ResponseSerializer.get_value

    def quick(self: Any, value: Any, key: str, shape: Any) -> Any:
        if type(value) is dict and self.operation_model.service_model.service_name == "dynamodb":
            return value.get(key)
        return usual(self, value, key, shape)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ResponseSerializer, "get_value", quick)
        yield


# A client works out where its service is by rules that it compiles for itself: the half of making
# one. They are the same for every client of a service.
_rules: dict[int, tuple[Any, Any]] = {}


def _compiled_once(ruleset_data: Any, **others: Any) -> Any:
    kept = _rules.get(id(ruleset_data))
    if kept is None or kept[0] is not ruleset_data:
        kept = (ruleset_data, EndpointProvider(ruleset_data=ruleset_data, **others))
        _rules[id(ruleset_data)] = kept
    return kept[1]


@functools.cache
def _session() -> boto3.Session:
    return boto3.Session(region_name=REGION)
