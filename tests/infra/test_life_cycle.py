"""What keeps the records true: the stream, the clock, the ends of executions, the webhooks."""

from __future__ import annotations

from typing import Any

import pytest

from conversion.events import ConversionEvent
from conversion.webhooks import ATTEMPTS, SECONDS
from tests.infra.assembly import Assembly

FORTNIGHT = 14 * 24 * 3600
STREAM_HOURS = 24  # "Change data capture for DynamoDB Streams"


def test_each_change_of_a_job_is_followed_from_the_first(assembly: Assembly) -> None:
    mapping = assembly.of("AWS::Lambda::EventSourceMapping")["ChangesMapping"]
    assert mapping["EventSourceArn"] == "${Jobs.StreamArn}"
    assert mapping["FunctionName"] == "${FollowJobsFunction}"
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_a_change_nobody_can_follow_is_given_up_before_the_stream_forgets_it(
    assembly: Assembly,
) -> None:
    mapping = assembly.of("AWS::Lambda::EventSourceMapping")["ChangesMapping"]
    assert mapping["BisectBatchOnFunctionError"] is True
    assert 3600 <= mapping["MaximumRecordAgeInSeconds"] < STREAM_HOURS * 3600 / 2
    assert 0 < mapping["MaximumRetryAttempts"] <= 10_000
    assert mapping["DestinationConfig"] == {
        "OnFailure": {"Destination": "${ChangesDeadLetters.Arn}"}
    }


@pytest.mark.parametrize(
    ("rule", "schedule", "function"),
    [
        ("EachMinute", "rate(1 minute)", "RecoverJobsFunction"),
        ("EachHour", "rate(1 hour)", "CleanUpFunction"),
    ],
)
def test_the_clock_starts_the_recovery_and_the_clean_up(
    assembly: Assembly, rule: str, schedule: str, function: str
) -> None:
    found = assembly.of("AWS::Events::Rule")[rule]
    assert (found["ScheduleExpression"], found["State"]) == (schedule, "ENABLED")
    assert [each["Arn"] for each in found["Targets"]] == [f"${{{function}.Arn}}"]


@pytest.mark.parametrize(
    ("function", "seconds"), [("RecoverJobsFunction", 60), ("CleanUpFunction", 3600)]
)
def test_a_run_that_fails_or_is_held_up_is_left_to_the_next(
    assembly: Assembly, function: str, seconds: int
) -> None:
    """Lambda itself would run it twice more, and keep it for six hours."""
    (config,) = [
        each
        for each in assembly.of("AWS::Lambda::EventInvokeConfig").values()
        if each["FunctionName"] == f"${{{function}}}"
    ]
    assert (config["MaximumRetryAttempts"], config["Qualifier"]) == (0, "$LATEST")
    assert config["MaximumEventAgeInSeconds"] == seconds


def test_an_execution_that_ends_badly_is_settled_at_once(assembly: Assembly) -> None:
    rule = assembly.of("AWS::Events::Rule")["RecoveryRule"]
    assert rule["EventPattern"] == {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {
            "stateMachineArn": ["${ConversionStateMachine}"],
            "status": ["FAILED", "ABORTED", "TIMED_OUT"],
        },
    }
    (target,) = rule["Targets"]
    assert target["Arn"] == "${RecoverJobsFunction.Arn}"
    assert target["DeadLetterConfig"] == {"Arn": "${RecoveryDeadLetters.Arn}"}


def test_a_rule_may_invoke_its_own_function_alone(assembly: Assembly) -> None:
    allowed = {
        (each["FunctionName"], each["SourceArn"])
        for each in assembly.of("AWS::Lambda::Permission").values()
        if each["Principal"] == "events.amazonaws.com"
    }
    assert allowed == {
        ("${RecoverJobsFunction.Arn}", "${EachMinute.Arn}"),
        ("${RecoverJobsFunction.Arn}", "${RecoveryRule.Arn}"),
        ("${CleanUpFunction.Arn}", "${EachHour.Arn}"),
        ("${FollowTasksFunction.Arn}", "${TaskEndsRule.Arn}"),
    }


def test_the_ends_of_this_clusters_tasks_are_heard_and_of_no_others(assembly: Assembly) -> None:
    heard = assembly.of("AWS::Events::Rule")["TaskEndsRule"]["EventPattern"]
    assert heard["detail"]["clusterArn"] == ["${Cluster.Arn}"]
    assert (heard["source"], heard["detail"]["lastStatus"]) == (["aws.ecs"], ["STOPPED"])


def test_what_could_not_be_done_is_kept_for_a_fortnight(other_assembly: Assembly) -> None:
    queues = other_assembly.of("AWS::SQS::Queue")
    kept = {
        name.removesuffix("DeadLetters"): each["MessageRetentionPeriod"]
        for name, each in queues.items()
        if name.endswith("DeadLetters")
    }
    assert kept == dict.fromkeys(("Arrivals", "Changes", "Recovery", "Webhooks"), FORTNIGHT)


def test_nobody_is_told_of_jobs_unless_an_address_is_given(assembly: Assembly) -> None:
    assert not [name for name in assembly.resources if "Webhook" in name]


def test_a_webhook_hears_of_our_events_and_of_no_others(other_assembly: Assembly) -> None:
    rule = other_assembly.of("AWS::Events::Rule")["WebhooksRule"]
    assert rule["EventPattern"] == {
        "source": [ConversionEvent.source],
        "resources": ["${ConversionStateMachine}"],  # another stage's events are on the same bus
    }
    told = variables(other_assembly, "FollowJobsFunction")["SLUICE_STATE_MACHINE_ARN"]
    assert rule["EventPattern"]["resources"] == [told]
    assert rule["EventBusName"] == "default"
    assert [each["Arn"] for each in rule["Targets"]] == ["${WebhooksQueue.Arn}"]


def test_a_webhook_is_tried_for_as_long_as_its_schedule_has_it(other_assembly: Assembly) -> None:
    queue = other_assembly.of("AWS::SQS::Queue")["WebhooksQueue"]
    assert queue["RedrivePolicy"] == {
        "deadLetterTargetArn": "${WebhooksDeadLetters.Arn}",
        "maxReceiveCount": ATTEMPTS,
    }
    function = other_assembly.of("AWS::Lambda::Function")["DeliverWebhookFunction"]
    assert function["Timeout"] >= 2 * SECONDS
    assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]
    mapping = other_assembly.of("AWS::Lambda::EventSourceMapping")["WebhooksMapping"]
    assert (mapping["EventSourceArn"], mapping["BatchSize"]) == ("${WebhooksQueue.Arn}", 1)
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_the_webhooks_secret_is_made_where_it_is_kept_and_is_base64(
    other_assembly: Assembly,
) -> None:
    made = other_assembly.the("AWS::SecretsManager::Secret")["GenerateSecretString"]
    assert made == {"PasswordLength": 32, "ExcludePunctuation": True, "IncludeSpace": False}
    given = variables(other_assembly, "DeliverWebhookFunction")
    told = {name: value for name, value in given.items() if name.startswith("SLUICE_")}
    assert told == {
        "SLUICE_WEBHOOK_URL": "https://example.com/sluice",
        "SLUICE_WEBHOOK_SECRET_ARN": "${WebhooksSecret}",
        "SLUICE_QUEUE_URL": "${WebhooksQueue}",
    }


def variables(assembly: Assembly, function: str) -> dict[str, Any]:
    """Ours: Powertools' are in tests/infra/test_functions.py."""
    told = assembly.of("AWS::Lambda::Function")[function]["Environment"]["Variables"]
    return {name: value for name, value in told.items() if name.startswith("SLUICE_")}
