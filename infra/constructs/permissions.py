"""The one way a role is given anything: these actions on these resources, and no others.

CDK's `grant_*` methods give what a service usually takes; the tests hold each role to what its code
calls, so a grant names exactly that. A resource with a wildcard in it says why it has one, and
cdk-nag refuses those that do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from aws_cdk import ArnFormat, Aws, Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra import nag

TRACES_TAKE_NO_RESOURCE = (
    '"Actions, resources, and condition keys for AWS X-Ray": what sends traces takes no resource.'
)

# Against a service that is made to act for us by another account ("The confused deputy problem",
# IAM guide).
FOR_THIS_ACCOUNT = {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
# Those whose own guides have that condition in a trust policy: "Cross-service confused deputy
# prevention" (Step Functions guide), "Amazon ECS task IAM role", "IAM role for publishing flow logs
# to CloudWatch Logs" (Amazon VPC guide). Lambda's, and ECS' of the role that pulls the image, have
# none.
_TELL_THE_ACCOUNT = frozenset(
    {"ecs-tasks.amazonaws.com", "states.amazonaws.com", "vpc-flow-logs.amazonaws.com"}
)


@dataclass(frozen=True)
class Wildcard:
    """Resources that cannot be named one by one, and the reason."""

    arn: str
    because: str


def allow(
    role: iam.IRole,
    actions: Sequence[str],
    *resources: str | Wildcard,
    conditions: Mapping[str, Any] | None = None,
) -> None:
    arns = [each.arn if isinstance(each, Wildcard) else each for each in resources]
    role.add_to_principal_policy(
        iam.PolicyStatement(actions=actions, resources=arns, conditions=conditions)
    )
    for each in resources:
        if isinstance(each, Wildcard):
            nag.acknowledge_resource(role, each.arn, each.because)


def anywhere(because: str) -> Wildcard:
    """For actions that take no resource, in the words of the service."""
    return Wildcard("*", because)


def service_role(scope: Construct, service: str) -> iam.IRole:
    """A role without AWS's managed policies, whose resources are all wildcards. A service that
    tells for which account it acts may take it for this one alone.

    Here and elsewhere, `cast` to an interface of the CDK's: its Python classes name parameters
    otherwise than the interfaces they implement, which a type checker cannot know is harmless.
    """
    conditions = FOR_THIS_ACCOUNT if service in _TELL_THE_ACCOUNT else None
    principal = cast(iam.IPrincipal, iam.ServicePrincipal(service, conditions=conditions))
    return cast(iam.IRole, iam.Role(scope, "Role", assumed_by=principal))


def executions_of(machine: sfn.StateMachine) -> Wildcard:
    """All its executions, for the actions that take one."""
    arn = Stack.of(machine).format_arn(
        service="states",
        resource="execution",
        resource_name=f"{machine.state_machine_name}:*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
    return Wildcard(arn, "Executions are named by their jobs: those of this one state machine.")


def tasks_in(cluster: ecs.Cluster) -> Wildcard:
    """All its tasks."""
    arn = Stack.of(cluster).format_arn(
        service="ecs", resource="task", resource_name=f"{cluster.cluster_name}/*"
    )
    return Wildcard(arn, "ECS names a task when it starts: those of this one cluster.")
