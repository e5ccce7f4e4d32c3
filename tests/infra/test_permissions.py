"""Every role, and exactly what it may do: a grant too many fails here, as does one too few."""

from __future__ import annotations

import pytest

from tests.infra.assembly import Assembly
from tests.infra.grants import (
    EMPTIES_BUCKETS,
    all_granted,
    granted,
    limits,
    of_others,
    trusted,
)
from tests.infra.roles import EVERYWHERE, IN_A_NETWORK, ROLES
from tests.infra.roles_by_option import ASKS_THE_CACHE, expected, limited, taken_by


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


def test_no_role_has_a_policy_of_somebody_elses_making(
    assembly: Assembly, other_assembly: Assembly
) -> None:
    assert of_others(assembly) == of_others(other_assembly) == []


def test_only_what_takes_no_resource_is_allowed_everywhere(assembly: Assembly) -> None:
    everywhere = {
        action for role in ROLES for action, resource in granted(assembly, role) if resource == "*"
    }
    assert everywhere == EVERYWHERE


def test_what_is_allowed_on_a_condition_is_so_in_this_way_and_no_other(
    assembly: Assembly, other_assembly: Assembly
) -> None:
    """A task runs in the one cluster, a role is handed to a task alone, and the code of a function
    in a network may do nothing to its interfaces. Of the other options: test_combinations.py."""
    assert limits(assembly) == limited({})
    assert limits(other_assembly) == limited({"progressStore": "redis"})


def test_a_role_is_taken_by_its_service_and_for_this_account_where_that_can_be_told(
    assembly: Assembly,
) -> None:
    assert trusted(assembly) == {role: taken_by(role) for role in ROLES}


def test_what_a_network_denies_a_function_does_not_make_it_wait_for_itself(
    other_assembly: Assembly,
) -> None:
    """The function waits for all that its role needs before it may be made; this names it."""
    function = other_assembly.resources["GetProgressFunction"]
    assert any("GetProgressRole" in each for each in function["DependsOn"])
    assert not any("NoInterfaces" in each for each in function["DependsOn"])
