"""Every role, and exactly what it may do: a grant too many fails here, as does one too few."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infra.assembly import Assembly
from tests.infra.roles import EVERYWHERE, IN_A_NETWORK, ROLES, WITH_WEBHOOK


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_this_and_nothing_else(assembly: Assembly, role: str) -> None:
    assert granted(assembly, role) == ROLES[role]


def test_the_webhooks_role_may_read_its_secret_and_put_messages_off(
    other_assembly: Assembly,
) -> None:
    assert granted(other_assembly, "DeliverWebhookRole") == WITH_WEBHOOK["DeliverWebhookRole"]


def test_only_what_reads_the_cache_may_have_a_network_interface(other_assembly: Assembly) -> None:
    reader = granted(other_assembly, "GetProgressRole")
    assert reader == ROLES["GetProgressRole"] | IN_A_NETWORK
    for role in ROLES.keys() - {"GetProgressRole"}:
        assert not granted(other_assembly, role) & IN_A_NETWORK


def test_only_who_asks_for_the_cache_may_invoke_its_reader(other_assembly: Assembly) -> None:
    asks = ("lambda:InvokeFunction", "${GetProgressFunction.Arn}")
    assert granted(other_assembly, "CheckHealthRole") == ROLES["CheckHealthRole"] | {asks}


def test_there_is_no_other_role(assembly: Assembly, other_assembly: Assembly) -> None:
    assert assembly.of("AWS::IAM::Role").keys() == ROLES.keys()
    beside = other_assembly.of("AWS::IAM::Role").keys() - ROLES.keys() - WITH_WEBHOOK.keys()
    assert all(each.startswith("CustomS3AutoDeleteObjects") for each in beside)


def test_no_role_has_a_policy_of_somebody_elses_making(assembly: Assembly) -> None:
    for role in assembly.of("AWS::IAM::Role").values():
        assert role.keys() == {"AssumeRolePolicyDocument"}
    assert not assembly.of("AWS::IAM::ManagedPolicy")


def test_only_what_takes_no_resource_is_allowed_everywhere(assembly: Assembly) -> None:
    everywhere = {
        action for role in ROLES for action, resource in granted(assembly, role) if resource == "*"
    }
    assert everywhere == EVERYWHERE


@pytest.mark.parametrize(
    ("action", "condition"),
    [
        ("ecs:RunTask", {"ArnEquals": {"ecs:cluster": "${Cluster.Arn}"}}),
        ("ecs:StopTask", {"ArnEquals": {"ecs:cluster": "${Cluster.Arn}"}}),
        ("iam:PassRole", {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}),
    ],
)
def test_the_flow_is_held_to_its_cluster_and_its_tasks(
    assembly: Assembly, action: str, condition: dict[str, Any]
) -> None:
    (statement,) = [
        each for each in statements(assembly, "ConversionRole") if action in listed(each["Action"])
    ]
    assert statement["Condition"] == condition


def granted(assembly: Assembly, role: str) -> set[tuple[str, str]]:
    return {
        (action, without_digits(resource))
        for statement in statements(assembly, role)
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }


def statements(assembly: Assembly, role: str) -> list[Any]:
    found = [
        statement
        for policy in assembly.of("AWS::IAM::Policy").values()
        if policy["Roles"] == [f"${{{role}}}"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    assert all(statement["Effect"] == "Allow" for statement in found)
    return found


def listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def without_digits(resource: str) -> str:
    """The family's name ends with digits that the CDK makes up."""
    head, star, tail = resource.partition(":*")
    if "task-definition/" not in head:
        return resource
    return head[:-8] + star + tail
