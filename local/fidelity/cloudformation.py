"""AWS CloudFormation: resource types of a Fargate application that the engine cannot make.

A template with one of them is refused whole ("Unrecognized resource types"). Each is made here of
what the engine's own EC2 and ECS have; its properties and attributes are those of its page in the
CloudFormation template reference.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any
from uuid import uuid4

provisioners: Any = import_module("ministack.services.cloudformation.provisioners")
ec2: Any = import_module("ministack.services.ec2")
ecs: Any = import_module("ministack.services.ecs")

Properties = dict[str, Any]
Made = tuple[str, dict[str, Any]]

_handlers: dict[str, dict[str, Any]] = provisioners._RESOURCE_HANDLERS
_create_vpc = provisioners._ec2_vpc_create
_update_vpc = provisioners._ec2_vpc_update


def install() -> None:
    _handlers["AWS::EC2::VPC"].update(create=create_vpc, update=update_vpc)
    _handlers["AWS::EC2::FlowLog"] = _handler(create_flow_log, delete_flow_log)
    _handlers["AWS::EC2::SecurityGroupIngress"] = _handler(create_ingress, delete_ingress)
    _handlers["AWS::EC2::SecurityGroupEgress"] = _handler(create_egress, delete_egress)
    _handlers["AWS::ECS::ClusterCapacityProviderAssociations"] = _handler(
        associate_capacity, dissociate_capacity
    )
    _handlers["Custom::VpcRestrictDefaultSG"] = _handler(close_default_group, open_default_group)


def create_vpc(logical_id: str, properties: Properties, stack: str) -> Made:
    """A VPC tells its CidrBlock, which CDK asks for the rules of an endpoint's security group.

    AWS: Fn::GetAtt CidrBlock. ministack: only the ids.
    """
    made, attributes = _create_vpc(logical_id, properties, stack)
    return made, {**attributes, "CidrBlock": ec2._vpcs[made]["CidrBlock"]}


def update_vpc(*arguments: Any) -> Made:
    """As create_vpc, for a stack that is updated."""
    made, attributes = _update_vpc(*arguments)
    return made, {**attributes, "CidrBlock": ec2._vpcs[made]["CidrBlock"]}


def create_flow_log(_logical_id: str, properties: Properties, _stack: str) -> Made:
    """AWS::EC2::FlowLog, which the rules of cdk-nag want for a VPC."""
    identity = f"fl-{uuid4().hex[:17]}"
    ec2._flow_logs[identity] = {
        "FlowLogId": identity,
        "ResourceId": properties["ResourceId"],
        "ResourceType": properties["ResourceType"],
        "TrafficType": properties.get("TrafficType", "ALL"),
        "LogDestinationType": properties.get("LogDestinationType", "cloud-watch-logs"),
        "LogDestination": properties.get("LogDestination") or properties.get("LogGroupName", ""),
        "FlowLogStatus": "ACTIVE",
        "CreationTime": ec2._now_ts(),
    }
    return identity, {"Id": identity}


def delete_flow_log(identity: str, _properties: Properties) -> None:
    ec2._flow_logs.pop(identity, None)


def associate_capacity(_logical_id: str, properties: Properties, _stack: str) -> Made:
    """AWS::ECS::ClusterCapacityProviderAssociations, by which the CDK gives a cluster Fargate."""
    cluster = properties["Cluster"]
    ecs._put_cluster_capacity_providers(
        {
            "cluster": cluster,
            "capacityProviders": properties.get("CapacityProviders", []),
            "defaultCapacityProviderStrategy": provisioners._pascal_to_camel(
                properties.get("DefaultCapacityProviderStrategy", [])
            ),
        }
    )
    return cluster, {}


def dissociate_capacity(cluster: str, _properties: Properties) -> None:
    ecs._put_cluster_capacity_providers({"cluster": cluster})


def create_ingress(_logical_id: str, properties: Properties, _stack: str) -> Made:
    """AWS::EC2::SecurityGroupIngress: a rule that two groups need to name each other."""
    return _add_rule(properties, "IpPermissions")


def delete_ingress(_identity: str, properties: Properties) -> None:
    _remove_rule(properties, "IpPermissions")


def create_egress(_logical_id: str, properties: Properties, _stack: str) -> Made:
    """AWS::EC2::SecurityGroupEgress, likewise."""
    return _add_rule(properties, "IpPermissionsEgress")


def delete_egress(_identity: str, properties: Properties) -> None:
    _remove_rule(properties, "IpPermissionsEgress")


def close_default_group(_logical_id: str, properties: Properties, _stack: str) -> Made:
    """Custom::VpcRestrictDefaultSG: CDK's function for it needs Node with the AWS SDK inside, which
    Lambda's Node runtime has and a worker here has not. It empties the VPC's default group."""
    group = ec2._security_groups[properties["DefaultSecurityGroupId"]]
    group["IpPermissions"], group["IpPermissionsEgress"] = [], []
    return "VpcRestrictDefaultSG", {}


def open_default_group(_identity: str, properties: Properties) -> None:
    group = ec2._security_groups.get(properties["DefaultSecurityGroupId"])
    if group is not None:
        group["IpPermissionsEgress"] = provisioners._ec2_sg_egress_permissions(None)


def _add_rule(properties: Properties, direction: str) -> Made:
    ec2._security_groups[properties["GroupId"]][direction] += _rules(properties)
    identity = f"sgr-{uuid4().hex[:17]}"
    return identity, {"Id": identity}


def _remove_rule(properties: Properties, direction: str) -> None:
    group = ec2._security_groups.get(properties["GroupId"])
    for rule in _rules(properties):
        if group is not None and rule in group[direction]:
            group[direction].remove(rule)


def _rules(properties: Properties) -> list[dict[str, Any]]:
    return provisioners._ec2_sg_permissions([properties])


def _handler(
    create: Callable[[str, Properties, str], Made], delete: Callable[[str, Properties], None]
) -> dict[str, Any]:
    """An update makes the new one and takes the old one away, as a replacement does."""

    def update(
        identity: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> Made:
        delete(identity, old)
        return create(logical_id, new, stack)

    return {"create": create, "update": update, "update_with_logical_id": True, "delete": delete}
