"""Where progress is read first: in its table, and with `progressStore=redis` in a cache."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infra.assembly import Assembly

REDIS = {
    "SLUICE_REDIS_HOST": "${CacheValkey.Endpoint.Address}",
    "SLUICE_REDIS_PORT": "${CacheValkey.Endpoint.Port}",
}
PORT = 6379


def test_without_a_cache_nobody_has_its_address_and_no_function_is_in_a_network(
    assembly: Assembly,
) -> None:
    assert not assembly.of("AWS::ElastiCache::ServerlessCache")
    assert len(assembly.of("AWS::EC2::SecurityGroup")) == 1
    for function in assembly.of("AWS::Lambda::Function").values():
        assert "VpcConfig" not in function
    hosts = {told(assembly, each).get("SLUICE_REDIS_HOST") for each in readers_and_writers()}
    assert hosts == {""}


def test_a_cache_is_bounded_in_what_it_can_cost(other_assembly: Assembly) -> None:
    cache = other_assembly.the("AWS::ElastiCache::ServerlessCache")
    assert cache["Engine"] == "valkey"
    assert cache["CacheUsageLimits"]["DataStorage"] == {"Maximum": 1, "Unit": "GB"}
    assert cache["CacheUsageLimits"]["ECPUPerSecond"] == {"Maximum": 10_000}


def test_the_name_that_a_cache_must_have_is_short_enough(other_assembly: Assembly) -> None:
    name = other_assembly.the("AWS::ElastiCache::ServerlessCache")["ServerlessCacheName"]
    assert len(name) <= 40
    assert name.isalnum()
    assert name == name.lower()


def test_the_converter_and_the_reader_are_told_where_it_is_and_nobody_else(
    other_assembly: Assembly,
) -> None:
    for each in readers_and_writers():
        assert REDIS.items() <= told(other_assembly, each).items()
    others = other_assembly.of("AWS::Lambda::Function").keys() - {"GetProgressFunction"}
    assert not [each for each in others if REDIS.keys() & told(other_assembly, each).keys()]


def test_a_cache_takes_its_port_from_the_converter_and_the_reader_alone(
    other_assembly: Assembly,
) -> None:
    ways_in = {
        (each["SourceSecurityGroupId"], each["FromPort"], each["ToPort"])
        for each in other_assembly.of("AWS::EC2::SecurityGroupIngress").values()
        if each["GroupId"] == "${Cache.GroupId}"
    }
    assert ways_in == {
        ("${NetworkTasks.GroupId}", PORT, PORT),
        ("${CacheReaders.GroupId}", PORT, PORT),
    }
    assert len(other_assembly.of("AWS::EC2::SecurityGroupIngress")) == len(ways_in)


@pytest.mark.parametrize("group", ["NetworkTasks", "CacheReaders"])
def test_who_speaks_to_the_cache_reaches_it_and_https_alone(
    other_assembly: Assembly, group: str
) -> None:
    (https,) = other_assembly.of("AWS::EC2::SecurityGroup")[group]["SecurityGroupEgress"]
    assert (https["FromPort"], https["ToPort"]) == (443, 443)
    beside = [
        (each["DestinationSecurityGroupId"], each["FromPort"], each["ToPort"])
        for each in other_assembly.of("AWS::EC2::SecurityGroupEgress").values()
        if each["GroupId"] == f"${{{group}.GroupId}}"
    ]
    assert beside == [("${Cache.GroupId}", PORT, PORT)]


def test_the_reader_runs_beside_the_cache_where_it_reaches_dynamodb_and_no_internet(
    other_assembly: Assembly,
) -> None:
    reader = other_assembly.of("AWS::Lambda::Function")["GetProgressFunction"]
    subnets = [f"${{NetworkVpcCacheSubnet{number}Subnet}}" for number in (1, 2)]
    assert reader["VpcConfig"] == {
        "SecurityGroupIds": ["${CacheReaders.GroupId}"],
        "SubnetIds": subnets,
    }
    cache = other_assembly.the("AWS::ElastiCache::ServerlessCache")
    assert cache["SubnetIds"] == subnets
    tables = [f"${{NetworkVpcCacheSubnet{number}RouteTable}}" for number in (1, 2)]
    endpoint = other_assembly.of("AWS::EC2::VPCEndpoint")["NetworkVpcDynamoDB"]
    assert set(tables) <= set(endpoint["RouteTableIds"])
    routed = {each["RouteTableId"] for each in other_assembly.of("AWS::EC2::Route").values()}
    assert not routed & set(tables)


def readers_and_writers() -> tuple[str, str]:
    return "GetProgressFunction", "converter"


def told(assembly: Assembly, who: str) -> dict[str, Any]:
    """The environment of a function, or of the converter."""
    if who == "converter":
        (container,) = assembly.the("AWS::ECS::TaskDefinition")["ContainerDefinitions"]
        return {each["Name"]: each["Value"] for each in container["Environment"]}
    function = assembly.of("AWS::Lambda::Function")[who]
    return function.get("Environment", {}).get("Variables", {})
