"""The AWS clients, made once at a process's start; the environment alone chooses the endpoints.

`AWS_ENDPOINT_URL`, region and credentials are botocore's own variables: unset on AWS, pointed at
the local engine on a laptop. Only how a bucket is addressed depends on which of the two it is.
"""

from __future__ import annotations

import os
from typing import Any

import boto3
from botocore.config import Config
from botocore.httpsession import get_cert_path

from conversion.stores.calls import watched

# botocore's standard mode retries throttling, 5xx and connection errors with jitter, after at most
# 50 ms doubled each time (DynamoDB 25 ms): eight retries outlast some seconds, where the five that
# are usual give up within one and a conversion of an hour would begin anew. Its default timeouts of
# 60 s would let one dead connection eat a process's whole life.
PATIENT = Config(
    retries={"mode": "standard", "max_attempts": 8}, connect_timeout=3, read_timeout=20
)

# For functions, which end after 10 s: a dead store must be known, and said, before. Three tries
# that hang take 6 s, and the backoff between them at most 1 and 2 s (botocore, standard mode).
BRISK = Config(
    retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=1, read_timeout=2
)

# For a function that asks two stores in a row within the same 10 s.
SWIFT = Config(
    retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=0.5, read_timeout=1.5
)

# For what only asks whether a service answers: another try would hide that it hardly does.
ONCE = Config(
    retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=1, read_timeout=2
)

# For a function that is invoked only to be asked: in a VPC its start may take some seconds.
PROBE = Config(
    retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=1, read_timeout=6
)

# For joining the parts of a file: one try. Joining again what is being joined helps nobody; who got
# no answer asks again, and is told what came of it. The timeout is of silence alone, and S3 is not
# silent for the minutes this can take: conversion/stores/incoming.py has the deadline.
JOINING = Config(
    retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=1, read_timeout=20
)

# For a copy within S3, which says nothing until it is done: of 5 GiB that may take minutes.
COPYING = Config(
    retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=3, read_timeout=240
)

# For a trace, which nobody waits for: the second that the converter gives it holds all of this.
SENT = Config(
    retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=0.3, read_timeout=0.5
)

# What Redis may cost a reader before DynamoDB is asked instead. The library's own defaults, 5 s and
# ten retries, would make a dead Redis the slowest store of all.
_REDIS_TIMEOUT_SECONDS = 0.1


def s3(patience: Config = PATIENT) -> Any:
    """SigV4 and the regional host always: presigned URLs are SigV2 in us-east-1 otherwise, which
    signs none of the headers an upload is held to, and name the global host in every other region,
    which redirects for a bucket it does not know yet (AWS: up to hours), and a signature that
    covers the host does not survive a redirect.

    Checksums only where asked for: one that botocore adds by itself would become part of what a
    presigned PUT must send.
    """
    own = Config(
        signature_version="s3v4",
        s3={"us_east_1_regional_endpoint": "regional", "addressing_style": _addressing_style()},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        max_pool_connections=16,
    )
    return watched(boto3.client("s3", config=patience.merge(own)))


def dynamodb(patience: Config = PATIENT) -> Any:
    return watched(boto3.client("dynamodb", config=patience))


def step_functions(patience: Config = PATIENT) -> Any:
    return watched(boto3.client("stepfunctions", config=patience))


def ecs(patience: Config = PATIENT) -> Any:
    return watched(boto3.client("ecs", config=patience))


def events(patience: Config = PATIENT) -> Any:
    return watched(boto3.client("events", config=patience))


def sqs(patience: Config = PATIENT) -> Any:
    return watched(boto3.client("sqs", config=patience))


def logs(patience: Config = PATIENT) -> Any:
    return watched(boto3.client("logs", config=patience))


def lambda_(patience: Config = PATIENT) -> Any:
    return watched(boto3.client("lambda", config=patience))


def secrets_manager(patience: Config = PATIENT) -> Any:
    return watched(boto3.client("secretsmanager", config=patience))


def xray(patience: Config = PATIENT) -> Any:
    return watched(boto3.client("xray", config=patience))


def has_xray() -> bool:
    """The local engine, which an endpoint for all services leads to, has no X-Ray."""
    return "AWS_ENDPOINT_URL" not in os.environ or "AWS_ENDPOINT_URL_XRAY" in os.environ


def redis(host: str, port: int) -> Any:
    """Redis, or Valkey. Imported here, so that a deployment without it pays nothing for it.

    ElastiCache Serverless speaks TLS alone ("In-transit encryption", its user guide); it is checked
    against the certificates that every AWS call is. Nothing is said on a new connection but the
    command itself: each greeting (HELLO, CLIENT SETINFO) is a round trip with a timeout of its own,
    and a slow Redis would cost the sum of them. No retries, and no health checks, for the same
    reason: DynamoDB is the retry.
    """
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return Redis(
        host=host,
        port=port,
        socket_timeout=_REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=_REDIS_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        driver_info=None,
        ssl=not os.environ.get("AWS_ENDPOINT_URL"),
        ssl_ca_certs=get_cert_path(True),
    )


def _addressing_style() -> str:
    """On AWS the bucket stands in the host: botocore presigns for the regional host only then (its
    signers.py, `_should_use_global_endpoint`). Elsewhere no DNS knows a host for each bucket."""
    elsewhere = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return "path" if elsewhere else "virtual"
