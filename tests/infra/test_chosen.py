"""What a deployment has chosen reaches all that goes by it, and what is left when it goes."""

from __future__ import annotations

from typing import Any

import pytest

from conversion.cost import TaskSize
from conversion.settings import (
    ConverterSettings,
    CreateJobSettings,
    FollowJobsSettings,
    RecoverJobsSettings,
    StartJobsSettings,
)
from infra.fargate import GIB
from tests.infra.assembly import Assembly

COUNTERS = {
    "create_job": CreateJobSettings,
    "follow_jobs": FollowJobsSettings,
    "recover_jobs": RecoverJobsSettings,
    "start_jobs": StartJobsSettings,
}
# Holds what people have put there, or what says whose it is.
DATA = {"AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::Cognito::UserPool"}


def test_the_task_is_as_large_as_was_chosen(other_assembly: Assembly) -> None:
    task = other_assembly.the("AWS::ECS::TaskDefinition")
    assert (task["Cpu"], task["Memory"]) == ("2048", "4096")
    assert task["EphemeralStorage"] == {"SizeInGiB": 110}


@pytest.mark.parametrize("chosen", ["assembly", "other_assembly"])
def test_whoever_counts_costs_is_told_of_the_task_as_it_is(
    chosen: str, request: pytest.FixtureRequest
) -> None:
    made: Assembly = request.getfixturevalue(chosen)
    task = made.the("AWS::ECS::TaskDefinition")
    size = TaskSize(
        vcpu=int(task["Cpu"]) / 1024,
        gb=int(task["Memory"]) / 1024,
        disk_gib=task["EphemeralStorage"]["SizeInGiB"],
        addresses=int(chosen == "assembly"),
    )
    assert converter(made).task == size
    for folder, settings in COUNTERS.items():
        assert settings.from_env(environment(made, folder)).task == size, folder


def test_everybody_whose_settings_count_costs_is_asked_here(assembly: Assembly) -> None:
    told = {
        each["Handler"].split(".")[1]
        for each in assembly.of("AWS::Lambda::Function").values()
        if "SLUICE_TASK_CPU" in each["Environment"]["Variables"]
    }
    assert told == COUNTERS.keys()


@pytest.mark.parametrize("chosen", ["assembly", "other_assembly"])
def test_the_disk_takes_the_largest_output_by_way_of_a_file(
    chosen: str, request: pytest.FixtureRequest
) -> None:
    made: Assembly = request.getfixturevalue(chosen)
    disk = made.the("AWS::ECS::TaskDefinition")["EphemeralStorage"]["SizeInGiB"] * GIB
    room_for_the_image = 5 * GIB
    assert disk >= converter(made).max_output_bytes + room_for_the_image


def test_the_converter_goes_by_the_limits_that_were_chosen(other_assembly: Assembly) -> None:
    told = converter(other_assembly)
    assert told.max_input_bytes == 1_000_000
    assert told.max_output_bytes == 100 * GIB
    assert told.max_duration_seconds == 7200


def test_signed_addresses_are_good_for_as_long_as_was_chosen(other_assembly: Assembly) -> None:
    told = {
        folder: environment(other_assembly, folder)[f"SLUICE_{way}_URL_SECONDS"]
        for folder, way in (
            ("create_upload", "UPLOAD"),
            ("receive_upload", "UPLOAD"),
            ("get_output", "DOWNLOAD"),
        )
    }
    assert set(told.values()) == {"600"}


def test_the_flow_is_told_the_share_of_spot(assembly: Assembly, other_assembly: Assembly) -> None:
    shares = [
        made.the("AWS::StepFunctions::StateMachine")["DefinitionSubstitutions"]["SpotPercent"]
        for made in (assembly, other_assembly)
    ]
    assert shares == ["100", "50"]


@pytest.mark.parametrize(("chosen", "days"), [("assembly", 30), ("other_assembly", 90)])
def test_every_log_is_kept_as_long_as_was_chosen(
    chosen: str, days: int, request: pytest.FixtureRequest
) -> None:
    made: Assembly = request.getfixturevalue(chosen)
    groups = made.of("AWS::Logs::LogGroup")
    assert len(groups) > 15
    assert {name: each.get("RetentionInDays") for name, each in groups.items()} == dict.fromkeys(
        groups, days
    )


def test_a_log_with_a_term_of_its_own_keeps_it(tmp_path: Any) -> None:
    from aws_cdk import App, Stack
    from aws_cdk import aws_logs as logs

    from infra.constructs.logs import keep, log_group

    app = App(outdir=str(tmp_path / "out"), analytics_reporting=False)
    stack = Stack(app, "logs")
    log_group(stack)
    logs.LogGroup(stack, "Own", retention=logs.RetentionDays.ONE_DAY)
    keep(app, 365)
    app.synth()

    made = Assembly(tmp_path / "out").of("AWS::Logs::LogGroup")
    assert {name: each["RetentionInDays"] for name, each in made.items()} == {"Logs": 365, "Own": 1}


def test_destroying_the_stacks_leaves_the_data_and_nothing_that_costs_by_the_hour(
    users_assembly: Assembly, assembly: Assembly
) -> None:
    assert {each["Type"] for each in left(assembly)} <= DATA
    kept = {"AWS::DynamoDB::Table", "AWS::S3::Bucket"}
    assert {each["Type"] for each in left(assembly)} == kept
    holding = [each for each in assembly.resources.values() if each["Type"] in DATA]
    assert len(left(assembly)) == len(holding)
    # With `removal=destroy`, and a pool of users beside it.
    assert not left(users_assembly)


def test_what_is_left_is_left_too_when_it_is_replaced(assembly: Assembly) -> None:
    assert all(each["UpdateReplacePolicy"] == "Retain" for each in left(assembly))


def test_what_is_to_be_destroyed_can_be(users_assembly: Assembly) -> None:
    """CloudFormation deletes no bucket that has objects in it, and no pool or table that is
    protected."""
    made = users_assembly
    buckets = made.of("AWS::S3::Bucket")
    emptied = {each["BucketName"] for each in made.of("Custom::S3AutoDeleteObjects").values()}
    assert emptied == {f"${{{name}}}" for name in buckets}
    for kind, protected in (
        ("AWS::Cognito::UserPool", "ACTIVE"),
        ("AWS::DynamoDB::Table", True),
    ):
        for each in made.of(kind).values():
            protection = each.get("DeletionProtection", each.get("DeletionProtectionEnabled"))
            assert protection != protected


def test_a_person_is_told_what_to_paste_next(assembly: Assembly, other_assembly: Assembly) -> None:
    told = outputs(assembly)
    assert told["DropFile"] == "aws s3 cp talk.wav s3://${Bucket}/uploads/"
    assert told["WatchTasks"] == "aws logs tail ${ConverterLogs} --follow"
    assert told["ConvertFile"].startswith("sluice convert talk.wav --to mp3 --api https://${Api}.")
    assert "WebhookSecret" not in told
    assert "--secret-id ${WebhooksSecret}" in outputs(other_assembly)["WebhookSecret"]


def test_every_output_says_what_it_is_for(other_assembly: Assembly) -> None:
    for name, each in other_assembly.outputs.items():
        assert "Export" in each or each["Description"], name


def left(made: Assembly) -> list[Any]:
    """What `cdk destroy` does not delete."""
    found = made.resources.values()
    return [each for each in found if each.get("DeletionPolicy", "Delete") != "Delete"]


def outputs(made: Assembly) -> dict[str, str]:
    found = made.outputs.items()
    return {name: made.text(each["Value"]) for name, each in found if "Export" not in each}


def converter(made: Assembly) -> ConverterSettings:
    (container,) = made.the("AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    given = {each["Name"]: each["Value"] for each in container["Environment"]}
    return ConverterSettings.from_env({**given, "SLUICE_REDIS_PORT": "6379"})  # a token until then


def environment(made: Assembly, folder: str) -> dict[str, str]:
    (only,) = [
        each
        for each in made.of("AWS::Lambda::Function").values()
        if each["Handler"] == f"lambdas.{folder}.handler.handler"
    ]
    return only["Environment"]["Variables"]
