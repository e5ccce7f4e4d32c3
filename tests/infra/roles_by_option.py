"""What the roles of a deployment are, and may do, by the options that were chosen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.infra.roles import (
    BUCKET,
    BY_FILE,
    BY_STATUS,
    FAMILY,
    HERE,
    IN_A_NETWORK,
    JOBS,
    MACHINE,
    REMEMBERS_REQUESTS,
    ROLES,
    SLOTS,
    TASKS,
    UPLOADED,
    UPLOADS,
    WITH_WEBHOOK,
    Grants,
    Limit,
    running,
)

BATCH = "${BatchStateMachine}"
BATCH_EXECUTIONS = f"arn:${{AWS::Partition}}:states:{HERE}:execution:${{BatchStateMachine.Name}}:*"
MAP_RUNS = f"arn:${{AWS::Partition}}:states:{HERE}:mapRun:${{BatchStateMachine.Name}}/*"
RESULTS = f"{BUCKET}/batches/*"
# Of `batchSources=recordings,archive/2024`: all of a bucket, and what is under a prefix of another.
SOURCES = {
    ("s3:ListBucket", "arn:${AWS::Partition}:s3:::recordings"),
    ("s3:ListBucket", "arn:${AWS::Partition}:s3:::archive"),
    ("s3:GetObject", "arn:${AWS::Partition}:s3:::recordings/*"),
    ("s3:GetObject", "arn:${AWS::Partition}:s3:::archive/2024*"),
}
WITH_BATCHES: Grants = {
    "BatchRole": {
        *((action, "*") for action, where in ROLES["ConversionRole"] if where == "*"),
        *SOURCES,
        ("s3:ListBucket", BUCKET),
        *(
            ("lambda:InvokeFunction", f"${{{each}BatchFunction.Arn}}")
            for each in ("Feed", "SumUp", "Watch")
        ),
        *(
            (f"s3:{each}", RESULTS)
            for each in (
                "AbortMultipartUpload",
                "GetObject",
                "ListMultipartUploadParts",
                "PutObject",
            )
        ),
        ("states:DescribeExecution", BATCH_EXECUTIONS),
        ("states:StartExecution", BATCH),
        ("states:StopExecution", BATCH_EXECUTIONS),
    },
    "FeedBatchRole": {
        *running("FeedBatchLogs"),
        *SOURCES,
        ("dynamodb:GetItem", JOBS),
        ("dynamodb:GetItem", SLOTS),
        ("dynamodb:GetItem", UPLOADS),
        ("dynamodb:PutItem", JOBS),
        ("dynamodb:PutItem", UPLOADS),
        ("dynamodb:Query", BY_FILE),
        ("dynamodb:Query", BY_STATUS),
        ("dynamodb:UpdateItem", SLOTS),
        ("dynamodb:UpdateItem", UPLOADS),
        ("s3:GetObject", UPLOADED),
        ("s3:ListBucket", BUCKET),
        ("s3:PutObject", UPLOADED),
        ("states:StartExecution", MACHINE),
    },
    "WatchBatchRole": {*running("WatchBatchLogs"), ("dynamodb:BatchGetItem", JOBS)},
    "SumUpBatchRole": {
        *running("SumUpBatchLogs"),
        ("s3:GetObject", RESULTS),
        ("s3:ListBucket", BUCKET),
    },
    "ManageBatchesRole": {
        *running("ManageBatchesLogs"),
        *REMEMBERS_REQUESTS,
        ("states:DescribeExecution", BATCH_EXECUTIONS),
        ("states:DescribeMapRun", MAP_RUNS),
        ("states:ListMapRuns", BATCH_EXECUTIONS),
        ("states:StartExecution", BATCH),
        ("states:StopExecution", BATCH_EXECUTIONS),
    },
}
ASKS_THE_CACHE = ("lambda:InvokeFunction", "${GetProgressFunction.Arn}")


def expected(context: Mapping[str, str]) -> Grants:
    """Neither users, nor a page, nor another way out makes or widens a role."""
    roles = {
        **ROLES,
        **(WITH_WEBHOOK if "webhookUrl" in context else {}),
        **(WITH_BATCHES if "batchSources" in context else {}),
    }
    if context.get("progressStore") == "redis":
        roles["GetProgressRole"] = ROLES["GetProgressRole"] | IN_A_NETWORK
        roles["CheckHealthRole"] = ROLES["CheckHealthRole"] | {ASKS_THE_CACHE}
    return roles


_IN_CLUSTER = {"ArnEquals": {"ecs:cluster": "${Cluster.Arn}"}}
_TO_TASKS = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
_BY_CODE = {"ArnEquals": {"lambda:SourceFunctionArn": "${GetProgressFunction.Arn}"}}
_OF_THIS_ACCOUNT = {"StringEquals": {"aws:SourceAccount": "${AWS::AccountId}"}}
_TAKEN_BY = {
    "BatchRole": ("states.amazonaws.com", _OF_THIS_ACCOUNT),
    "ConversionRole": ("states.amazonaws.com", _OF_THIS_ACCOUNT),
    "ConverterRole": ("ecs-tasks.amazonaws.com", _OF_THIS_ACCOUNT),
    "ConverterDefinitionExecutionRole": ("ecs-tasks.amazonaws.com", None),
    "NetworkRejectedRole": ("vpc-flow-logs.amazonaws.com", _OF_THIS_ACCOUNT),
}


def limited(context: Mapping[str, str]) -> set[Limit]:
    """What roles may do on a condition alone, or may not."""
    flow = [
        *(("ecs:RunTask", f"arn:${{AWS::Partition}}:{FAMILY}{all_of}") for all_of in ("", ":*")),
        *((f"ecs:{each}", TASKS) for each in ("DescribeTasks", "StopTask")),
    ]
    passed = ("ConverterRole", "ConverterDefinitionExecutionRole")
    found = {_allowed("ConversionRole", *each, _IN_CLUSTER) for each in flow}
    found |= {
        _allowed("ConversionRole", "iam:PassRole", f"${{{each}.Arn}}", _TO_TASKS) for each in passed
    }
    if "batchSources" in context:
        archive = "arn:${AWS::Partition}:s3:::archive"
        lists = "s3:ListBucket"
        found |= {
            _allowed(role, lists, archive, _under("2024*"))
            for role in ("BatchRole", "FeedBatchRole")
        }
        found.add(_allowed("BatchRole", lists, BUCKET, _under("uploads/*")))
    if context.get("progressStore") == "redis":
        condition = json.dumps(_BY_CODE)
        found |= {("GetProgressRole", "Deny", *each, condition) for each in IN_A_NETWORK}
    return found


def taken_by(role: str) -> tuple[str, Any]:
    """Whom a role is for, and on what condition: functions, but for these."""
    return _TAKEN_BY.get(role, ("lambda.amazonaws.com", None))


def _allowed(role: str, action: str, resource: str, condition: Any) -> Limit:
    return role, "Allow", action, resource, json.dumps(condition)


def _under(prefix: str) -> Any:
    return {"StringLike": {"s3:prefix": [prefix]}}
