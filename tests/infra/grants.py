"""What the templates allow, read: each role and all that it may do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.infra.assembly import Assembly
from tests.infra.roles import Grants, Limit

# The CDK's own, which empties a bucket before CloudFormation deletes it (`removal=destroy`): it may
# write its log by AWS's managed policy, and the bucket's policy lets it in.
EMPTIES_BUCKETS = "CustomS3AutoDeleteObjects"
# A family ends with digits that the CDK makes up, and begins with the stack's name.
_FAMILY = re.compile(r"task-definition/sluice[a-z0-9]+?(conversion\w+?)[0-9A-F]{8}")


def all_granted(assembly: Assembly) -> Grants:
    """Of every role that is ours."""
    return {role: granted(assembly, role) for role in our_roles(assembly)}


def our_roles(assembly: Assembly) -> dict[str, Any]:
    roles = assembly.of("AWS::IAM::Role")
    return {name: each for name, each in roles.items() if not name.startswith(EMPTIES_BUCKETS)}


def granted(assembly: Assembly, role: str) -> set[tuple[str, str]]:
    """Whatever the conditions: `limits` has those."""
    return {
        pair
        for statement in statements(assembly, role)
        if statement["Effect"] == "Allow"
        for pair in _pairs(statement)
    }


def limits(assembly: Assembly) -> set[Limit]:
    """What is granted on a condition and not without one too, and what is denied."""
    found: set[Limit] = set()
    for role in our_roles(assembly):
        stated = statements(assembly, role)
        freely = {
            pair
            for each in stated
            if each["Effect"] == "Allow" and "Condition" not in each
            for pair in _pairs(each)
        }
        for each in stated:
            if each["Effect"] == "Deny" or "Condition" in each:
                condition = json.dumps(each.get("Condition"), sort_keys=True)
                on = [
                    pair for pair in _pairs(each) if each["Effect"] == "Deny" or pair not in freely
                ]
                found |= {(role, each["Effect"], *pair, condition) for pair in on}
    return found


def of_others(assembly: Assembly) -> list[str]:
    """Policies that `granted` does not read, and that are of somebody else's making."""
    roles = our_roles(assembly).items()
    beside = [name for name, each in roles if each.keys() != {"AssumeRolePolicyDocument"}]
    kinds = ("AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy")
    read = [policy["Roles"] for policy in assembly.of("AWS::IAM::Policy").values()]
    shared = [str(each) for each in read if len(each) != 1]
    return [*beside, *shared, *(name for kind in kinds for name in assembly.of(kind))]


def trusted(assembly: Assembly) -> dict[str, tuple[str, Any]]:
    """Who may take each role, and on what condition."""
    found: dict[str, tuple[str, Any]] = {}
    for role, each in our_roles(assembly).items():
        (statement,) = each["AssumeRolePolicyDocument"]["Statement"]
        assert (statement["Effect"], statement["Action"]) == ("Allow", "sts:AssumeRole")
        assert statement["Principal"].keys() == {"Service"}
        found[role] = (statement["Principal"]["Service"], statement.get("Condition"))
    return found


def statements(assembly: Assembly, role: str) -> list[Any]:
    return [
        statement
        for policy in assembly.of("AWS::IAM::Policy").values()
        if policy["Roles"] == [f"${{{role}}}"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def _pairs(statement: Any) -> Iterator[tuple[str, str]]:
    for action in listed(statement["Action"]):
        for resource in listed(statement["Resource"]):
            yield action, _FAMILY.sub(r"task-definition/\1", resource)


def listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
