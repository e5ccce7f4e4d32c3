"""What wakes an operator: each alarm has its entry in docs/runbook.md, under its own name.

They fire on what is ours to mend. A file that cannot be converted is its owner's business and
fails its job with a code; no alarm counts those.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from aws_cdk import Duration, Stack
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

_OVER = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
_BELOW = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
_QUIET = cloudwatch.TreatMissingData.NOT_BREACHING
_SILENT = cloudwatch.TreatMissingData.BREACHING


# Events that go back to their queue or stream are no errors of the function that gave them back
# (Lambda guide, "Partial batch responses"): what tells is how long the oldest has waited.
_STUCK_SECONDS = 900


class Alarms(Construct):
    """Grouped by what they watch; the name given to each becomes a part of the alarm's name.
    `topic` is the ARN of the SNS topic that is told, empty for none."""

    def __init__(self, scope: Construct, id: str, *, topic: str) -> None:
        super().__init__(scope, id)
        self._topic = topic

    def dead_letters(self, queues: Mapping[str, sqs.IQueue]) -> None:
        """One message is one event that nobody could work on."""
        for name, queue in queues.items():
            metric = queue.metric_approximate_number_of_messages_visible(
                period=Duration.minutes(1), statistic="Maximum"
            )
            self._alarm(f"{name}DeadLetters", metric, "events that could not be worked on", 0)

    def backlog(self, queue: sqs.IQueue) -> None:
        """The starter takes seconds: what is a quarter of an hour old is stuck."""
        metric = queue.metric_approximate_age_of_oldest_message(period=Duration.minutes(1))
        self._alarm("ArrivalsAge", metric, "uploads wait to be noticed", _STUCK_SECONDS)

    def changes(self, follower: lambda_.IFunction) -> None:
        """A change that goes back to the stream is no error, and holds up those behind it: without
        this nobody would hear of it until it is given up, hours later."""
        metric = follower.metric("IteratorAge", period=Duration.minutes(1), statistic="Maximum")
        self._alarm("ChangesAge", metric, "changes of jobs are not followed", _STUCK_SECONDS * 1000)

    def api(self, api: apigateway.HttpApi) -> None:
        """The API's functions answer whatever happens to them, so that none of it is an error of
        theirs: each 5xx is a defect or an outage."""
        metric = api.metric_server_error(period=Duration.minutes(5))
        self._alarm("ApiServerErrors", metric, "requests were answered with 5xx", 0)

    def functions(self, functions: Mapping[str, lambda_.IFunction]) -> None:
        """What a function raised, its time running out, and code that cannot be loaded. Refusals
        and batches that are given back are answers, not errors."""
        for name, function in functions.items():
            metric = function.metric_errors(period=Duration.minutes(5))
            self._alarm(f"{name}Errors", metric, "the function failed", 0)

    def recovery(self, schedule: events.Rule, function: lambda_.IFunction) -> None:
        """It runs each minute: without it nothing that was lost is found. Two alarms: a function
        that is throttled does not run although its schedule says so, and one whose schedule is
        disabled runs all the same, when executions end badly."""
        invoked = cloudwatch.Metric(
            namespace="AWS/Events",
            metric_name="Invocations",
            dimensions_map={"RuleName": schedule.rule_name},
            statistic="Sum",
            period=Duration.minutes(5),
        )
        says = "the schedule of the recovery stands still"
        self._alarm("RecoveryUnscheduled", invoked, says, 1, _BELOW, _SILENT)
        ran = function.metric_invocations(period=Duration.minutes(5))
        self._alarm("RecoverySilent", ran, "the recovery does not run", 1, _BELOW, _SILENT)

    def executions(self, machine: sfn.IStateMachine) -> None:
        """Two days were not enough: what is stuck there is stuck for a reason."""
        metric = machine.metric_timed_out(period=Duration.minutes(5))
        self._alarm("ExecutionsTimedOut", metric, "executions ran into their limit", 0)

    def _alarm(
        self,
        name: str,
        metric: cloudwatch.IMetric,
        says: str,
        threshold: float,
        comparison: cloudwatch.ComparisonOperator = _OVER,
        missing: cloudwatch.TreatMissingData = _QUIET,
    ) -> None:
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=f"{Stack.of(self).stack_name}-{name}",  # what the runbook goes by
            metric=metric,
            alarm_description=f"{name}: {says}. docs/runbook.md says what to do.",
            threshold=threshold,
            evaluation_periods=1,
            comparison_operator=comparison,
            treat_missing_data=missing,
        )
        if self._topic:
            cast(cloudwatch.CfnAlarm, alarm.node.default_child).alarm_actions = [self._topic]
