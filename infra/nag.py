"""cdk-nag, AWS Solutions' rules: `cdk synth` and `cdk deploy` are held to them (decision 0027).

What a rule finds is mended, or acknowledged where it is found: for one construct and one finding,
with the reason. A reason is for whoever reviews the deployment, so it says what is so instead.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, cast

import jsii
from aws_cdk import Acknowledgment, App, IPolicyValidationPlugin, Stack, Validations
from cdk_nag import AwsSolutionsChecks
from constructs import Construct, IConstruct, IValidation

_PACK = "AwsSolutions"


def hold(app: App) -> None:
    """From here on `app.synth()` fails with what the rules find. The CDK's own switch for its rules
    is theirs too: the local pipeline does without, as the tests apply them."""
    if os.environ.get("CDK_VALIDATION") == "false":
        return
    pack = cast(IPolicyValidationPlugin, AwsSolutionsChecks(app))
    Validations.of(app).add_plugins(pack)


def acknowledge(construct: IConstruct, rule: str, because: str) -> None:
    """`rule` is like `S1`; where a rule finds several things, like `IAM5[Resource::*]`."""
    accepted = Acknowledgment(id=f"{_PACK}-{rule}", reason=because)
    Validations.of(construct).acknowledge(accepted)


def acknowledge_resource(construct: IConstruct, arn: str, because: str) -> None:
    """That the policy of a role has this ARN, in which there is a wildcard.

    A finding has an ARN as the template does, which the CDK knows only once it has wired all
    stacks: it may become the import of what another stack exports. So this waits until then.
    """

    def now() -> None:
        resolved = Stack.of(construct).resolve(arn)
        acknowledge(construct, f"IAM5[Resource::{written(resolved)}]", because)

    construct.node.add_validation(cast(IValidation, _Late(now)))


def written(value: Any) -> str:
    """As a finding has it: `{"Fn::GetAtt": ["Bucket", "Arn"]}` is `<Bucket.Arn>`."""
    if isinstance(value, str):
        return value.replace("${", "<").replace("}", ">")
    ((function, told),) = value.items()
    match function:
        case "Ref":
            return f"<{told}>"
        case "Fn::GetAtt":
            return f"<{'.'.join(told)}>"
        case "Fn::Join":
            return told[0].join(written(each) for each in told[1])
        case _:  # Fn::ImportValue and Fn::Sub
            return written(told)


def child(scope: Construct, *path: str) -> IConstruct:
    """What the CDK has made inside a construct, for what is acknowledged of it alone."""
    found: IConstruct = scope
    for name in path:
        found = found.node.find_child(name)
    return found


@jsii.implements(IValidation)
class _Late:
    """The CDK asks for validations when all stacks are wired, and before it applies the rules."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act = act

    def validate(self) -> list[str]:
        self._act()
        return []
