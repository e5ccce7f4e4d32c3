"""What wakes an operator: each alarm has its entry in docs/runbook.md, under its own name.

They fire on what is ours to mend. A file that cannot be converted is its owner's business and
fails its job with a code; no alarm counts those. Each stack has the alarms on what it makes; those
on the deployment's own metrics stand in the stack whose code measures them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from conversion.metrics import MUCH_MEMORY, Metric
from infra.constructs.alarm_topic import told
from infra.constructs.figures import figure
from infra.options import Options

_OVER = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
_BELOW = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
_QUIET = cloudwatch.TreatMissingData.NOT_BREACHING
_SILENT = cloudwatch.TreatMissingData.BREACHING


# Events that go back to their queue or stream are no errors of the function that gave them back
# (Lambda guide, "Partial batch responses"): what tells is how long the oldest has waited.
_STUCK_SECONDS = 900
_STUCK_MINUTES = _STUCK_SECONDS // 60
_FEW_MINUTES = Duration.minutes(5)

# Of six hours that a try may take (`TimeoutSeconds` of Convert in the state machine).
_LONG_SECONDS = 0.75 * 6 * 3600
_MIB, _GIB = 1024**2, 1024**3
# An output that is permitted wakes nobody, and the kernel lets no encoder write a longer file
# (tasks/converter/child.py): what is well beyond it says that this limit does not hold.
_BESIDES_OUTPUT = 2 * _GIB
# A breaker asks a Redis that is down again every ten seconds; a single answer that came late is
# nothing.
_MANY_FALLBACKS = 10


class Alarms(Construct):
    """Grouped by what they watch; the name given to each becomes a part of the alarm's name.
    `arns` are known before anything is deployed, and make no stack depend on another."""

    def __init__(self, scope: Construct, id: str, *, options: Options) -> None:
        super().__init__(scope, id)
        self._options = options
        self.arns: list[str] = []

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

    def converter(self) -> None:
        """What attempts took of their tasks, and what took tasks away."""
        size = self._options.task_settings()
        memory, output = size["task_memory"] * _MIB, self._options.max_output_bytes
        limits = {
            "ConverterMemory": (Metric.ATTEMPT_PEAK_MEMORY, MUCH_MEMORY * memory, "much memory"),
            "ConverterDisk": (
                Metric.ATTEMPT_DISK_BYTES,
                output + _BESIDES_OUTPUT,
                "more of its disk than an output may",
            ),
            "ConverterCpu": (Metric.ATTEMPT_CPU_SECONDS, _LONG_SECONDS, "hours of CPU"),
        }
        for name, (metric, most, what) in limits.items():
            used = figure(self._options, metric, "Maximum", _FEW_MINUTES)
            self._alarm(name, used, f"an attempt took {what}", round(most))
        killed = figure(self._options, Metric.TASKS_OUT_OF_MEMORY, "Sum", _FEW_MINUTES)
        self._alarm("ConverterOutOfMemory", killed, "a task was killed for want of memory", 0)

    def jobs(self) -> None:
        """What becomes of them, and whether they get on."""
        failed = figure(self._options, Metric.FAILURES_TO_MEND, "Sum", _FEW_MINUTES)
        self._alarm("FailuresToMend", failed, "jobs failed that no file is to blame for", 0)
        held_up = figure(self._options, Metric.JOBS_HELD_UP, "Minimum", Duration.minutes(1))
        says = "jobs wait although there is room for them"
        self._alarm("JobsHeldUp", held_up, says, 0, periods=_STUCK_MINUTES)
        tasks = figure(self._options, Metric.TASKS_HELD_UP, "Minimum", Duration.minutes(1))
        says = "jobs have their slots, and no task comes up for them"
        self._alarm("TasksHeldUp", tasks, says, 0, periods=_STUCK_MINUTES)

    def feeding(self) -> None:
        """In place of the function's own errors, of which a full queue makes many."""
        failed = figure(self._options, Metric.FEEDS_FAILED, "Sum", _FEW_MINUTES)
        self._alarm("FeedsFailed", failed, "files of a batch could not be fed", 0)

    def redis(self) -> None:
        """DynamoDB does without it, for more money: nobody need be woken for a few minutes."""
        lost = figure(self._options, Metric.REDIS_FALLBACKS, "Sum", _FEW_MINUTES)
        says = "Redis does not answer, and DynamoDB does its work"
        self._alarm("RedisUnanswered", lost, says, _MANY_FALLBACKS, periods=3)

    def _alarm(
        self,
        name: str,
        metric: cloudwatch.IMetric,
        says: str,
        threshold: float,
        comparison: cloudwatch.ComparisonOperator = _OVER,
        missing: cloudwatch.TreatMissingData = _QUIET,
        periods: int = 1,
    ) -> None:
        stack = Stack.of(self)
        full_name = f"{stack.stack_name}-{name}"  # what the runbook goes by
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=full_name,
            metric=metric,
            alarm_description=f"{name}: {says}. docs/runbook.md says what to do.",
            threshold=threshold,
            evaluation_periods=periods,
            comparison_operator=comparison,
            treat_missing_data=missing,
        )
        if topics := told(self, self._options):
            cast(cloudwatch.CfnAlarm, alarm.node.default_child).alarm_actions = topics
        self.arns.append(
            stack.format_arn(
                service="cloudwatch",
                resource="alarm",
                resource_name=full_name,
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            )
        )
