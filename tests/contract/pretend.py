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
import pytest
from moto import mock_aws
from moto.dynamodb.models import DynamoDBBackend

REGION = "eu-west-1"
ACCOUNT = "123456789012"  # moto's own


@contextmanager
def aws() -> Generator[None]:
    with pytest.MonkeyPatch.context() as patch, mock_aws(), one_write_at_a_time():
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        for each in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE", "AWS_REGION"):
            patch.delenv(each, raising=False)
        patch.setattr(boto3, "DEFAULT_SESSION", _session())
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


@functools.cache
def _session() -> boto3.Session:
    return boto3.Session(region_name=REGION)
