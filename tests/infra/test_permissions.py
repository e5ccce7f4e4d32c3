"""Every role, and exactly what it may do: a grant too many fails here, as does one too few."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infra.assembly import Assembly
from tests.infra.grants import EMPTIES_BUCKETS, all_granted, granted, listed, statements
from tests.infra.roles import EVERYWHERE, IN_A_NETWORK, ROLES
from tests.infra.roles_by_option import ASKS_THE_CACHE, expected


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_this_and_nothing_else(assembly: Assembly, role: str) -> None:
    assert granted(assembly, role) == ROLES[role]


def test_only_what_reads_the_cache_may_have_a_network_interface(other_assembly: Assembly) -> None:
    reader = granted(other_assembly, "GetProgressRole")
    assert reader == ROLES["GetProgressRole"] | IN_A_NETWORK
    for role in ROLES.keys() - {"GetProgressRole"}:
        assert not granted(other_assembly, role) & IN_A_NETWORK


def test_only_who_asks_for_the_cache_may_invoke_its_reader(other_assembly: Assembly) -> None:
    invokes = {
        role for role, grants in all_granted(other_assembly).items() if ASKS_THE_CACHE in grants
    }
    assert invokes == {"CheckHealthRole"}


def test_there_is_no_other_role(assembly: Assembly, other_assembly: Assembly) -> None:
    """Of the other combinations of options: test_combinations.py."""
    assert all_granted(assembly) == expected({})
    chosen = {"progressStore": "redis", "webhookUrl": "https://example.com/sluice"}
    assert all_granted(other_assembly) == expected(chosen)


def test_what_empties_a_bucket_may_write_its_log_and_no_more(other_assembly: Assembly) -> None:
    roles = other_assembly.of("AWS::IAM::Role")
    (emptying,) = [role for role in roles if role.startswith(EMPTIES_BUCKETS)]
    assert granted(other_assembly, emptying) == set()
    (policy,) = roles[emptying]["ManagedPolicyArns"]
    assert policy.endswith(":iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")


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
