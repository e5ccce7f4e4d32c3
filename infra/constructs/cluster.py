"""The cluster: no machines of its own, tasks on spare capacity first."""

from __future__ import annotations

from typing import cast

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from infra import nag


class SpotCluster(ecs.Cluster):
    """The state machine chooses: FARGATE_SPOT, and FARGATE for what Spot has interrupted."""

    def __init__(self, scope: Construct, id: str, *, vpc: ec2.Vpc) -> None:
        super().__init__(scope, id, vpc=vpc)
        # As the cluster's own property: a resource of its own beside it, which the CDK would make,
        # is for capacity that is created and destroyed with the stack, as Fargate's is not.
        cluster = cast(ecs.CfnCluster, self.node.default_child)
        cluster.capacity_providers = ["FARGATE", "FARGATE_SPOT"]
        nag.acknowledge(
            self,
            "ECS4",
            "Container Insights knows the cluster and task families by the minute, enhanced each "
            "task, and neither an attempt's job. The converter measures its own CPU, memory and "
            "disk, and alarms watch those.",
        )
