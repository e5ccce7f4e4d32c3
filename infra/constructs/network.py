"""Where converter tasks run: subnets that nothing from outside can reach.

By default they are public ones: a task's own address costs $0.005 an hour of conversion, where what
private subnets need is paid for all month (infra/egress.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from infra.choices import Egress
from infra.constructs.flow_log import RejectedTraffic
from infra.egress import SERVICES, ZONES

_TASKS, _CACHE, _EXIT = "Tasks", "Cache", "Exit"
_TYPES = {
    Egress.PUBLIC: ec2.SubnetType.PUBLIC,
    Egress.NAT: ec2.SubnetType.PRIVATE_WITH_EGRESS,
    Egress.ENDPOINTS: ec2.SubnetType.PRIVATE_ISOLATED,
}


class TaskNetwork(Construct):
    """A VPC over two zones, the region's first unless others are named, and a security group that
    lets HTTPS out and nothing in. With a cache there are subnets for it, and for what reads it,
    that lead nowhere but to S3 and DynamoDB."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        egress: Egress,
        with_cache: bool,
        zones: Sequence[str] = (),
    ) -> None:
        super().__init__(scope, id)
        self._egress = egress
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            # Named, none is looked up: a stack of no certain region takes any.
            availability_zones=list(zones) or None,
            max_azs=None if zones else ZONES,
            # One, though its zone can fail: tasks of the other zone then cannot start, and are
            # tried again for hours. A second would cost as much again to stand by.
            nat_gateways=1 if egress is Egress.NAT else 0,
            subnet_configuration=_subnets(egress, with_cache),
            gateway_endpoints={
                "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3),
                "DynamoDB": ec2.GatewayVpcEndpointOptions(
                    service=ec2.GatewayVpcEndpointAwsService.DYNAMODB
                ),
            },
            restrict_default_security_group=False,  # no task joins it, and it takes a function
        )
        if egress is Egress.ENDPOINTS:
            self._keep_internet_gateway()
        self.security_group = ec2.SecurityGroup(
            self, "Tasks", vpc=self.vpc, allow_all_outbound=False
        )
        self.security_group.add_egress_rule(
            ec2.Peer.any_ipv4(), ec2.Port.HTTPS, "AWS services; DNS needs no rule"
        )
        if egress is Egress.ENDPOINTS:
            self._add_endpoints()
        RejectedTraffic(self, "Rejected", vpc=self.vpc)

    def _keep_internet_gateway(self) -> None:
        """The one that the CDK makes only for public subnets, by the same names. It is free, and no
        route leads to it; but while running tasks have public addresses EC2 detaches none
        (DetachInternetGateway, EC2 API reference), and to go from `public` to `endpoints` in place
        would fail."""
        gateway = ec2.CfnInternetGateway(self.vpc, "IGW")
        ec2.CfnVPCGatewayAttachment(
            self.vpc, "VPCGW", vpc_id=self.vpc.vpc_id, internet_gateway_id=gateway.ref
        )

    def _add_endpoints(self) -> None:
        """Open to tasks alone: not, as the CDK would have it, to all of the VPC."""
        group = ec2.SecurityGroup(self, "Endpoints", vpc=self.vpc, allow_all_outbound=False)
        tasks = cast(ec2.IPeer, self.security_group)
        group.add_ingress_rule(tasks, ec2.Port.HTTPS, "converter tasks")
        for service in SERVICES:
            ec2.InterfaceVpcEndpoint(
                self,
                "".join(each.capitalize() for each in service.split(".")),
                vpc=cast(ec2.IVpc, self.vpc),
                service=ec2.InterfaceVpcEndpointAwsService(service),
                subnets=ec2.SubnetSelection(subnet_group_name=_TASKS),
                security_groups=[cast(ec2.ISecurityGroup, group)],
                open=False,
            )

    @property
    def assign_public_ip(self) -> str:
        """As RunTask's network configuration has it."""
        return "ENABLED" if self._egress is Egress.PUBLIC else "DISABLED"

    @property
    def cache_subnets(self) -> list[ec2.ISubnet]:
        return self._of(_CACHE)

    @property
    def subnet_ids(self) -> list[str]:
        return [subnet.subnet_id for subnet in self._of(_TASKS)]

    def _of(self, name: str) -> list[ec2.ISubnet]:
        return self.vpc.select_subnets(subnet_group_name=name).subnets


def _subnets(egress: Egress, with_cache: bool) -> list[ec2.SubnetConfiguration]:
    """Always in this order, and with room kept for those that are not there, so that each has the
    same addresses whatever is chosen: a subnet cannot change them, and is replaced."""
    tasks = ec2.SubnetConfiguration(
        name=_TASKS,
        subnet_type=_TYPES[egress],
        cidr_mask=20,  # 4,091 addresses a zone, one a running task
        # The state machine asks for one by itself.
        map_public_ip_on_launch=False if egress is Egress.PUBLIC else None,
    )
    cache = ec2.SubnetConfiguration(
        name=_CACHE,
        subnet_type=ec2.SubnetType.PRIVATE_ISOLATED,
        cidr_mask=24,
        reserved=not with_cache,
    )
    if egress is not Egress.NAT:
        return [tasks, cache]
    gateway = ec2.SubnetConfiguration(
        name=_EXIT,
        subnet_type=ec2.SubnetType.PUBLIC,
        cidr_mask=28,
        map_public_ip_on_launch=False,
    )
    return [tasks, cache, gateway]
