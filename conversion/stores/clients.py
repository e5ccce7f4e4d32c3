"""The AWS clients, made once at a process's start; the environment alone chooses the endpoints.

`AWS_ENDPOINT_URL`, region and credentials are botocore's own variables: unset on AWS, pointed at
the local engine on a laptop. Nothing here knows which of the two it is.
"""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config

# botocore's standard mode retries throttling, 5xx and connection errors with backoff and jitter;
# its default timeouts of 60 s would let one dead connection eat a Lambda's whole life.
_PATIENT = Config(
    retries={"mode": "standard", "max_attempts": 5}, connect_timeout=3, read_timeout=20
)

# SigV4 and the regional endpoint always: presigned URLs are SigV2 and global in us-east-1
# otherwise, and neither signs the headers an upload is held to. Checksums only where asked for:
# one that botocore adds by itself would become part of what a presigned PUT must send.
_S3 = _PATIENT.merge(
    Config(
        signature_version="s3v4",
        s3={"us_east_1_regional_endpoint": "regional"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        max_pool_connections=16,
    )
)


def s3() -> Any:
    return boto3.client("s3", config=_S3)


def dynamodb() -> Any:
    return boto3.client("dynamodb", config=_PATIENT)


def step_functions() -> Any:
    return boto3.client("stepfunctions", config=_PATIENT)
