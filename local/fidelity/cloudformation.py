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
s3: Any = import_module("ministack.services.s3")

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
    _handlers["AWS::EC2::EIP"] = _handler(create_address, delete_address)
    _handlers["AWS::EC2::NatGateway"] = _handler(create_nat, delete_nat)
    _handlers["Custom::S3AutoDeleteObjects"] = _handler(watch_bucket, empty_bucket)


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


def create_address(_logical_id: str, properties: Properties, _stack: str) -> Made:
    """AWS::EC2::EIP: Ref is the address, AllocationId an attribute."""
    allocation, address = f"eipalloc-{uuid4().hex[:17]}", ec2._random_ip("52.")
    ec2._addresses[allocation] = {
        "AllocationId": allocation,
        "PublicIp": address,
        "Domain": properties.get("Domain", "vpc"),
        "AssociationId": None,
        "InstanceId": None,
        "NetworkInterfaceId": None,
        "PrivateIpAddress": None,
    }
    return address, {"AllocationId": allocation, "PublicIp": address}


def delete_address(address: str, _properties: Properties) -> None:
    for allocation, each in list(ec2._addresses.items()):
        if each["PublicIp"] == address:
            del ec2._addresses[allocation]


def create_nat(_logical_id: str, properties: Properties, _stack: str) -> Made:
    """AWS::EC2::NatGateway: Ref is its id."""
    identity, subnet = f"nat-{uuid4().hex[:17]}", properties["SubnetId"]
    ec2._nat_gateways[identity] = {
        "NatGatewayId": identity,
        "SubnetId": subnet,
        "VpcId": ec2._subnets[subnet]["VpcId"],
        "AllocationId": properties.get("AllocationId"),
        "ConnectivityType": properties.get("ConnectivityType", "public"),
        "State": "available",
        "CreateTime": ec2._now_ts(),
        "Tags": [],
    }
    return identity, {"NatGatewayId": identity}


def delete_nat(identity: str, _properties: Properties) -> None:
    ec2._nat_gateways.pop(identity, None)


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


def watch_bucket(_logical_id: str, properties: Properties, _stack: str) -> Made:
    """Custom::S3AutoDeleteObjects (`removal=destroy`): the CDK's function for it needs Node with
    the AWS SDK inside, which Lambda's runtime has and a worker here has not. It empties its bucket
    when CloudFormation deletes it."""
    return properties["BucketName"], {}


def empty_bucket(_identity: str, properties: Properties) -> None:
    bucket = s3._buckets.get(properties["BucketName"])
    if bucket is not None:
        bucket["objects"].clear()


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
