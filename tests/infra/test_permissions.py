"""Every role, and exactly what it may do: a grant too many fails here, as does one too few."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infra.assembly import Assembly

HERE = "${AWS::Region}:${AWS::AccountId}"
BUCKET = "${Bucket.Arn}"
UPLOADED = f"{BUCKET}/uploads/*"
CONVERTED = f"{BUCKET}/conversions/*"
UPLOADS = "${Uploads.Arn}"
JOBS = "${Jobs.Arn}"
PROGRESS = "${Progress.Arn}"
SLOTS = "${Slots.Arn}"
BY_FILE = f"{JOBS}/index/byFile"
BY_STATUS = f"{JOBS}/index/byStatus"
MACHINE = "${ConversionStateMachine}"
EXECUTIONS = f"arn:${{AWS::Partition}}:states:{HERE}:execution:${{ConversionStateMachine.Name}}:*"
FAMILY = f"ecs:{HERE}:task-definition/sluicedevconversionConverterDefinition"
TASKS = f"arn:${{AWS::Partition}}:ecs:{HERE}:task/${{Cluster}}/*"

# What takes no resource, with the word of the service for it. Nothing else may have "*".
EVERYWHERE = {
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


def fed_by(queue: str) -> set[tuple[str, str]]:
    actions = ("DeleteMessage", "GetQueueAttributes", "ReceiveMessage")
    return {(f"sqs:{action}", f"${{{queue}.Arn}}") for action in actions}


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

ROLES: dict[str, set[tuple[str, str]]] = {
    "CreateUploadRole": {
        *logging("CreateUploadLogs"),
        ("dynamodb:PutItem", UPLOADS),
        ("dynamodb:Query", BY_STATUS),
        ("dynamodb:GetItem", SLOTS),
        ("s3:PutObject", UPLOADED),
    },
    "StartJobsRole": {
        *logging("StartJobsLogs"),
        *fed_by("ArrivalsQueue"),
        ("dynamodb:GetItem", UPLOADS),
        ("dynamodb:GetItem", JOBS),
        ("dynamodb:PutItem", JOBS),
        ("dynamodb:UpdateItem", SLOTS),
        ("states:StartExecution", MACHINE),
    },
    "CreateJobRole": {
        *logging("CreateJobLogs"),
        ("dynamodb:GetItem", UPLOADS),
        ("dynamodb:PutItem", JOBS),
        ("dynamodb:Query", BY_STATUS),
        ("dynamodb:GetItem", SLOTS),
        ("dynamodb:UpdateItem", SLOTS),
        ("s3:GetObject", UPLOADED),
        ("s3:ListBucket", BUCKET),
        ("states:StartExecution", MACHINE),
    },
    "GetJobRole": {
        *logging("GetJobLogs"),
        ("dynamodb:GetItem", JOBS),
        ("dynamodb:Query", BY_FILE),
    },
    "CancelJobRole": {
        *logging("CancelJobLogs"),
        ("dynamodb:UpdateItem", JOBS),
        ("states:DescribeExecution", EXECUTIONS),
        ("states:StopExecution", EXECUTIONS),
    },
    "GetProgressRole": {
        *logging("GetProgressLogs"),
        ("dynamodb:GetItem", JOBS),
        ("dynamodb:BatchGetItem", JOBS),
        ("dynamodb:BatchGetItem", PROGRESS),
    },
    "GetOutputRole": {
        *logging("GetOutputLogs"),
        ("dynamodb:GetItem", JOBS),
        ("s3:GetObject", CONVERTED),
    },
    "FailExecutionRole": logging("FailExecutionLogs"),
    "FollowJobsRole": {
        *logging("FollowJobsLogs"),
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
    "RecoverJobsRole": {
        *logging("RecoverJobsLogs"),
        *STARTS_WAITING,
        ("dynamodb:GetItem", UPLOADS),
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
        *logging("CleanUpLogs"),
        ("dynamodb:BatchGetItem", JOBS),
        ("dynamodb:DeleteItem", JOBS),
        ("dynamodb:GetItem", JOBS),
        ("dynamodb:Query", BY_FILE),
        ("dynamodb:Query", BY_STATUS),
        ("dynamodb:DeleteItem", UPLOADS),
        ("dynamodb:GetItem", UPLOADS),
        ("dynamodb:DeleteItem", PROGRESS),
        *CLEARS_OUTPUTS,
        ("s3:DeleteObject", UPLOADED),
        ("s3:GetObject", UPLOADED),
    },
    "ConverterRole": {
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
        *((action, "*") for action in EVERYWHERE if not action.startswith("ecr:")),
    },
}


# What is there, or may do more, when a deployment chooses a webhook and a cache.
WITH_WEBHOOK = {
    "DeliverWebhookRole": {
        *logging("DeliverWebhookLogs"),
        *fed_by("WebhooksQueue"),
        ("sqs:ChangeMessageVisibility", "${WebhooksQueue.Arn}"),
        ("secretsmanager:GetSecretValue", "${WebhooksSecret}"),
    },
}
# "Giving Lambda functions access to resources in an Amazon VPC", required IAM permissions: Lambda
# itself makes the interfaces by the function's role, and takes no resources for them.
IN_A_NETWORK = {
    ("ec2:AssignPrivateIpAddresses", "*"),
    ("ec2:CreateNetworkInterface", "*"),
    ("ec2:DeleteNetworkInterface", "*"),
    ("ec2:DescribeNetworkInterfaces", "*"),
    ("ec2:DescribeSubnets", "*"),
    ("ec2:UnassignPrivateIpAddresses", "*"),
}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_this_and_nothing_else(assembly: Assembly, role: str) -> None:
    assert granted(assembly, role) == ROLES[role]


def test_the_webhooks_role_may_read_its_secret_and_put_messages_off(
    other_assembly: Assembly,
) -> None:
    assert granted(other_assembly, "DeliverWebhookRole") == WITH_WEBHOOK["DeliverWebhookRole"]


def test_only_what_reads_the_cache_may_have_a_network_interface(other_assembly: Assembly) -> None:
    reader = granted(other_assembly, "GetProgressRole")
    assert reader == ROLES["GetProgressRole"] | IN_A_NETWORK
    for role in ROLES.keys() - {"GetProgressRole"}:
        assert not granted(other_assembly, role) & IN_A_NETWORK


def test_there_is_no_other_role(assembly: Assembly, other_assembly: Assembly) -> None:
    assert assembly.of("AWS::IAM::Role").keys() == ROLES.keys()
    beside = other_assembly.of("AWS::IAM::Role").keys() - ROLES.keys() - WITH_WEBHOOK.keys()
    assert all(each.startswith("CustomS3AutoDeleteObjects") for each in beside)


def test_no_role_has_a_policy_of_somebody_elses_making(assembly: Assembly) -> None:
    for role in assembly.of("AWS::IAM::Role").values():
        assert role.keys() == {"AssumeRolePolicyDocument"}
    assert not assembly.of("AWS::IAM::ManagedPolicy")


def test_only_what_takes_no_resource_is_allowed_everywhere(assembly: Assembly) -> None:
    everywhere = {
        action for role in ROLES for action, resource in granted(assembly, role) if resource == "*"
    }
    assert everywhere == EVERYWHERE


@pytest.mark.parametrize(
    ("action", "condition"),
    [
        ("ecs:RunTask", {"ArnEquals": {"ecs:cluster": "${Cluster.Arn}"}}),
        ("ecs:StopTask", {"ArnEquals": {"ecs:cluster": "${Cluster.Arn}"}}),
        ("iam:PassRole", {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}),
    ],
)
def test_the_flow_is_held_to_its_cluster_and_its_tasks(
    assembly: Assembly, action: str, condition: dict[str, Any]
) -> None:
    (statement,) = [
        each for each in statements(assembly, "ConversionRole") if action in listed(each["Action"])
    ]
    assert statement["Condition"] == condition


def granted(assembly: Assembly, role: str) -> set[tuple[str, str]]:
    return {
        (action, without_digits(resource))
        for statement in statements(assembly, role)
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }


def statements(assembly: Assembly, role: str) -> list[Any]:
    found = [
        statement
        for policy in assembly.of("AWS::IAM::Policy").values()
        if policy["Roles"] == [f"${{{role}}}"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    assert all(statement["Effect"] == "Allow" for statement in found)
    return found


def listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def without_digits(resource: str) -> str:
    """The family's name ends with digits that the CDK makes up."""
    head, star, tail = resource.partition(":*")
    if "task-definition/" not in head:
        return resource
    return head[:-8] + star + tail
