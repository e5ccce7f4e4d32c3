"""What wakes an operator: all that can be stuck or fail, each with its row in the runbook."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.infra.assembly import Assembly

RUNBOOK = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text()
OF_FUNCTIONS = "…Errors"
QUEUES = ("Arrivals", "Changes", "Recovery", "Webhooks")
TOPIC = "arn:aws:sns:eu-west-1:123456789012:operators"


def alarms(assembly: Assembly) -> dict[str, Any]:
    """By the last part of their names, which is what the runbook goes by."""
    found = assembly.of("AWS::CloudWatch::Alarm").values()
    named = {each["AlarmName"].rpartition("-")[2]: each for each in found}
    assert len(named) == len(found)
    return named


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
        "ExecutionsTimedOut",
        "RecoverySilent",
        "RecoveryUnscheduled",
    }


def test_the_runbook_has_a_row_for_each_alarm_and_none_for_any_other(
    other_assembly: Assembly,
) -> None:
    section = RUNBOOK.partition("## By alarm")[2].partition("## ")[0]
    rows = re.findall(r"^\| `([^`]+)`", section, re.MULTILINE)
    single = set(alarms(other_assembly)) - errors_of_functions(other_assembly)
    assert sorted(rows) == sorted(single | {OF_FUNCTIONS})


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


@pytest.mark.parametrize(("which", "told"), [("assembly", None), ("other_assembly", [TOPIC])])
def test_every_alarm_tells_the_topic_that_was_chosen(
    request: pytest.FixtureRequest, which: str, told: list[str] | None
) -> None:
    for each in alarms(request.getfixturevalue(which)).values():
        assert each.get("AlarmActions") == told
