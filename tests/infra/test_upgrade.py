"""What docs/deploy.md says of the stacks is so: their order, what they cost at rest, what deploying
them takes, and what an upgrade keeps."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy_page import PAGE, ROOT, row, usd
from tests.infra.assembly import Assembly
from tests.infra.conftest import synthesise

# "Amazon CloudWatch pricing": an alarm, a metric, a dashboard, each a month.
ALARM, METRIC, DASHBOARD = 0.10, 0.30, 3.00
# What holds data, by the logical ids that CloudFormation knows it by: one that changes is another,
# empty one after the next deployment.
KEPT = {
    "AWS::S3::Bucket": {"Bucket83908E77"},
    "AWS::DynamoDB::Table": {
        *("Uploads4F6EB0FD", "JobsDF1CC2D4", "Progress46A8DAB4"),
        *("Slots2F725FB8", "IdempotencyC15CBC33"),
    },
}
# Each synthesis takes seconds.
WITH_OPTIONS = (
    "assembly",
    *(pytest.param(each, marks=pytest.mark.long) for each in ("other_assembly", "users_assembly")),
)


def test_alarms_dashboard_and_metrics_cost_what_the_page_says(assembly: Assembly) -> None:
    alarms = len(assembly.of("AWS::CloudWatch::Alarm"))
    assert usd(row("alarms, $0.10 each")[-1]) == pytest.approx(ALARM * alarms)
    assert usd(row("the dashboard")[-1]) == DASHBOARD * len(
        assembly.of("AWS::CloudWatch::Dashboard")
    )
    recovery = (ROOT / "lambdas" / "recover_jobs" / "handler.py").read_text()
    measured = set(re.findall(r"measure\(Metric\.(\w+)", recovery))
    assert usd(row("metrics that the recovery writes")[-1]) == pytest.approx(METRIC * len(measured))


def test_every_stack_has_its_row_in_the_order_of_deployment(assembly: Assembly) -> None:
    told = re.findall(r"^\| `sluice-dev-([\w-]+)` \|", PAGE, re.MULTILINE)
    by_option = {"batch", "web"}
    assert {f"sluice-dev-{each}" for each in told if each not in by_option} == set(
        assembly.templates
    )
    needs = {name: _needs(assembly.directory, f"sluice-dev-{name}") for name in told}
    for place, name in enumerate(told):
        assert needs[name] <= {f"sluice-dev-{each}" for each in told[:place]}, name


def _needs(directory: Path, stack: str) -> set[str]:
    artifacts = json.loads((directory / "manifest.json").read_text())["artifacts"]
    return {
        each
        for each in artifacts.get(stack, {}).get("dependencies", ())
        if artifacts[each]["type"] == "aws:cloudformation:stack"
    }


@pytest.mark.parametrize("which", WITH_OPTIONS)
def test_the_policy_of_a_narrow_deployment_names_every_service(
    which: str, request: pytest.FixtureRequest
) -> None:
    (told,) = [each for each in PAGE.splitlines() if "needs these services:" in each]
    named = set(re.findall(r"`([\w-]+)`", told))
    spelled = {"ApiGatewayV2": "apigateway", "StepFunctions": "states", "Cognito": "cognito-idp"}
    made = {
        each["Type"].split("::")[1]
        for each in request.getfixturevalue(which).resources.values()
        if each["Type"].startswith("AWS::")
    }
    assert {spelled.get(each, each.lower()) for each in made} <= named


@pytest.mark.parametrize("which", WITH_OPTIONS)
def test_what_holds_data_keeps_its_identity(which: str, request: pytest.FixtureRequest) -> None:
    templates = request.getfixturevalue(which).templates
    (template,) = [each for name, each in templates.items() if name.endswith("-storage")]
    there = {name: each["Type"] for name, each in template["Resources"].items()}
    for kind, names in KEPT.items():
        assert {each: there.get(each) for each in names} == dict.fromkeys(names, kind)


def test_what_holds_data_is_kept_when_its_stack_goes(assembly: Assembly) -> None:
    for kind in KEPT:
        for name, each in assembly.resources.items():
            if each["Type"] == kind:
                kept = (each.get("DeletionPolicy"), each.get("UpdateReplacePolicy"))
                assert kept == ("Retain", "Retain"), name


@pytest.fixture(scope="module")
def cdk(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The CDK's command line, as the page has it installed."""
    npx = shutil.which("npx")
    if npx is None:
        pytest.skip("npx is not here, which runs the CDK's command line")
    (version,) = set(re.findall(r"npx (aws-cdk@[\d.]+)", PAGE))
    command = [npx, "--yes", version]
    folder = tmp_path_factory.mktemp("npx")
    found = subprocess.run([*command, "--version"], capture_output=True, text=True, cwd=folder)
    if found.returncode:
        pytest.skip(f"npx cannot have {version}: {found.stderr.strip()[-200:]}")
    return command


@pytest.mark.long
@pytest.mark.parametrize("stack", ["storage", "conversion"])
def test_a_diff_reads_as_the_page_shows(
    stack: str, cdk: list[str], functions: Path, assembly: Assembly, tmp_path: Path
) -> None:
    """Without an account, between two templates."""
    after = synthesise(functions, tmp_path / "cdk.out", {"retentionDays": "14"})
    name = f"sluice-dev-{stack}"
    before = assembly.directory / f"{name}.template.json"
    more = ["--app", str(after.directory), "--exclusively", "--template", str(before), "--no-color"]
    ran = subprocess.run([*cdk, "diff", *more, name], capture_output=True, text=True, cwd=tmp_path)
    said = iter((ran.stdout + ran.stderr).splitlines())
    (shown,) = re.findall(rf"```\n(Stack {name}\n.*?)```", PAGE, re.DOTALL)
    for line in shown.splitlines():
        assert any(line.strip() in each for each in said), f"{line!r} is not said, in this order"
