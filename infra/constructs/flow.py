"""The state machine: statemachine/conversion.asl.json as it stands, and a role for its calls."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra import nag
from infra.constructs.converter_task import ConverterTask
from infra.constructs.function import PythonFunction
from infra.constructs.logs import log_group
from infra.constructs.network import TaskNetwork
from infra.constructs.permissions import Wildcard, allow, service_role, tasks_in
from infra.constructs.table import RecordTable

_DEFINITION = Path(__file__).parents[2] / "statemachine" / "conversion.asl.json"


class ConversionFlow(Construct):
    """A text definition gets no grants from the CDK: each of its calls is allowed here."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        cluster: ecs.Cluster,
        task: ConverterTask,
        network: TaskNetwork,
        jobs: RecordTable,
        fail_execution: PythonFunction,
        spot_percent: int,
    ) -> None:
        super().__init__(scope, id)
        self.role = service_role(self, "states.amazonaws.com")
        self.state_machine = sfn.StateMachine(
            self,
            "StateMachine",
            # Not from_file: that hides the definition in an asset, from the template's tests too.
            definition_body=sfn.DefinitionBody.from_string(_DEFINITION.read_text()),
            definition_substitutions={
                "ClusterArn": cluster.cluster_arn,
                # The family, which stands for its newest revision. An execution keeps its
                # definition, and a revision is retired by the next deployment: with a revision in
                # it, what runs across a deployment could not retry.
                "TaskDefinition": task.definition.family,
                "ContainerName": task.container_name,
                "Subnets": ",".join(network.subnet_ids),
                "AssignPublicIp": network.assign_public_ip,
                "SpotPercent": str(spot_percent),
                "SecurityGroup": network.security_group.security_group_id,
                "JobsTable": jobs.table_name,
                "FailExecution": fail_execution.function.function_arn,
            },
            role=self.role,
            tracing_enabled=True,
            # All events, which nothing else keeps once the execution is 90 days old; the data in
            # them could hold what must not be logged.
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
        self._allow_tasks(cluster, task)
        allow(self.role, ["dynamodb:GetItem", "dynamodb:UpdateItem"], jobs.table_arn)
        allow(self.role, ["lambda:InvokeFunction"], fail_execution.function.function_arn)

    def _allow_tasks(self, cluster: ecs.Cluster, task: ConverterTask) -> None:
        """`ecs:runTask.sync`: run, watch, stop ("IAM policies for ECS", Step Functions guide; it
        takes any task for the last two, where this cluster's tasks are enough)."""
        stack = Stack.of(self)
        family = stack.format_arn(
            service="ecs", resource="task-definition", resource_name=task.definition.family
        )
        rule = stack.format_arn(
            service="events", resource="rule", resource_name="StepFunctionsGetEventsForECSTaskRule"
        )
        in_cluster = {"ArnEquals": {"ecs:cluster": cluster.cluster_arn}}
        revisions = Wildcard(f"{family}:*", "The newest revision runs: those of this one family.")
        allow(self.role, ["ecs:RunTask"], family, revisions, conditions=in_cluster)
        allow(
            self.role,
            ["ecs:DescribeTasks", "ecs:StopTask"],
            tasks_in(cluster),
            conditions=in_cluster,
        )
        allow(self.role, ["events:DescribeRule", "events:PutRule", "events:PutTargets"], rule)
        allow(
            self.role,
            ["iam:PassRole"],
            task.role.role_arn,
            task.execution_role.role_arn,
            conditions={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        )
