"""What holds of every template: it can be deployed twice, and made without an account."""

from __future__ import annotations

import json

import pytest

from tests.infra import linted
from tests.infra.assembly import Assembly

# Properties by which a template would name a thing itself.
NAMES = {
    "BucketName",
    "ClusterName",
    "FunctionName",
    "GroupName",
    "LogGroupName",
    "QueueName",
    "RoleName",
    "StateMachineName",
    "TableName",
}
NAMED_BY_WHAT_THEY_POINT_AT = (
    "AWS::EC2::FlowLog",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Permission",
)


def test_no_physical_name_is_typed(assembly: Assembly) -> None:
    for name, resource in assembly.resources.items():
        if resource["Type"] not in NAMED_BY_WHAT_THEY_POINT_AT:
            assert not NAMES & resource.get("Properties", {}).keys(), name


def test_stages_do_not_meet(assembly: Assembly, other_assembly: Assembly) -> None:
    assert list(assembly.templates) == [
        "sluice-dev-api",
        "sluice-dev-conversion",
        "sluice-dev-dashboard",
        "sluice-dev-life-cycle",
        "sluice-dev-storage",
    ]
    assert not assembly.templates.keys() & other_assembly.templates.keys()
    family = assembly.the("AWS::ECS::TaskDefinition")["Family"]
    assert family != other_assembly.the("AWS::ECS::TaskDefinition")["Family"]


def test_no_rule_hears_of_what_another_stage_does(other_assembly: Assembly) -> None:
    """They share the account's bus: each pattern names something of its own."""
    rules = other_assembly.of("AWS::Events::Rule")
    patterns = {
        name: str(each["EventPattern"]) for name, each in rules.items() if "EventPattern" in each
    }
    assert len(patterns) == 4
    for name, pattern in patterns.items():
        own = ("${Bucket}", "${Cluster.Arn}", "${ConversionStateMachine}")
        assert any(each in pattern for each in own), name


def test_any_account_and_region_will_do(assembly: Assembly) -> None:
    manifest = json.loads((assembly.directory / "manifest.json").read_text())
    stacks = [each for each in manifest["artifacts"].values() if "stack" in each["type"]]
    assert {each["environment"] for each in stacks} == {"aws://unknown-account/unknown-region"}
    assert "missing" not in manifest  # nothing had to be looked up


def test_each_template_is_small_enough_to_read(assembly: Assembly) -> None:
    """A route is two resources, of which one is the leave to invoke its function."""
    for template in assembly.templates.values():
        kinds = [each["Type"] for each in template["Resources"].values()]
        assert len(kinds) - 2 * kinds.count("AWS::ApiGatewayV2::Route") < 80


@pytest.mark.long  # the combinations of `make test` are linted too
def test_cfn_lint_finds_nothing(
    assembly: Assembly,
    other_assembly: Assembly,
    token_assembly: Assembly,
    users_assembly: Assembly,
) -> None:
    for each in (assembly, other_assembly, token_assembly, users_assembly):
        assert not linted.findings(each.directory)
