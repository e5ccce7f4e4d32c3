"""The one way a role is given anything: these actions on these resources, and no others.

CDK's `grant_*` methods give what a service usually takes; the tests hold each role to what its code
calls, so a grant names exactly that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct


def allow(
    role: iam.IRole,
    actions: Sequence[str],
    *resources: str,
    conditions: Mapping[str, Any] | None = None,
) -> None:
    role.add_to_principal_policy(
        iam.PolicyStatement(actions=actions, resources=list(resources), conditions=conditions)
    )


def service_role(scope: Construct, service: str) -> iam.IRole:
    """A role without AWS's managed policies, whose resources are all wildcards.

    Here and elsewhere, `cast` to an interface of the CDK's: its Python classes name parameters
    otherwise than the interfaces they implement, which a type checker cannot know is harmless.
    """
    principal = cast(iam.IPrincipal, iam.ServicePrincipal(service))
    return cast(iam.IRole, iam.Role(scope, "Role", assumed_by=principal))


def executions_of(machine: sfn.StateMachine) -> str:
    """The ARN of all its executions, for the actions that take one."""
    return Stack.of(machine).format_arn(
        service="states",
        resource="execution",
        resource_name=f"{machine.state_machine_name}:*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )


def tasks_in(cluster: ecs.Cluster) -> str:
    """The ARN of all its tasks."""
    return Stack.of(cluster).format_arn(
        service="ecs", resource="task", resource_name=f"{cluster.cluster_name}/*"
    )
