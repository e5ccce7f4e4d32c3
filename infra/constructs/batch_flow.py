"""The machine of batches, and a role for its calls."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from aws_cdk import ArnFormat, Aws, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from conversion.batches.request import PREFIX as BATCHES
from conversion.batches.sources import Place
from conversion.uploads import PREFIX as UPLOADS
from infra import nag
from infra.batch_definition import definition
from infra.constructs.bucket import AudioBucket
from infra.constructs.function import PythonFunction
from infra.constructs.logs import log_group
from infra.constructs.permissions import Wildcard, allow, executions_of, service_role

# What ResultWriter writes in parts ("IAM policies for Distributed Map states", Step Functions
# guide).
_WRITES = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"]


@dataclass(frozen=True)
class BatchSteps:
    """The functions that the machine invokes."""

    feed: PythonFunction
    watch: PythonFunction
    sum_up: PythonFunction


class BatchFlow(Construct):
    """A text definition gets no grants from the CDK: each of its calls is allowed here."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        bucket: AudioBucket,
        sources: Sequence[Place],
        steps: BatchSteps,
    ) -> None:
        super().__init__(scope, id)
        self.role = service_role(self, "states.amazonaws.com")
        functions = [each.function.function_arn for each in (steps.feed, steps.watch, steps.sum_up)]
        names = ("FeedBatch", "WatchBatch", "SumUpBatch")
        self.state_machine = sfn.StateMachine(
            self,
            "StateMachine",
            definition_body=sfn.DefinitionBody.from_string(json.dumps(definition())),
            definition_substitutions={
                **dict(zip(names, functions, strict=True)),
                "Bucket": bucket.bucket_name,
                "ResultsPrefix": BATCHES,
            },
            role=self.role,
            tracing_enabled=True,
            # Without the data: keys are people's own words.
            logs=sfn.LogOptions(
                destination=log_group(self), level=sfn.LogLevel.ALL, include_execution_data=False
            ),
        )
        nag.acknowledge(
            self.role,
            "IAM5[Resource::*]",
            "X-Ray's actions and those of log delivery take no resources (\"Logging to CloudWatch "
            'Logs", Step Functions guide; "Actions defined by AWS X-Ray").',
        )
        allow(self.role, ["lambda:InvokeFunction"], *functions)
        allow(self.role, _WRITES, bucket.batches)
        allow_listing(self.role, sources)
        own = {"StringLike": {"s3:prefix": [f"{UPLOADS}*"]}}
        allow(self.role, ["s3:ListBucket"], bucket.bucket_arn, conditions=own)
        allow_reading(self.role, sources)
        self._allow_children()

    @property
    def map_runs(self) -> Wildcard:
        """What its executions' Map states run as: named by the machine and the state's label."""
        arn = Stack.of(self).format_arn(
            service="states",
            resource="mapRun",
            resource_name=f"{self.state_machine.state_machine_name}/*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        return Wildcard(arn, "A Map Run's id is made when it runs: those of this one machine.")

    def _allow_children(self) -> None:
        """A Map Run starts its children as executions of the machine itself. In a policy of its
        own: the machine waits for its role's, which would wait for the machine."""
        statement = iam.PolicyStatement(
            actions=["states:StartExecution"], resources=[self.state_machine.state_machine_arn]
        )
        children = executions_of(self.state_machine)
        ends = iam.PolicyStatement(
            actions=["states:DescribeExecution", "states:StopExecution"], resources=[children.arn]
        )
        policy = iam.Policy(self, "Children", statements=[statement, ends], roles=[self.role])
        nag.acknowledge_resource(cast(Construct, policy), children.arn, children.because)


def allow_listing(role: iam.IRole, sources: Sequence[Place]) -> None:
    """Of a bucket that is given as a whole all may be listed; of another what is under its
    prefixes, where S3 answers 403 and not 404 for an object that is gone: such a request has no
    prefix for the condition to hold."""
    for bucket in dict.fromkeys(each.bucket for each in sources):
        prefixes = [each.prefix for each in sources if each.bucket == bucket]
        limits = {"StringLike": {"s3:prefix": [f"{each}*" for each in prefixes]}}
        conditions = limits if all(prefixes) else None
        allow(role, ["s3:ListBucket"], f"arn:{Aws.PARTITION}:s3:::{bucket}", conditions=conditions)


def allow_reading(role: iam.IRole, sources: Sequence[Place]) -> None:
    for each in sources:
        arn = f"arn:{Aws.PARTITION}:s3:::{each.bucket}/{each.prefix}*"
        allow(
            role,
            ["s3:GetObject"],
            Wildcard(arn, "Whoever deploys gave this to be read: -c batchSources."),
        )
