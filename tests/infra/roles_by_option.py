"""What the roles of a deployment are, and may do, by the options that were chosen."""

from __future__ import annotations

from collections.abc import Mapping

from tests.infra.roles import (
    BUCKET,
    BY_FILE,
    BY_STATUS,
    HERE,
    IN_A_NETWORK,
    JOBS,
    MACHINE,
    REMEMBERS_REQUESTS,
    ROLES,
    SLOTS,
    UPLOADED,
    UPLOADS,
    WITH_WEBHOOK,
    Grants,
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
