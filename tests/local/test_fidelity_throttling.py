"""A stage that takes so many requests and no more: see local/fidelity/throttling.py."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from local.child import Engine
from local.gateway import Gateway, listen
from tests.local.conftest import eventually


@pytest.fixture(scope="module")
def origin(engine: Engine) -> Iterator[str]:
    """One request a second, and three at once."""
    name = f"throttled-{uuid4().hex[:8]}"
    limits = {"ThrottlingRateLimit": 1, "ThrottlingBurstLimit": 3}
    api = {"Name": name, "ProtocolType": "HTTP"}
    stage = {
        "ApiId": {"Ref": "Api"},
        "StageName": "$default",
        "AutoDeploy": True,
        "DefaultRouteSettings": limits,
    }
    resources = {
        "Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": api},
        "Stage": {"Type": "AWS::ApiGatewayV2::Stage", "Properties": stage},
    }
    cloudformation = engine.client("cloudformation")
    template = json.dumps({"Resources": resources})
    cloudformation.create_stack(StackName=name, TemplateBody=template)
    eventually(lambda: is_there(cloudformation, name))
    found = cloudformation.describe_stack_resource(StackName=name, LogicalResourceId="Api")
    api_id = found["StackResourceDetail"]["PhysicalResourceId"]
    with Gateway(listen(0), engine.url, api_id) as gateway:
        yield gateway.url


def is_there(cloudformation: Any, name: str) -> bool:
    [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
    return stack["StackStatus"] == "CREATE_COMPLETE"


def test_what_is_too_much_is_turned_away_and_taken_again_later(origin: str) -> None:
    with httpx.Client(base_url=origin) as client:
        answers = [client.get("/") for _ in range(20)]
        taken = [each for each in answers if each.status_code != 429]
        assert 3 <= len(taken) < 20
        turned_away = next(each for each in answers if each.status_code == 429)
        assert turned_away.json() == {"message": "Too Many Requests"}
        time.sleep(1.1)
        assert client.get("/").status_code != 429
