"""From an object that lands to the starter: rule → queue → function, and a queue for what failed.

The queue holds a burst, shows a backlog, and gives an event back when the starter could not work on
it. S3 events come at least once and in any order; the starter does not mind.
"""

from __future__ import annotations

from typing import cast

from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_s3 as s3
from constructs import Construct

from conversion.events import ObjectCreated
from conversion.uploads import PREFIX
from infra.constructs.function import PythonFunction
from infra.constructs.queue import WorkQueue

# Lambda's own advice for a queue it polls: five before an event is given up.
_DELIVERIES = 5
_BATCH = 10
# More would take concurrency from the functions of the API, to be refused by StartExecution, whose
# calls a second are limited by account ("Step Functions service quotas", API action throttling).
_AT_ONCE = 10


class UploadQueue(WorkQueue):
    def __init__(
        self, scope: Construct, id: str, *, bucket: s3.IBucket, starter: PythonFunction
    ) -> None:
        super().__init__(scope, id, timeout=starter.timeout, deliveries=_DELIVERIES)
        self.feed(starter, batch=_BATCH, at_once=_AT_ONCE)
        events.Rule(
            self,
            "Rule",
            event_pattern=_object_created(bucket),
            targets=[cast(events.IRuleTarget, targets.SqsQueue(self.queue))],
        )


def _object_created(bucket: s3.IBucket) -> events.EventPattern:
    """Uploads alone: a rule that matched our outputs would convert them for ever."""
    return events.EventPattern(
        source=[ObjectCreated.source],
        detail_type=[ObjectCreated.detail_type],
        detail={
            "bucket": {"name": [bucket.bucket_name]},
            "object": {"key": events.Match.prefix(PREFIX)},
        },
    )
