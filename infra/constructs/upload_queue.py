"""From an object that lands to the starter: rule → queue → function, and a queue for what failed.

The queue holds a burst, shows a backlog, and gives an event back when the starter could not work on
it. S3 events come at least once and in any order; the starter does not mind.
"""

from __future__ import annotations

from typing import Any, cast

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from conversion.events import ObjectCreated
from conversion.uploads import PREFIX
from infra.constructs.function import PythonFunction
from infra.constructs.permissions import allow

# Lambda's own advice for a queue it polls ("Using Lambda with Amazon SQS"): room for a function
# that is throttled while it holds a batch, and five deliveries before an event is given up.
_TIMEOUTS = 6
_DELIVERIES = 5
# The most SQS keeps a message: time to find out why, and to redrive.
_DEAD_LETTERS_KEPT = Duration.days(14)


class UploadQueue(Construct):
    def __init__(
        self, scope: Construct, id: str, *, bucket: s3.IBucket, starter: PythonFunction
    ) -> None:
        super().__init__(scope, id)
        dead_letters = self._queue("DeadLetters", retention_period=_DEAD_LETTERS_KEPT)
        self.queue = self._queue(
            "Queue",
            visibility_timeout=Duration.seconds(_TIMEOUTS * starter.timeout.to_seconds()),
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=dead_letters, max_receive_count=_DELIVERIES
            ),
        )
        events.Rule(
            self,
            "Rule",
            event_pattern=_object_created(bucket),
            targets=[cast(events.IRuleTarget, targets.SqsQueue(self.queue))],
        )
        lambda_.EventSourceMapping(
            self,
            "Mapping",
            target=starter.function,
            event_source_arn=self.queue.queue_arn,
            batch_size=10,
            report_batch_item_failures=True,
        )
        allow(
            starter.role,
            ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"],
            self.queue.queue_arn,
        )

    def _queue(self, id: str, **settings: Any) -> sqs.Queue:
        return sqs.Queue(
            self, id, encryption=sqs.QueueEncryption.SQS_MANAGED, enforce_ssl=True, **settings
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
