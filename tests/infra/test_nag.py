"""What AWS Solutions' rules find is mended or acknowledged: each finding alone, and with a reason.

That nothing is found in any combination of options: test_combinations.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import app as cdk_app
from infra import nag
from infra.options import Options
from infra.third_party import RUNTIMES, runtime

# Between them every construct that acknowledges something.
CONTEXTS: list[dict[str, str]] = [
    {},
    {"auth": "none", "progressStore": "redis", "webhookUrl": "https://example.com/sluice"},
    {"auth": "jwt", "web": "cloudfront", "alarmEmail": "operators@example.com"},
    {"egress": "endpoints", "batchSources": "recordings,archive/2024", "removal": "destroy"},
]


@dataclass(frozen=True)
class Finding:
    rule: str
    path: str

    def is_of(self, accepted: Finding) -> bool:
        below = f"{self.path}/".startswith(f"{accepted.path}/")
        return self.rule == accepted.rule and below


def built(context: dict[str, str], functions: Path, directory: Path) -> Any:
    app = cdk_app.new_app(str(directory / "cdk.out"))
    for name, value in context.items():
        app.node.set_context(name, value)
    cdk_app.build(app, Options.from_context(app.node.try_get_context), functions)
    return app


@pytest.mark.parametrize("context", CONTEXTS, ids=str)
def test_each_acknowledgement_is_of_something_found_and_of_one_construct(
    context: dict[str, str], functions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With none taken: what is found is what was acknowledged, and nothing else was."""
    from cdk_nag import AwsSolutionsChecks

    accepted: dict[Finding, str] = {}

    def note(construct: Any, rule: str, because: str) -> None:
        accepted[Finding(f"AwsSolutions-{rule}", construct.node.path)] = because

    monkeypatch.setattr(nag, "acknowledge", note)
    monkeypatch.setenv("CDK_VALIDATION", "false")
    app = built(context, functions, tmp_path)
    app.synth()
    found = {
        Finding(each.rule_name, resource.construct_path)
        for each in AwsSolutionsChecks(app).validate_scope(app).violations
        for resource in each.violating_resources
    }

    assert [each for each in found if not any(map(each.is_of, accepted))] == []
    unused = {each.rule for each in accepted if not any(one.is_of(each) for one in found)}
    # The newest Python that Lambda has is no finding, for who builds with it.
    newest = {"AwsSolutions-L1"} if runtime() == RUNTIMES[-1] else set[str]()
    assert unused <= newest
    stacks = {stack.node.path for stack in app.node.children}
    for each, because in accepted.items():
        assert each.path not in stacks, f"{each} is for a whole stack"
        assert because.endswith("."), f"{each} has no sentence for a reason"


def test_what_is_found_stops_the_synthesis(functions: Path, tmp_path: Path) -> None:
    from aws_cdk import aws_s3 as s3

    app = built({}, functions, tmp_path)
    s3.Bucket(app.node.find_child("sluice-dev-storage"), "Bare")
    nag.hold(app)

    with pytest.raises(RuntimeError) as refused:
        app.synth()

    assert "AwsSolutions-S1" in str(refused.value)
    assert "AwsSolutions-S10" in str(refused.value)
    assert "sluice-dev-storage/Bare" in str(refused.value)


def test_the_local_pipeline_does_without(
    functions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aws_cdk import aws_s3 as s3

    monkeypatch.setenv("CDK_VALIDATION", "false")
    app = built({}, functions, tmp_path)
    s3.Bucket(app.node.find_child("sluice-dev-storage"), "Bare")
    nag.hold(app)

    assert app.synth().stacks


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("*", "*"),
        ({"Ref": "Queue"}, "<Queue>"),
        ({"Fn::GetAtt": ["Bucket", "Arn"]}, "<Bucket.Arn>"),
        ({"Fn::ImportValue": "storage:Arn"}, "storage:Arn"),
        ({"Fn::Sub": "${AWS::Region}/x"}, "<AWS::Region>/x"),
        (
            {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":s3:::a/*"]]},
            "arn:<AWS::Partition>:s3:::a/*",
        ),
    ],
)
def test_a_resource_is_written_as_a_finding_has_it(value: Any, written: str) -> None:
    assert nag.written(value) == written
