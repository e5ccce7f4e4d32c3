"""What computes: the way from an object to its execution, and the task that runs there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from conversion.events import ObjectCreated
from conversion.uploads import PREFIX
from tests.infra.assembly import Assembly
from tests.unit.statemachine import definitions

ASL_FILE = Path(__file__).parents[2] / "statemachine" / "conversion.asl.json"
ASL = ASL_FILE.read_text()


def test_the_rule_hears_of_uploads_alone(assembly: Assembly) -> None:
    rule = assembly.of("AWS::Events::Rule")["ArrivalsRule"]
    assert rule["EventPattern"] == {
        "source": [ObjectCreated.source],
        "detail-type": [ObjectCreated.detail_type],
        "detail": {"bucket": {"name": ["${Bucket}"]}, "object": {"key": [{"prefix": PREFIX}]}},
    }
    assert [target["Arn"] for target in rule["Targets"]] == ["${ArrivalsQueue.Arn}"]


def test_what_cannot_be_started_ends_in_the_dead_letter_queue(assembly: Assembly) -> None:
    queues = assembly.of("AWS::SQS::Queue")
    assert queues["ArrivalsQueue"]["RedrivePolicy"] == {
        "deadLetterTargetArn": "${ArrivalsDeadLetters.Arn}",
        "maxReceiveCount": 5,
    }
    fortnight = 14 * 24 * 3600
    assert queues["ArrivalsDeadLetters"]["MessageRetentionPeriod"] == fortnight


def test_a_batch_has_six_times_the_functions_time(assembly: Assembly) -> None:
    queue = assembly.of("AWS::SQS::Queue")["ArrivalsQueue"]
    starter = assembly.of("AWS::Lambda::Function")["StartJobsFunction"]
    assert queue["VisibilityTimeout"] >= 6 * starter["Timeout"]


def test_a_failed_record_goes_back_alone_and_a_burst_leaves_room_for_others(
    assembly: Assembly,
) -> None:
    mapping = assembly.of("AWS::Lambda::EventSourceMapping")["ArrivalsMapping"]
    assert mapping["FunctionName"] == "${StartJobsFunction}"
    assert mapping["EventSourceArn"] == "${ArrivalsQueue.Arn}"
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 10}


def test_queues_are_encrypted_and_take_from_a_rule_alone(other_assembly: Assembly) -> None:
    queues = other_assembly.of("AWS::SQS::Queue")
    assert all(each["SqsManagedSseEnabled"] for each in queues.values())
    told_by: dict[str, str] = {}
    for name, policy in other_assembly.of("AWS::SQS::QueuePolicy").items():
        denied, *allowed = policy["PolicyDocument"]["Statement"]
        assert denied["Effect"] == "Deny"
        assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for each in allowed:
            assert each["Principal"] == {"Service": "events.amazonaws.com"}
            told_by[name.removesuffix("Policy")] = each["Condition"]["ArnEquals"]["aws:SourceArn"]
    assert told_by == {
        "ArrivalsQueue": "${ArrivalsRule.Arn}",
        "RecoveryDeadLetters": "${RecoveryRule.Arn}",
        "WebhooksQueue": "${WebhooksRule.Arn}",
    }


def test_the_definition_is_deployed_as_it_stands_in_its_file(assembly: Assembly) -> None:
    machine = assembly.the("AWS::StepFunctions::StateMachine")
    assert machine["DefinitionString"] == ASL
    placeholders = set(re.findall(r"\$\{(\w+)\}", ASL))
    assert placeholders == machine["DefinitionSubstitutions"].keys()


def test_the_definition_is_json_once_its_placeholders_are_filled(assembly: Assembly) -> None:
    machine = assembly.the("AWS::StepFunctions::StateMachine")
    filled = ASL
    for name, value in machine["DefinitionSubstitutions"].items():
        filled = filled.replace(f"${{{name}}}", value)
    arguments = json.loads(filled)["States"]["Convert"]["Arguments"]
    assert arguments["Cluster"] == "${Cluster.Arn}"
    assert [each["Name"] for each in arguments["Overrides"]["ContainerOverrides"]] == [
        container(assembly)["Name"]
    ]
    assert definitions.FILLED["ContainerName"] == container(assembly)["Name"]
    subnets = "${NetworkVpcTasksSubnet1Subnet},${NetworkVpcTasksSubnet2Subnet}"
    assert subnets in json.dumps(arguments["NetworkConfiguration"])


def test_the_flow_fails_by_the_function_that_names_the_failure(assembly: Assembly) -> None:
    given = assembly.the("AWS::StepFunctions::StateMachine")["DefinitionSubstitutions"]
    assert given["FailExecution"] == "${FailExecutionFunction.Arn}"


def test_an_execution_outlives_the_revision_of_the_task_it_began_with(assembly: Assembly) -> None:
    given = assembly.the("AWS::StepFunctions::StateMachine")["DefinitionSubstitutions"]
    assert assembly.the("AWS::ECS::TaskDefinition")["Family"] in given.values()


def test_executions_are_logged_whole_but_not_their_data(assembly: Assembly) -> None:
    machine = assembly.the("AWS::StepFunctions::StateMachine")
    assert machine["LoggingConfiguration"]["Level"] == "ALL"
    assert machine["LoggingConfiguration"]["IncludeExecutionData"] is False
    assert machine["TracingConfiguration"] == {"Enabled": True}
    assert "StateMachineType" not in machine  # STANDARD is the default


def test_the_cluster_has_spare_capacity_and_the_other(assembly: Assembly) -> None:
    providers = assembly.the("AWS::ECS::Cluster")["CapacityProviders"]
    assert set(providers) == {"FARGATE", "FARGATE_SPOT"}
    named = set(re.findall(r"'(FARGATE\w*)'", ASL))
    assert named == set(providers)


def test_the_task_is_hardened(assembly: Assembly) -> None:
    converter = container(assembly)
    assert converter["ReadonlyRootFilesystem"] is True
    assert int(converter["User"]) > 0
    assert converter["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    assert "Privileged" not in converter
    writable = [each["ContainerPath"] for each in converter["MountPoints"] if not each["ReadOnly"]]
    assert writable == ["/tmp"]


def test_the_task_has_time_to_stop_and_somewhere_to_log(assembly: Assembly) -> None:
    converter = container(assembly)
    assert converter["StopTimeout"] == 120
    assert converter["LogConfiguration"]["LogDriver"] == "awslogs"
    assert converter["LogConfiguration"]["Options"]["awslogs-group"] == "${ConverterLogs}"


def test_the_task_is_small_and_of_the_chosen_architecture(
    assembly: Assembly, other_assembly: Assembly
) -> None:
    task = assembly.the("AWS::ECS::TaskDefinition")
    assert (task["Cpu"], task["Memory"]) == ("1024", "2048")
    assert task["RequiresCompatibilities"] == ["FARGATE"]
    assert task["RuntimePlatform"]["CpuArchitecture"] == "ARM64"
    other = other_assembly.the("AWS::ECS::TaskDefinition")
    assert other["RuntimePlatform"]["CpuArchitecture"] == "X86_64"


def test_the_image_is_made_of_the_converter_and_the_domain_alone(assembly: Assembly) -> None:
    (manifest,) = assembly.directory.glob("*-conversion.assets.json")
    (image,) = json.loads(manifest.read_text())["dockerImages"].values()
    context = assembly.directory / image["source"]["directory"]
    there = {path.name for path in context.iterdir()}
    assert there == {".dockerignore", "conversion", "tasks"}  # the first says what the others are
    assert not list(context.rglob("__pycache__"))
    assert (context / image["source"]["dockerFile"]).is_file()
    assert image["source"]["platform"] == "linux/arm64"


def test_the_image_expects_the_user_and_the_disk_it_is_given(assembly: Assembly) -> None:
    lines = (ASL_FILE.parents[1] / "tasks" / "converter" / "Dockerfile").read_text().splitlines()
    assert f"USER {container(assembly)['User']}" in lines
    # Else the volume would belong to root, and the first fallback to a file would fail.
    assert 'VOLUME ["/tmp"]' in lines


def container(assembly: Assembly) -> Any:
    (only,) = assembly.the("AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    return only
