"""Resource types the engine lacks: see local/fidelity/cloudformation.py."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from local.child import Engine
from tests.local.conftest import eventually

VPC = {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.9.0.0/16"}}
GROUP = {
    "Type": "AWS::EC2::SecurityGroup",
    "Properties": {"GroupDescription": "g", "VpcId": {"Ref": "Vpc"}},
}


@pytest.fixture
def stack(engine: Engine) -> Any:
    """Create or update a stack of these resources; returns its outputs and resources by name."""
    client, name = engine.client("cloudformation"), f"stack-{uuid4().hex[:8]}"
    exists = False

    def apply(resources: dict[str, Any], outputs: dict[str, Any] | None = None) -> dict[str, str]:
        nonlocal exists
        named = {key: {"Value": value} for key, value in (outputs or {}).items()}
        template = {"Resources": resources, **({"Outputs": named} if named else {})}
        change = client.update_stack if exists else client.create_stack
        change(StackName=name, TemplateBody=json.dumps(template))
        exists = True
        found = eventually(lambda: settled(client, name))
        assert found["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), found
        made = client.describe_stack_resources(StackName=name)["StackResources"]
        return {
            **{each["LogicalResourceId"]: each["PhysicalResourceId"] for each in made},
            **{each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])},
        }

    return apply


def settled(client: Any, name: str) -> dict[str, Any] | None:
    stack = client.describe_stacks(StackName=name)["Stacks"][0]
    return None if stack["StackStatus"].endswith("_IN_PROGRESS") else stack


def test_a_vpc_tells_its_range(stack: Any) -> None:
    outputs = {"Range": {"Fn::GetAtt": ["Vpc", "CidrBlock"]}}

    assert stack({"Vpc": VPC}, outputs)["Range"] == "10.9.0.0/16"


def test_a_flow_log_is_made_and_removed(engine: Engine, stack: Any) -> None:
    log = {
        "Type": "AWS::EC2::FlowLog",
        "Properties": {
            "ResourceId": {"Ref": "Vpc"},
            "ResourceType": "VPC",
            "TrafficType": "REJECT",
            "LogDestinationType": "s3",
            "LogDestination": "arn:aws:s3:::logs",
        },
    }
    made = stack({"Vpc": VPC, "Log": log})["Log"]
    ec2 = engine.client("ec2")

    [found] = ec2.describe_flow_logs(FlowLogIds=[made])["FlowLogs"]
    stack({"Vpc": VPC})

    assert found["TrafficType"] == "REJECT"
    assert ec2.describe_flow_logs(FlowLogIds=[made])["FlowLogs"] == []


@pytest.mark.parametrize(
    ("kind", "direction"),
    [("Ingress", "IpPermissions"), ("Egress", "IpPermissionsEgress")],
)
def test_a_rule_of_its_own_is_added_changed_and_removed(
    engine: Engine, stack: Any, kind: str, direction: str
) -> None:
    ec2 = engine.client("ec2")

    def ports(group: str) -> list[int | None]:
        [found] = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
        return [rule.get("FromPort") for rule in found[direction] if rule.get("FromPort")]

    def with_rule(port: int) -> dict[str, Any]:
        rule = {
            "GroupId": {"Ref": "Group"},
            "IpProtocol": "tcp",
            "FromPort": port,
            "ToPort": port,
            "CidrIp": "10.0.0.0/8",
        }
        type_name = f"AWS::EC2::SecurityGroup{kind}"
        return {"Vpc": VPC, "Group": GROUP, "Rule": {"Type": type_name, "Properties": rule}}

    group = stack(with_rule(443))["Group"]
    assert ports(group) == [443]
    stack(with_rule(6379))
    assert ports(group) == [6379]
    stack({"Vpc": VPC, "Group": GROUP})
    assert ports(group) == []


def test_a_nat_gateway_has_an_address_and_both_are_removed(engine: Engine, stack: Any) -> None:
    subnet = {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.9.1.0/24"}
    address = {"Fn::GetAtt": ["Address", "AllocationId"]}
    network = {"Vpc": VPC, "Subnet": {"Type": "AWS::EC2::Subnet", "Properties": subnet}}
    nat = {"SubnetId": {"Ref": "Subnet"}, "AllocationId": address}
    way_out = {
        "Address": {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc"}},
        "Nat": {"Type": "AWS::EC2::NatGateway", "Properties": nat},
    }
    made = stack({**network, **way_out}, {"Allocation": address})
    ec2 = engine.client("ec2")

    [found] = ec2.describe_nat_gateways(NatGatewayIds=[made["Nat"]])["NatGateways"]
    [reserved] = ec2.describe_addresses(AllocationIds=[made["Allocation"]])["Addresses"]
    stack(network)

    assert (found["State"], found["SubnetId"]) == ("available", made["Subnet"])
    assert reserved["PublicIp"] == made["Address"]
    assert ec2.describe_nat_gateways(NatGatewayIds=[made["Nat"]])["NatGateways"] == []
    assert made["Address"] not in [
        each["PublicIp"] for each in ec2.describe_addresses()["Addresses"]
    ]


def test_a_bucket_is_emptied_when_what_empties_it_is_deleted(engine: Engine, stack: Any) -> None:
    watched = {"ServiceToken": "unused", "BucketName": {"Ref": "Bucket"}}
    bucket = {"Bucket": {"Type": "AWS::S3::Bucket"}}
    emptying = {"Type": "Custom::S3AutoDeleteObjects", "Properties": watched}
    name = stack({**bucket, "Emptying": emptying})["Bucket"]
    s3 = engine.client("s3")
    s3.put_object(Bucket=name, Key="uploads/a.wav", Body=b"RIFF")

    stack(bucket)

    assert s3.list_objects_v2(Bucket=name)["KeyCount"] == 0
