"""What an operator looks at first: the alarms' states, and below them how the deployment does."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Aws, CfnOutput, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.constructs.figures import deployment
from infra.constructs.panels import Panels, graph
from infra.options import Options
from infra.stacks.api import ApiStack
from infra.stacks.conversion import ConversionStack
from infra.stacks.life_cycle import LifeCycleStack

_FINE = Duration.minutes(5)
_WHOLE_ROW = 24


class DashboardStack(Stack):
    """It imports from the others only what no option takes away: what is imported cannot be
    removed. So it knows the alarms by their names, and not the webhooks' queue, whose alarm tells
    enough."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        options: Options,
        conversion: ConversionStack,
        life_cycle: LifeCycleStack,
        api: ApiStack,
        alarms: Sequence[str],
    ) -> None:
        super().__init__(scope, id, description="Sluice: the dashboard")
        panels = Panels(options)
        # A dashboard's name is the account's, in all of its regions.
        name = f"{deployment(options)}-{Aws.REGION}"
        board = cloudwatch.Dashboard(
            self, "Dashboard", dashboard_name=name, default_interval=Duration.hours(12)
        )
        board.add_widgets(_states(self, alarms))
        board.add_widgets(*panels.jobs())
        board.add_widgets(*panels.durations())
        board.add_widgets(*panels.waiting(_arrivals(conversion), _changes(life_cycle)))
        board.add_widgets(*panels.converter())
        board.add_widgets(*panels.cost(), _dead_letters(conversion, life_cycle))
        board.add_widgets(*_requests(api), _executions(conversion))
        console = f"https://{Aws.REGION}.console.aws.amazon.com/cloudwatch/home"
        CfnOutput(
            self,
            "DashboardUrl",
            value=f"{console}?region={Aws.REGION}#dashboards/dashboard/{name}",
            description="For operators; docs/runbook.md says what to do about what is red",
        )


def _states(scope: Construct, arns: Sequence[str]) -> cloudwatch.IWidget:
    alarms = [
        cloudwatch.Alarm.from_alarm_arn(scope, f"Alarm{number}", arn)
        for number, arn in enumerate(arns)
    ]
    return cloudwatch.AlarmStatusWidget(
        title="Alarms", alarms=alarms, width=_WHOLE_ROW, height=2 + len(arns) // 6
    )


def _arrivals(conversion: ConversionStack) -> cloudwatch.IMetric:
    return conversion.arrivals.queue.metric_approximate_age_of_oldest_message(
        period=_FINE, label="uploads, s"
    )


def _changes(life_cycle: LifeCycleStack) -> cloudwatch.IMetric:
    return life_cycle.follower.metric(
        "IteratorAge", period=_FINE, statistic="Maximum", label="changes of jobs, ms"
    )


def _dead_letters(conversion: ConversionStack, life_cycle: LifeCycleStack) -> cloudwatch.IWidget:
    queues = {"Arrivals": conversion.arrivals.dead_letters, **life_cycle.dead_letters}
    held: list[cloudwatch.IMetric] = [
        queue.metric_approximate_number_of_messages_visible(
            period=_FINE, statistic="Maximum", label=name
        )
        for name, queue in queues.items()
    ]
    return graph("Dead letters", held)


def _requests(api: ApiStack) -> list[cloudwatch.IWidget]:
    http = api.api
    latencies: list[cloudwatch.IMetric] = [
        http.metric_latency(period=_FINE, statistic=each, label=each)
        for each in ("p50", "p90", "p99")
    ]
    asked = [http.metric_count(period=_FINE, label="requests")]
    refused = [
        http.metric_client_error(period=_FINE, label="4xx"),
        http.metric_server_error(period=_FINE, label="5xx"),
    ]
    return [
        graph("API latency, ms", latencies),
        graph("API requests, and those answered 4xx or 5xx", asked, beside=refused),
    ]


def _executions(conversion: ConversionStack) -> cloudwatch.IWidget:
    machine = conversion.state_machine
    counted: list[cloudwatch.IMetric] = [
        machine.metric_started(period=_FINE, label="started"),
        machine.metric_failed(period=_FINE, label="failed, with their jobs"),
        machine.metric_aborted(period=_FINE, label="stopped"),
        machine.metric_throttled(period=_FINE, label="throttled"),
    ]
    return graph("Executions", counted)
