"""Each role and all that it may do, as pairs of an action and a resource."""

from __future__ import annotations

# What each role may do: an action, and on which resource.
Grants = dict[str, set[tuple[str, str]]]
# What stands in the way of one: a role, `Allow` or `Deny`, action, resource, condition as JSON.
Limit = tuple[str, str, str, str, str]

HERE = "${AWS::Region}:${AWS::AccountId}"
BUCKET = "${Bucket.Arn}"
UPLOADED = f"{BUCKET}/uploads/*"
CONVERTED = f"{BUCKET}/conversions/*"
UPLOADS = "${Uploads.Arn}"
JOBS = "${Jobs.Arn}"
PROGRESS = "${Progress.Arn}"
SLOTS = "${Slots.Arn}"
IDEMPOTENCY = "${Idempotency.Arn}"
BY_FILE = f"{JOBS}/index/byFile"
BY_STATUS = f"{JOBS}/index/byStatus"
BY_OWNER = f"{JOBS}/index/byOwner"
BY_LEAVING = f"{JOBS}/index/byLeaving"
UPLOADS_BY_STATUS = f"{UPLOADS}/index/byStatus"
MACHINE = "${ConversionStateMachine}"
EXECUTIONS = f"arn:${{AWS::Partition}}:states:{HERE}:execution:${{ConversionStateMachine.Name}}:*"
FAMILY = f"ecs:{HERE}:task-definition/conversionConverterDefinition"
TASKS = f"arn:${{AWS::Partition}}:ecs:{HERE}:task/${{Cluster}}/*"

# What takes no resource, with the word of the service for it. Nothing else may have "*".
EVERYWHERE = {
    # "Actions defined by Amazon ECS": DescribeTaskDefinition supports no resource types.
    "ecs:DescribeTaskDefinition",
    # "Actions defined by Amazon ECR": GetAuthorizationToken supports no resource types.
    "ecr:GetAuthorizationToken",
    # "Logging to CloudWatch Logs", Step Functions guide: log delivery supports no resource types.
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    # "Actions defined by AWS X-Ray": none of these supports resource types.
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}


def logging(group: str) -> set[tuple[str, str]]:
    return {
        ("logs:CreateLogStream", f"${{{group}.Arn}}"),
        ("logs:PutLogEvents", f"${{{group}.Arn}}"),
    }


def running(group: str) -> set[tuple[str, str]]:
    """What every function does: write its log, and send its traces."""
    traces = ("xray:PutTelemetryRecords", "xray:PutTraceSegments")
    return {*logging(group), *((action, "*") for action in traces)}


def fed_by(queue: str) -> set[tuple[str, str]]:
    actions = ("DeleteMessage", "GetQueueAttributes", "ReceiveMessage")
    return {(f"sqs:{action}", f"${{{queue}.Arn}}") for action in actions}


REMEMBERS_REQUESTS = {
    (f"dynamodb:{action}Item", IDEMPOTENCY) for action in ("Delete", "Get", "Put", "Update")
}
STARTS_WAITING = {
    ("dynamodb:GetItem", JOBS),
    ("dynamodb:Query", BY_STATUS),
    ("dynamodb:GetItem", SLOTS),
    ("dynamodb:UpdateItem", SLOTS),
    ("states:StartExecution", MACHINE),
}
CLEARS_OUTPUTS = {
    ("s3:ListBucket", BUCKET),
    ("s3:ListBucketMultipartUploads", BUCKET),
    ("s3:AbortMultipartUpload", CONVERTED),
    ("s3:DeleteObject", CONVERTED),
}

ROLES: Grants = {
    "CreateUploadRole": {
        *running("CreateUploadLogs"),
        *REMEMBERS_REQUESTS,
        ("dynamodb:GetItem", UPLOADS),
        ("dynamodb:PutItem", UPLOADS),
        ("dynamodb:Query", UPLOADS_BY_STATUS),
        ("dynamodb:Query", BY_STATUS),
        ("dynamodb:GetItem", SLOTS),
        ("s3:PutObject", UPLOADED),
    },
    "ReceiveUploadRole": {
        *running("ReceiveUploadLogs"),
        ("dynamodb:GetItem", UPLOADS),
        ("dynamodb:UpdateItem", UPLOADS),
        ("s3:AbortMultipartUpload", UPLOADED),
        ("s3:DeleteObject", UPLOADED),
        ("s3:GetObject", UPLOADED),
        ("s3:ListMultipartUploadParts", UPLOADED),
        ("s3:PutObject", UPLOADED),
        ("s3:ListBucket", BUCKET),
    },
    "StartJobsRole": {
        *running("StartJobsLogs"),
        *fed_by("ArrivalsQueue"),
        ("dynamodb:GetItem", UPLOADS),
        ("dynamodb:UpdateItem", UPLOADS),
        ("dynamodb:UpdateItem", UPLOADS),
        ("dynamodb:GetItem", JOBS),
        ("dynamodb:PutItem", JOBS),
        ("dynamodb:UpdateItem", SLOTS),
        ("states:StartExecution", MACHINE),
    },
    "CreateJobRole": {
        *running("CreateJobLogs"),
        *REMEMBERS_REQUESTS,
        ("dynamodb:GetItem", UPLOADS),
        ("dynamodb:GetItem", JOBS),
        ("dynamodb:PutItem", JOBS),
        ("dynamodb:Query", BY_STATUS),
        ("dynamodb:GetItem", SLOTS),
        ("dynamodb:UpdateItem", SLOTS),
        ("s3:GetObject", UPLOADED),
        ("s3:ListBucket", BUCKET),
        ("states:StartExecution", MACHINE),
    },
    "GetJobRole": {
        *running("GetJobLogs"),
        ("dynamodb:GetItem", JOBS),
        ("dynamodb:Query", BY_FILE),
        ("dynamodb:Query", BY_OWNER),
        ("dynamodb:Query", BY_STATUS),
    },
    "CancelJobRole": {
        *running("CancelJobLogs"),
        ("dynamodb:GetItem", JOBS),
        ("dynamodb:UpdateItem", JOBS),
        ("states:DescribeExecution", EXECUTIONS),
        ("states:StopExecution", EXECUTIONS),
    },
    "GetProgressRole": {
        *running("GetProgressLogs"),
        ("dynamodb:GetItem", JOBS),
        ("dynamodb:BatchGetItem", JOBS),
        ("dynamodb:BatchGetItem", PROGRESS),
    },
    "GetOutputRole": {
        *running("GetOutputLogs"),
        ("dynamodb:GetItem", JOBS),
        ("dynamodb:UpdateItem", JOBS),
        ("s3:GetObject", CONVERTED),
    },
    "GetHistoryRole": {
        *running("GetHistoryLogs"),
        ("dynamodb:GetItem", JOBS),
        ("states:DescribeExecution", EXECUTIONS),
        ("states:GetExecutionHistory", EXECUTIONS),
        ("logs:FilterLogEvents", "${ConverterLogs.Arn}"),
    },
    "CheckHealthRole": {
        *running("CheckHealthLogs"),
        ("s3:ListBucket", BUCKET),
        *(("dynamodb:BatchGetItem", table) for table in (JOBS, PROGRESS, UPLOADS, SLOTS)),
        ("dynamodb:GetItem", SLOTS),
        ("dynamodb:Query", BY_STATUS),
        ("dynamodb:Query", UPLOADS_BY_STATUS),
        ("states:DescribeStateMachine", MACHINE),
        ("ecs:DescribeClusters", "${Cluster.Arn}"),
        ("ecs:DescribeTaskDefinition", "*"),
    },
    "DescribeApiRole": running("DescribeApiLogs"),
    "FailExecutionRole": running("FailExecutionLogs"),
    # "IAM role for publishing flow logs", Amazon VPC guide, for the one log group.
    "NetworkRejectedRole": {
        *logging("NetworkRejectedLogs"),
        ("logs:DescribeLogStreams", "${NetworkRejectedLogs.Arn}"),
    },
    "FollowJobsRole": {
        *running("FollowJobsLogs"),
        *(
            (f"dynamodb:{action}", "${Jobs.StreamArn}")
            for action in ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
        ),
        ("sqs:SendMessage", "${ChangesDeadLetters.Arn}"),
        ("events:PutEvents", f"arn:${{AWS::Partition}}:events:{HERE}:event-bus/default"),
        *STARTS_WAITING,
        ("dynamodb:UpdateItem", JOBS),
        ("dynamodb:DeleteItem", PROGRESS),
        ("dynamodb:GetItem", PROGRESS),
        *CLEARS_OUTPUTS,
    },
    "FollowTasksRole": running("FollowTasksLogs"),
    "RecoverJobsRole": {
        *running("RecoverJobsLogs"),
        *STARTS_WAITING,
        ("dynamodb:GetItem", UPLOADS),
        ("dynamodb:UpdateItem", UPLOADS),
        ("dynamodb:BatchGetItem", JOBS),
        ("dynamodb:PutItem", JOBS),
        ("dynamodb:UpdateItem", JOBS),
        ("dynamodb:Query", BY_FILE),
        ("dynamodb:BatchGetItem", PROGRESS),
        ("states:DescribeExecution", EXECUTIONS),
        ("states:GetExecutionHistory", EXECUTIONS),
        ("states:StopExecution", EXECUTIONS),
        ("states:ListExecutions", MACHINE),
        ("ecs:StopTask", TASKS),
        ("s3:ListBucket", BUCKET),
        ("s3:ListBucketMultipartUploads", BUCKET),
        ("s3:AbortMultipartUpload", CONVERTED),
    },
    "CleanUpRole": {
        *running("CleanUpLogs"),
        ("dynamodb:BatchGetItem", JOBS),
        ("dynamodb:DeleteItem", JOBS),
        ("dynamodb:GetItem", JOBS),
        ("dynamodb:Query", BY_FILE),
        ("dynamodb:Query", BY_LEAVING),
        ("dynamodb:Query", BY_STATUS),
        ("dynamodb:DeleteItem", UPLOADS),
        ("dynamodb:GetItem", UPLOADS),
        ("dynamodb:DeleteItem", PROGRESS),
        *CLEARS_OUTPUTS,
        ("s3:AbortMultipartUpload", UPLOADED),
        ("s3:DeleteObject", UPLOADED),
        ("s3:GetObject", UPLOADED),
    },
    "ConverterRole": {
        ("xray:PutTraceSegments", "*"),
        ("dynamodb:UpdateItem", JOBS),
        ("dynamodb:UpdateItem", PROGRESS),
        ("s3:ListBucket", BUCKET),
        ("s3:ListBucketMultipartUploads", BUCKET),
        ("s3:GetObject", UPLOADED),
        ("s3:GetObject", CONVERTED),
        ("s3:PutObject", CONVERTED),
        ("s3:AbortMultipartUpload", CONVERTED),
        ("s3:DeleteObject", CONVERTED),
    },
    "ConverterDefinitionExecutionRole": {
        *logging("ConverterLogs"),
        *(
            (
                action,
                f"arn:${{AWS::Partition}}:ecr:{HERE}:repository/"
                "cdk-hnb659fds-container-assets-${AWS::AccountId}-${AWS::Region}",
            )
            for action in (
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:GetDownloadUrlForLayer",
            )
        ),
        ("ecr:GetAuthorizationToken", "*"),
    },
    "ConversionRole": {
        ("ecs:RunTask", f"arn:${{AWS::Partition}}:{FAMILY}"),
        ("ecs:RunTask", f"arn:${{AWS::Partition}}:{FAMILY}:*"),
        ("ecs:DescribeTasks", TASKS),
        ("ecs:StopTask", TASKS),
        ("iam:PassRole", "${ConverterRole.Arn}"),
        ("iam:PassRole", "${ConverterDefinitionExecutionRole.Arn}"),
        *(
            (
                f"events:{action}",
                f"arn:${{AWS::Partition}}:events:{HERE}:rule/StepFunctionsGetEventsForECSTaskRule",
            )
            for action in ("DescribeRule", "PutRule", "PutTargets")
        ),
        ("lambda:InvokeFunction", "${FailExecutionFunction.Arn}"),
        ("dynamodb:GetItem", JOBS),
        ("dynamodb:UpdateItem", JOBS),
        *((action, "*") for action in EVERYWHERE if action.startswith(("logs:", "xray:"))),
    },
}


# What is there, or may do more, when a deployment chooses a webhook and a cache.
WITH_WEBHOOK: Grants = {
    "DeliverWebhookRole": {
        *running("DeliverWebhookLogs"),
        *fed_by("WebhooksQueue"),
        ("sqs:ChangeMessageVisibility", "${WebhooksQueue.Arn}"),
        ("secretsmanager:GetSecretValue", "${WebhooksSecret}"),
    },
}
# "Giving Lambda functions access to resources in an Amazon VPC", required IAM permissions: Lambda
# itself makes the interfaces by the function's role.
IN_A_NETWORK = {
    ("ec2:AssignPrivateIpAddresses", "*"),
    ("ec2:CreateNetworkInterface", "*"),
    ("ec2:DeleteNetworkInterface", "*"),
    ("ec2:DescribeNetworkInterfaces", "*"),
    ("ec2:DescribeSubnets", "*"),
    ("ec2:UnassignPrivateIpAddresses", "*"),
}
