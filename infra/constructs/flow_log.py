"""What the network refused: who tried to reach a task, and what a task could not reach.

Of what is let through there is nothing to tell that the logs of S3, the API and the converter do
not tell better, and a record of each connection would cost more than the conversions.
"""

from __future__ import annotations

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from infra.constructs.logs import log_group
from infra.constructs.permissions import allow, service_role


class RejectedTraffic(Construct):
    """Its role is as the Amazon VPC guide has it ("IAM role for publishing flow logs"), for the one
    log group, which is there already."""

    def __init__(self, scope: Construct, id: str, *, vpc: ec2.Vpc) -> None:
        super().__init__(scope, id)
        logs, role = log_group(self), service_role(self, "vpc-flow-logs.amazonaws.com")
        writes = ["CreateLogStream", "DescribeLogStreams", "PutLogEvents"]
        allow(role, [f"logs:{each}" for each in writes], logs.log_group_arn)
        ec2.CfnFlowLog(
            self,
            "FlowLog",
            resource_id=vpc.vpc_id,
            resource_type="VPC",
            traffic_type="REJECT",
            log_destination_type="cloud-watch-logs",
            log_group_name=logs.log_group_name,
            deliver_logs_permission_arn=role.role_arn,
            max_aggregation_interval=600,  # seconds; the other choice, 60, only makes more records
        )
