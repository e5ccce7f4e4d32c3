"""The ways out of the network: each leads to AWS and no further than it says, and none leads in."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from infra.choices import Egress
from infra.egress import SERVICES, at_rest_usd
from tests.infra.assembly import Assembly

Make = Callable[..., Assembly]
TASKS = ["NetworkVpcTasksSubnet1Subnet", "NetworkVpcTasksSubnet2Subnet"]


@pytest.fixture
def network(tmp_path: Path) -> Make:
    """Of a stack that has nothing else."""
    from aws_cdk import App, Stack

    from infra.constructs.network import TaskNetwork

    def make(egress: Egress, *, with_cache: bool = False, zones: tuple[str, ...] = ()) -> Assembly:
        directory = tmp_path / "-".join([egress, str(with_cache), *zones])
        app = App(outdir=str(directory), analytics_reporting=False)
        stack = Stack(app, "network")
        TaskNetwork(stack, "Network", egress=egress, with_cache=with_cache, zones=zones)
        app.synth()
        return Assembly(directory)

    return make


def test_by_default_the_network_costs_nothing_at_rest(network: Make) -> None:
    made = network(Egress.PUBLIC)

    assert not made.of("AWS::EC2::NatGateway")
    assert not made.of("AWS::EC2::EIP")
    assert {each["VpcEndpointType"] for each in endpoints(made).values()} == {"Gateway"}
    assert endpoints(made).keys() == {"dynamodb", "s3"}
    assert at_rest_usd(Egress.PUBLIC) == 0


@pytest.mark.parametrize(("egress", "with_cache"), list(product(Egress, (False, True))))
def test_nothing_reaches_a_task_and_it_reaches_https_alone(
    network: Make, egress: Egress, with_cache: bool
) -> None:
    made = network(egress, with_cache=with_cache)

    group = made.of("AWS::EC2::SecurityGroup")["NetworkTasks"]
    assert "SecurityGroupIngress" not in group
    (out,) = group["SecurityGroupEgress"]
    assert (out["IpProtocol"], out["FromPort"], out["ToPort"]) == ("tcp", 443, 443)
    ways_in = made.of("AWS::EC2::SecurityGroupIngress").values()
    assert "${NetworkTasks.GroupId}" not in {each["GroupId"] for each in ways_in}


@pytest.mark.parametrize("with_cache", [False, True])
def test_a_subnet_has_the_same_addresses_whatever_is_chosen(
    network: Make, with_cache: bool
) -> None:
    """Else choosing another would replace it, and nothing can run in the old one meanwhile."""
    chosen = [addresses(network(egress, with_cache=with_cache)) for egress in Egress]

    assert {name: chosen[0][name] for name in TASKS} == {
        TASKS[0]: "10.0.0.0/20",
        TASKS[1]: "10.0.16.0/20",
    }
    for one, other in product(chosen, [*chosen, addresses(network(Egress.NAT))]):
        assert all(one[name] == other[name] for name in one.keys() & other.keys())


@pytest.mark.parametrize(
    ("egress", "leads"),
    [
        (Egress.PUBLIC, {("GatewayId", "${NetworkVpcIGW}")}),
        (Egress.NAT, {("NatGatewayId", "${NetworkVpcExitSubnet1NATGateway}")}),
        (Egress.ENDPOINTS, set[tuple[str, str]]()),
    ],
)
def test_what_a_task_calls_outside_leaves_by_the_chosen_way(
    network: Make, egress: Egress, leads: set[tuple[str, str]]
) -> None:
    made = network(egress, with_cache=True)

    ways = {
        (kind, route[kind])
        for route in made.of("AWS::EC2::Route").values()
        for kind in ("GatewayId", "NatGatewayId")
        if kind in route and "Tasks" in route["RouteTableId"]
    }
    assert ways == leads
    assert not [
        route for route in made.of("AWS::EC2::Route").values() if "Cache" in route["RouteTableId"]
    ]


@pytest.mark.parametrize("egress", list(Egress))
def test_the_bytes_go_to_s3_and_dynamodb_free_of_charge(network: Make, egress: Egress) -> None:
    made = network(egress)

    tables = {name for name in made.of("AWS::EC2::RouteTable") if "Tasks" in name}
    assert len(tables) == 2
    for service in ("s3", "dynamodb"):
        through = endpoints(made)[service]["RouteTableIds"]
        assert {f"${{{name}}}" for name in tables} <= set(through)


def test_going_from_one_way_to_another_detaches_no_gateway(network: Make) -> None:
    """EC2 refuses to while a task has a public address: the same gateway, by the same names, stays
    attached whatever is chosen."""
    kinds = ("AWS::EC2::InternetGateway", "AWS::EC2::VPCGatewayAttachment")
    attached = [
        {
            name: each
            for template in network(egress).templates.values()
            for name, each in template["Resources"].items()
            if each["Type"] in kinds
        }
        for egress in Egress
    ]

    assert len(attached[0]) == 2
    assert attached[1:] == [attached[0]] * (len(Egress) - 1)


def test_subnets_are_in_the_zones_that_were_named_in_their_order(network: Make) -> None:
    made = network(Egress.NAT, with_cache=True, zones=("eu-west-1b", "eu-west-1c"))

    zones = {name: each["AvailabilityZone"] for name, each in made.of("AWS::EC2::Subnet").items()}
    assert {name[-7:]: zone for name, zone in zones.items()} == {
        "1Subnet": "eu-west-1b",
        "2Subnet": "eu-west-1c",
    }
    assert addresses(made) == addresses(network(Egress.NAT, with_cache=True))


def test_one_gateway_serves_both_zones(network: Make) -> None:
    made = network(Egress.NAT)

    gateway = made.the("AWS::EC2::NatGateway")
    assert gateway["SubnetId"] == "${NetworkVpcExitSubnet1Subnet}"
    assert len(made.of("AWS::EC2::EIP")) == 1
    assert not [
        each for each in made.of("AWS::EC2::Subnet").values() if each["MapPublicIpOnLaunch"]
    ]


def test_without_a_way_to_the_internet_each_service_has_a_door_for_tasks_alone(
    network: Make,
) -> None:
    made = network(Egress.ENDPOINTS)

    leading_out = {"GatewayId", "NatGatewayId"}
    assert not [each for each in made.of("AWS::EC2::Route").values() if leading_out & each.keys()]
    doors = endpoints(made)
    assert doors.keys() == {*SERVICES, "s3", "dynamodb"}
    for service in SERVICES:
        assert doors[service]["VpcEndpointType"] == "Interface"
        assert doors[service]["PrivateDnsEnabled"] is True  # so that nobody is told another name
        assert doors[service]["SubnetIds"] == [f"${{{each}}}" for each in TASKS]
        assert doors[service]["SecurityGroupIds"] == ["${NetworkEndpoints.GroupId}"]
    (way_in,) = made.of("AWS::EC2::SecurityGroupIngress").values()
    assert way_in["GroupId"] == "${NetworkEndpoints.GroupId}"
    assert way_in["SourceSecurityGroupId"] == "${NetworkTasks.GroupId}"
    assert (way_in["FromPort"], way_in["ToPort"]) == (443, 443)
    assert "SecurityGroupIngress" not in made.of("AWS::EC2::SecurityGroup")["NetworkEndpoints"]


def test_the_flow_is_told_where_tasks_run_and_whether_they_need_an_address(
    assembly: Assembly, other_assembly: Assembly
) -> None:
    for made, assigned in ((assembly, "ENABLED"), (other_assembly, "DISABLED")):
        told = made.the("AWS::StepFunctions::StateMachine")["DefinitionSubstitutions"]
        assert told["AssignPublicIp"] == assigned
        assert told["Subnets"].split(",") == [f"${{{each}}}" for each in TASKS]
    assert other_assembly.of("AWS::EC2::NatGateway")


def endpoints(made: Assembly) -> dict[str, Any]:
    """By the service: `s3`, `ecr.api`."""
    found = made.of("AWS::EC2::VPCEndpoint").values()
    prefix = "com.amazonaws.${AWS::Region}."
    return {each["ServiceName"].removeprefix(prefix): each for each in found}


def addresses(made: Assembly) -> dict[str, str]:
    return {name: each["CidrBlock"] for name, each in made.of("AWS::EC2::Subnet").items()}
