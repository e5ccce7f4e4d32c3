"""What wakes an operator: all that can be stuck or fail, each with its row in the runbook."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from conversion.measures import TO_MEND
from conversion.metrics import DEPLOYMENT, NAMESPACE, Metric
from tests.infra.assembly import Assembly

ROOT = Path(__file__).parents[2]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
OF_FUNCTIONS = "…Errors"
OF_BATCHES = {"FeedsFailed"}
QUEUES = ("Arrivals", "Changes", "Recovery", "Webhooks")
TOPIC = "arn:aws:sns:eu-west-1:123456789012:operators"
OUR_TOPIC = "arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:sluice-prod-alarms"
MIB, GIB = 1024**2, 1024**3


def alarms(assembly: Assembly) -> dict[str, Any]:
    """By the last part of their names, which is what the runbook goes by."""
    found = assembly.of("AWS::CloudWatch::Alarm").values()
    named = {each["AlarmName"].rpartition("-")[2]: each for each in found}
    assert len(named) == len(found)
    return named


def environment(task: Any) -> dict[str, Any]:
    (container,) = task["ContainerDefinitions"]
    return {each["Name"]: each["Value"] for each in container["Environment"]}


def errors_of_functions(assembly: Assembly) -> set[str]:
    functions = assembly.of("AWS::Lambda::Function").items()
    ours = {name for name, each in functions if each["Handler"].startswith("lambdas.")}
    # To raise is all that fail_execution does.
    return {f"{each.removesuffix('Function')}Errors" for each in ours - {"FailExecutionFunction"}}


def test_whatever_can_fail_or_be_stuck_has_its_alarm(other_assembly: Assembly) -> None:
    assert set(alarms(other_assembly)) == errors_of_functions(other_assembly) | {
        *(f"{each}DeadLetters" for each in QUEUES),
        "ApiServerErrors",
        "ArrivalsAge",
        "ChangesAge",
        "ConverterCpu",
        "ConverterDisk",
        "ConverterMemory",
        "ConverterOutOfMemory",
        "ExecutionsTimedOut",
        "FailuresToMend",
        "JobsHeldUp",
        "RecoverySilent",
        "RecoveryUnscheduled",
        "RedisUnanswered",
        "TasksHeldUp",
    }


def test_without_a_redis_no_alarm_asks_for_one(assembly: Assembly) -> None:
    assert "RedisUnanswered" not in alarms(assembly)


def test_the_runbook_has_a_row_for_each_alarm_and_none_for_any_other(
    other_assembly: Assembly,
) -> None:
    section = RUNBOOK.partition("## By alarm")[2].partition("## ")[0]
    rows = re.findall(r"^\| `([^`]+)`", section, re.MULTILINE)
    single = set(alarms(other_assembly)) - errors_of_functions(other_assembly)
    assert sorted(rows) == sorted(single | OF_BATCHES | {OF_FUNCTIONS})


def test_the_runbook_names_the_failures_that_are_ours_to_mend() -> None:
    (row,) = re.findall(r"^\| `FailuresToMend` \|(.*?)\|", RUNBOOK, re.MULTILINE)
    assert set(re.findall(r"`([A-Z_]+)`", row)) == TO_MEND


def test_an_answer_of_5xx_is_counted_where_no_function_can_hide_it(assembly: Assembly) -> None:
    alarm = alarms(assembly)["ApiServerErrors"]
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/ApiGateway", "5xx")
    assert alarm["Dimensions"] == [{"Name": "ApiId", "Value": "${Api}"}]
    assert (alarm["Threshold"], alarm["Statistic"]) == (0, "Sum")


def test_a_stream_that_is_stuck_tells_long_before_it_gives_up(assembly: Assembly) -> None:
    alarm = alarms(assembly)["ChangesAge"]
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/Lambda", "IteratorAge")
    assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": "${FollowJobsFunction}"}]
    mapping = assembly.of("AWS::Lambda::EventSourceMapping")["ChangesMapping"]
    assert alarm["Statistic"] == "Maximum"
    assert alarm["Threshold"] == 900_000 < 1000 * mapping["MaximumRecordAgeInSeconds"] / 4


def test_a_recovery_that_does_not_run_and_one_that_no_clock_starts_are_told_apart(
    assembly: Assembly,
) -> None:
    """The ends of executions start it too, whatever its clock does."""
    watched = {
        name: (each["Namespace"], each["MetricName"], each["Dimensions"][0]["Value"])
        for name, each in alarms(assembly).items()
        if each["TreatMissingData"] == "breaching"
    }
    assert watched == {
        "RecoverySilent": ("AWS/Lambda", "Invocations", "${RecoverJobsFunction}"),
        "RecoveryUnscheduled": ("AWS/Events", "Invocations", "${EachMinute}"),
    }
    for name in watched:
        alarm = alarms(assembly)[name]
        assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)


@pytest.mark.parametrize(
    ("which", "told"), [("assembly", None), ("other_assembly", [TOPIC, OUR_TOPIC])]
)
def test_every_alarm_tells_the_topic_that_was_chosen_and_ours_by_mail(
    request: pytest.FixtureRequest, which: str, told: list[str] | None
) -> None:
    for each in alarms(request.getfixturevalue(which)).values():
        assert each.get("AlarmActions") == told


def test_an_attempt_that_takes_nearly_all_of_its_task_is_told(
    assembly: Assembly, other_assembly: Assembly
) -> None:
    for made in (assembly, other_assembly):
        task, found = made.the("AWS::ECS::TaskDefinition"), alarms(made)
        memory, disk = int(task["Memory"]) * MIB, task["EphemeralStorage"]["SizeInGiB"] * GIB
        assert found["ConverterMemory"]["Threshold"] == round(0.85 * memory)
        # An output as large as may be by way of a file is nobody's fault.
        permitted = int(environment(task)["SLUICE_MAX_OUTPUT_BYTES"])
        assert permitted < found["ConverterDisk"]["Threshold"] <= permitted + 2 * GIB < disk
        for name in ("ConverterMemory", "ConverterDisk", "ConverterCpu"):
            assert found[name]["Statistic"] == "Maximum"


def test_hours_of_cpu_are_told_while_the_try_still_has_time(assembly: Assembly) -> None:
    flow = json.loads((ROOT / "statemachine" / "conversion.asl.json").read_text())
    most = flow["States"]["Convert"]["TimeoutSeconds"]
    assert most / 2 < alarms(assembly)["ConverterCpu"]["Threshold"] < most


@pytest.mark.parametrize("name", ["JobsHeldUp", "TasksHeldUp"])
def test_a_burst_of_jobs_wakes_nobody_and_jobs_that_are_stuck_do(
    assembly: Assembly, name: str
) -> None:
    """A job is held up for moments each time that another gives its slot back."""
    alarm = alarms(assembly)[name]
    assert (alarm["Statistic"], alarm["Threshold"]) == ("Minimum", 0)
    assert alarm["Period"] * alarm["EvaluationPeriods"] == 900


def test_every_figure_an_alarm_watches_is_one_that_we_count(other_assembly: Assembly) -> None:
    ours = [each for each in alarms(other_assembly).values() if each["Namespace"] == NAMESPACE]
    counted = {each.title for each in Metric}
    assert len(ours) == 8
    for each in ours:
        assert each["MetricName"] in counted
        assert each["Dimensions"] == [{"Name": DEPLOYMENT, "Value": "sluice-prod"}]


def test_functions_and_tasks_count_for_the_deployment_that_the_alarms_watch(
    other_assembly: Assembly,
) -> None:
    ours = {
        each["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
        for each in other_assembly.of("AWS::Lambda::Function").values()
        if each["Handler"].startswith("lambdas.")
    }
    told = environment(other_assembly.the("AWS::ECS::TaskDefinition"))
    assert ours == {told["SLUICE_DEPLOYMENT"]} == {"sluice-prod"}


def test_mail_goes_by_a_topic_that_is_encrypted_and_takes_no_plain_http(
    other_assembly: Assembly,
) -> None:
    topic, key = other_assembly.the("AWS::SNS::Topic"), other_assembly.the("AWS::KMS::Key")
    assert topic["KmsMasterKeyId"] == "${AlarmTopicKey.Arn}"
    assert OUR_TOPIC.endswith(f":{topic['TopicName']}")
    assert key["EnableKeyRotation"] is True
    (mail,) = other_assembly.of("AWS::SNS::Subscription").values()
    assert (mail["Protocol"], mail["Endpoint"]) == ("email", "on-call@example.com")
    policy = other_assembly.the("AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    (denied,) = [each for each in policy if each["Effect"] == "Deny"]
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_cloudwatch_may_publish_to_it_and_use_its_key(other_assembly: Assembly) -> None:
    """With AWS' own key for SNS, whose policy has no place for CloudWatch, no mail would come."""
    cloudwatch = {"Service": "cloudwatch.amazonaws.com"}
    key = other_assembly.the("AWS::KMS::Key")["KeyPolicy"]["Statement"]
    topic = other_assembly.the("AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    (uses,) = [each for each in key if each["Principal"] == cloudwatch]
    (publishes,) = [each for each in topic if each["Principal"] == cloudwatch]
    assert uses["Action"] == ["kms:Decrypt", "kms:GenerateDataKey*"]
    assert publishes["Action"] == "sns:Publish"
    assert publishes["Condition"] == {"StringEquals": {"aws:SourceAccount": "${AWS::AccountId}"}}


def test_without_an_address_there_is_no_topic(assembly: Assembly) -> None:
    assert assembly.of("AWS::SNS::Topic") == assembly.of("AWS::KMS::Key") == {}


def test_no_stack_imports_the_topic_or_an_alarm_so_that_it_can_go_at_any_time(
    other_assembly: Assembly,
) -> None:
    exported = [
        each["Export"]["Name"] for each in other_assembly.outputs.values() if "Export" in each
    ]
    assert exported
    assert [each for each in exported if "Alarm" in each] == []
