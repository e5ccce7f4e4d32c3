"""From a change of a job's record to the function that follows it: the table's stream.

Nothing else tells of a job that an operator stopped, or that TTL removed. A stream keeps each
change for a day, and those of one job in their order, until they have been worked on.
"""

from __future__ import annotations

from typing import cast

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra import nag
from infra.constructs.function import PythonFunction
from infra.constructs.permissions import allow
from infra.constructs.queue import dead_letters
from infra.constructs.table import RecordTable

_BATCH = 25
# A change that cannot be worked on holds up those behind it in its shard. So it is tried for an
# outage's length, halved out of its batch, and given up while the stream still has it for another
# twenty hours: what goes to the dead letters is only where in the stream it is.
_TRIES = 1_000
_OLDEST = Duration.hours(4)


class JobStream(Construct):
    def __init__(
        self, scope: Construct, id: str, *, jobs: RecordTable, follower: PythonFunction
    ) -> None:
        super().__init__(scope, id)
        stream = cast(str, jobs.table_stream_arn)
        self.dead_letters = dead_letters(self)
        nag.acknowledge(
            self.dead_letters, "SQS3", "It is where the stream leaves what could not be worked on."
        )
        mapping = lambda_.EventSourceMapping(
            self,
            "Mapping",
            target=follower.function,
            event_source_arn=stream,
            starting_position=lambda_.StartingPosition.TRIM_HORIZON,
            batch_size=_BATCH,
            bisect_batch_on_error=True,
            report_batch_item_failures=True,
            retry_attempts=_TRIES,
            max_record_age=_OLDEST,
        )
        # Not `on_failure=SqsDlq(…)`: that would let the role read the queue's address as well.
        failed = lambda_.CfnEventSourceMapping.OnFailureProperty(
            destination=self.dead_letters.queue_arn
        )
        cast(
            lambda_.CfnEventSourceMapping, mapping.node.default_child
        ).destination_config = lambda_.CfnEventSourceMapping.DestinationConfigProperty(
            on_failure=failed
        )
        # "IAM policy to grant read access for a DynamoDB stream only", DynamoDB developer guide.
        reads = ["DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"]
        allow(follower.role, [f"dynamodb:{each}" for each in reads], stream)
        allow(follower.role, ["sqs:SendMessage"], self.dead_letters.queue_arn)
