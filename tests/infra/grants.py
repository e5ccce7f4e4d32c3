"""What the templates allow, read: each role and all that it may do."""

from __future__ import annotations

import re
from typing import Any

from tests.infra.assembly import Assembly
from tests.infra.roles import Grants

# The CDK's own, which empties a bucket before CloudFormation deletes it (`removal=destroy`): it may
# write its log by AWS's managed policy, and the bucket's policy lets it in.
EMPTIES_BUCKETS = "CustomS3AutoDeleteObjects"
# A family ends with digits that the CDK makes up, and begins with the stack's name.
_FAMILY = re.compile(r"task-definition/sluice[a-z0-9]+?(conversion\w+?)[0-9A-F]{8}")


def all_granted(assembly: Assembly) -> Grants:
    """Of every role that is ours."""
    roles = assembly.of("AWS::IAM::Role")
    return {role: granted(assembly, role) for role in roles if not role.startswith(EMPTIES_BUCKETS)}


def granted(assembly: Assembly, role: str) -> set[tuple[str, str]]:
    return {
        (action, _FAMILY.sub(r"task-definition/\1", resource))
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
