"""A cache of the template is the Redis that was started: see local/fidelity/cache.py."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.child import Engine
from local.ffmpeg import Ffmpeg
from tests.local.conftest import eventually

TEMPLATE = {
    "Resources": {
        "Cache": {
            "Type": "AWS::ElastiCache::ServerlessCache",
            "Properties": {"Engine": "valkey", "ServerlessCacheName": "progress"},
        }
    },
    "Outputs": {
        "Name": {"Value": {"Ref": "Cache"}},
        "Host": {"Value": {"Fn::GetAtt": ["Cache", "Endpoint.Address"]}},
        "Port": {"Value": {"Fn::GetAtt": ["Cache", "Endpoint.Port"]}},
    },
}


@pytest.fixture(scope="module")
def with_redis(ffmpeg: Ffmpeg) -> Iterator[Engine]:
    environment = {"SLUICE_LOCAL_REDIS": "127.0.0.1:6399"}
    with Engine(ffmpeg=ffmpeg, environment=environment) as engine:
        yield engine


def test_a_cache_is_where_the_redis_is(with_redis: Engine) -> None:
    assert outputs(deployed(with_redis)) == {
        "Name": "progress",
        "Host": "127.0.0.1",
        "Port": "6399",
    }


def test_without_a_redis_a_cache_cannot_be_made(engine: Engine) -> None:
    stack = deployed(engine)
    client = engine.client("cloudformation")
    events = client.describe_stack_events(StackName=stack["StackName"])["StackEvents"]
    reasons = [each.get("ResourceStatusReason", "") for each in events]
    assert "ROLLBACK" in stack["StackStatus"]
    assert any("There is no Redis here" in each for each in reasons)


def deployed(engine: Engine) -> dict[str, Any]:
    client = engine.client("cloudformation")
    client.create_stack(StackName="cache", TemplateBody=json.dumps(TEMPLATE))

    def settled() -> dict[str, Any] | None:
        stack = client.describe_stacks(StackName="cache")["Stacks"][0]
        return None if stack["StackStatus"].endswith("_IN_PROGRESS") else stack

    return eventually(settled)


def outputs(stack: dict[str, Any]) -> dict[str, str]:
    return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
