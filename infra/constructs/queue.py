"""Queues: encrypted, spoken to over TLS alone, and never without one for what failed."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.constructs.function import PythonFunction
from infra.constructs.permissions import allow

# Lambda's own advice for a queue it polls ("Using Lambda with Amazon SQS"): room for a function
# that is throttled while it holds a batch.
_TIMEOUTS = 6
# The most SQS keeps a message: time to find out why, and to redrive.
_DEAD_LETTERS_KEPT = Duration.days(14)


def dead_letters(scope: Construct, id: str = "DeadLetters") -> sqs.Queue:
    """What nobody could work on, for an operator to read and to send again."""
    return sqs.Queue(
        scope,
        id,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=_DEAD_LETTERS_KEPT,
    )


class WorkQueue(Construct):
    """Holds what a worker of this `timeout` is to do, and gives it up after `deliveries`."""

    def __init__(self, scope: Construct, id: str, *, timeout: Duration, deliveries: int) -> None:
        super().__init__(scope, id)
        self.dead_letters = dead_letters(self)
        self.queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            visibility_timeout=Duration.seconds(_TIMEOUTS * timeout.to_seconds()),
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=self.dead_letters, max_receive_count=deliveries
            ),
        )

    def feed(self, worker: PythonFunction, *, batch: int, at_once: int) -> None:
        """Hand messages to the worker, which answers with those that failed; `at_once` is how many
        batches it may hold, of the concurrency that all functions of the account share."""
        lambda_.EventSourceMapping(
            self,
            "Mapping",
            target=worker.function,
            event_source_arn=self.queue.queue_arn,
            batch_size=batch,
            max_concurrency=at_once,
            report_batch_item_failures=True,
        )
        allow(
            worker.role,
            ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"],
            self.queue.queue_arn,
        )
