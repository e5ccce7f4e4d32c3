"""From a task that did not end by itself to the function that tells of it: an EventBridge rule.

Nothing waits for what it says, so that an event which cannot be handed over is dropped after a day,
EventBridge's own patience, and no queue keeps it.
"""

from __future__ import annotations

from typing import cast

from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from conversion.stopped_tasks import DETAIL_TYPE, SOURCE, pattern
from infra.constructs.function import PythonFunction


class TaskEnds(Construct):
    def __init__(
        self, scope: Construct, id: str, *, cluster: ecs.Cluster, follower: PythonFunction
    ) -> None:
        super().__init__(scope, id)
        target = targets.LambdaFunction(follower.function)
        events.Rule(
            self,
            "Rule",
            event_pattern=events.EventPattern(
                source=[SOURCE], detail_type=[DETAIL_TYPE], detail=pattern(cluster.cluster_arn)
            ),
            targets=[cast(events.IRuleTarget, target)],
        )
