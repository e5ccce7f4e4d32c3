"""Where converter tasks run: public subnets that nothing from outside can reach.

A task needs S3, DynamoDB, ECR and CloudWatch Logs. S3 and DynamoDB, where the bytes go, are free by
gateway endpoints; for the rest a public address costs $0.005 an hour of conversion, where private
subnets would cost $32.9 (a NAT gateway) to $43.8 (interface endpoints) a month at rest.
"""

from __future__ import annotations

from aws_cdk import aws_ec2 as ec2
from constructs import Construct


class TaskNetwork(Construct):
    """A VPC over two zones, and a security group that lets HTTPS out and nothing in. With a cache
    there are subnets for it, and for what reads it, that lead nowhere but to S3 and DynamoDB."""

    def __init__(self, scope: Construct, id: str, *, with_cache: bool) -> None:
        super().__init__(scope, id)
        cache = ec2.SubnetConfiguration(
            name="Cache", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24
        )
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            max_azs=2,
            nat_gateways=0,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="Tasks",
                    subnet_type=ec2.SubnetType.PUBLIC,
                    cidr_mask=20,  # 4,091 addresses a zone, one a running task
                    map_public_ip_on_launch=False,  # the state machine asks for one by itself
                ),
                *([cache] if with_cache else []),
            ],
            gateway_endpoints={
                "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3),
                "DynamoDB": ec2.GatewayVpcEndpointOptions(
                    service=ec2.GatewayVpcEndpointAwsService.DYNAMODB
                ),
            },
            restrict_default_security_group=False,  # no task joins it, and it takes a function
        )
        self.security_group = ec2.SecurityGroup(
            self, "Tasks", vpc=self.vpc, allow_all_outbound=False
        )
        self.security_group.add_egress_rule(
            ec2.Peer.any_ipv4(), ec2.Port.HTTPS, "AWS services; DNS needs no rule"
        )

    @property
    def cache_subnets(self) -> list[ec2.ISubnet]:
        return self.vpc.isolated_subnets

    @property
    def subnet_ids(self) -> list[str]:
        return [subnet.subnet_id for subnet in self.vpc.public_subnets]
