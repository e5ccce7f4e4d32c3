"""moto's AWS in this process, for as long as a block lasts.

The boto3 session is kept from one block to the next: it holds what botocore parsed of its service
models, most of the time that making a client takes.
"""

from __future__ import annotations

import functools
from collections.abc import Generator
from contextlib import contextmanager

import boto3
import pytest
from moto import mock_aws

REGION = "eu-west-1"
ACCOUNT = "123456789012"  # moto's own


@contextmanager
def aws() -> Generator[None]:
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        for each in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE", "AWS_REGION"):
            patch.delenv(each, raising=False)
        patch.setattr(boto3, "DEFAULT_SESSION", _session())
        yield


@functools.cache
def _session() -> boto3.Session:
    return boto3.Session(region_name=REGION)
