"""A function that runs by the clock."""

from __future__ import annotations

from typing import cast

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from infra.constructs.function import PythonFunction


def every(scope: Construct, id: str, interval: Duration, function: PythonFunction) -> events.Rule:
    """A run that fails needs no second try: the next one does the same."""
    target = targets.LambdaFunction(function.function, retry_attempts=0)
    return events.Rule(
        scope,
        id,
        schedule=events.Schedule.rate(interval),
        targets=[cast(events.IRuleTarget, target)],
    )
