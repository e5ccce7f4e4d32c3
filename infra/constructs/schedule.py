"""A function that runs by the clock."""

from __future__ import annotations

from typing import cast

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from infra.constructs.function import PythonFunction

# The oldest that Lambda lets an event get (PutFunctionEventInvokeConfig, Lambda API reference).
_MOST_MINUTES = 6 * 60


def every(scope: Construct, id: str, interval: Duration, function: PythonFunction) -> events.Rule:
    """A run that fails needs no second try: the next one does the same. So EventBridge hands each
    over once, Lambda runs it once (by itself it would do so three times), and one that is held up
    is dropped when the next is due. Lambda does likewise with every other event that invokes the
    function without waiting for its answer."""
    function.function.configure_async_invoke(
        retry_attempts=0, max_event_age=Duration.minutes(min(interval.to_minutes(), _MOST_MINUTES))
    )
    target = targets.LambdaFunction(function.function, retry_attempts=0)
    return events.Rule(
        scope,
        id,
        schedule=events.Schedule.rate(interval),
        targets=[cast(events.IRuleTarget, target)],
    )
