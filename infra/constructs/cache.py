"""The cache in front of the progress table: ElastiCache Serverless, spoken to over TLS alone.

It costs about $6 a month at rest (Valkey, 100 MB metered at least), and nothing in it is missed:
DynamoDB has every percent before it does.
"""

from __future__ import annotations

from typing import cast

from aws_cdk import Names
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticache as elasticache
from constructs import Construct

# The port of Valkey; what reads from replicas has the next one (ElastiCache user guide).
_PORT = 6379
# So that no fault of ours can cost more: in GB, where a job's progress is half a kB, and in units
# a second, where a report or a read is one or two. Beyond it Redis refuses, and DynamoDB answers.
_MOST_GB = 1
_MOST_UNITS = 10_000


class ProgressCache(Construct):
    """`readers` is the group of the functions that read; a writer's group is given."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        vpc: ec2.Vpc,
        subnets: list[ec2.ISubnet],
        writers: ec2.SecurityGroup,
    ) -> None:
        super().__init__(scope, id)
        self.readers = ec2.SecurityGroup(self, "Readers", vpc=vpc, allow_all_outbound=False)
        self.readers.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.HTTPS, "DynamoDB")
        own = ec2.SecurityGroup(self, "Cache", vpc=vpc, allow_all_outbound=False)
        for group in (writers, self.readers):
            peer, port = cast(ec2.IPeer, own), ec2.Port.tcp(_PORT)
            group.add_egress_rule(peer, port, "progress")
            own.add_ingress_rule(cast(ec2.IPeer, group), port, "progress")
        limits = elasticache.CfnServerlessCache
        cache = elasticache.CfnServerlessCache(
            self,
            "Valkey",
            engine="valkey",
            major_engine_version="8",
            # It must have a name, of at most 40 characters: one that the CDK makes up, always the
            # same. CloudFormation makes a replacement first, and would find the name taken: with
            # what replaces a cache (its subnets, say), give this construct another id.
            serverless_cache_name=Names.unique_resource_name(self, max_length=40).lower(),
            security_group_ids=[own.security_group_id],
            subnet_ids=[subnet.subnet_id for subnet in subnets],
            cache_usage_limits=limits.CacheUsageLimitsProperty(
                data_storage=limits.DataStorageProperty(unit="GB", maximum=_MOST_GB),
                ecpu_per_second=limits.ECPUPerSecondProperty(maximum=_MOST_UNITS),
            ),
        )
        self.host = cache.attr_endpoint_address
        # A token, which is text until it is deployed, where the settings have a number.
        self.port = cast(int, cache.attr_endpoint_port)
