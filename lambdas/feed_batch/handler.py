"""Feeds some files of a batch into the pipeline, or, in a dry run, says what feeding them would do.

Invoked by statemachine/batch.asl.json with what its Map state has read: `{BatchInput: {batchId,
startedAt, asked}, Items: [row, …]}`. All of it can be done again, and is when a store was away or
too many jobs wait.

Permissions: GetItem, PutItem and UpdateItem on uploads; GetItem and PutItem on jobs, Query on its
indexes byFile and byStatus; GetItem and UpdateItem on slots; StartExecution; GetObject and
PutObject on `uploads/*`, ListBucket on our bucket; GetObject on the sources and ListBucket on their
buckets.
"""

from __future__ import annotations

import os
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from conversion.batches.feed import Asked, Feeder, Limits
from conversion.batches.request import share_of
from conversion.batches.sources import places
from conversion.errors import TooManyJobs
from conversion.metrics import Metric
from conversion.settings import FeedBatchSettings
from conversion.stores import clients
from conversion.stores.executions import Executions
from conversion.stores.jobs import Jobs
from conversion.stores.objects import Objects
from conversion.stores.slots import SlotsTable
from conversion.stores.source_buckets import SourceBuckets
from conversion.stores.uploads import Uploads
from lambdas.metrics import measure, measured
from lambdas.observability import logger, observed

settings = FeedBatchSettings.from_env(os.environ)
dynamodb = clients.dynamodb(clients.BRISK)
copying = clients.s3(clients.COPYING)
feeder = Feeder(
    uploads=Uploads(dynamodb, settings.uploads_table),
    jobs=Jobs(dynamodb, settings.jobs_table),
    slots=SlotsTable(dynamodb, settings.slots_table, settings.max_running_jobs),
    executions=Executions(clients.step_functions(clients.BRISK), settings.state_machine_arn),
    objects=Objects(clients.s3(clients.BRISK), settings.bucket),
    sources=SourceBuckets(copying),
    limits=Limits(
        allowed=places(settings.batch_sources),
        max_bytes=settings.max_upload_bytes,
        max_waiting=share_of(settings.max_waiting_jobs),
        retention_days=settings.retention_days,
        task=settings.task,
    ),
)


@logger.inject_lambda_context(clear_state=True)
@observed
@measured
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Lambda counts a full queue as an error like any other; for the alarm we count ourselves."""
    try:
        return _feed(event)
    except TooManyJobs:
        raise
    except Exception:
        measure(Metric.FEEDS_FAILED)
        raise


def _feed(event: dict[str, Any]) -> dict[str, Any]:
    chunk = feeder.feed(Asked.from_input(event["BatchInput"]), event["Items"])
    logger.append_keys(batch_id=event["BatchInput"]["batchId"])
    logger.info(
        "files fed",
        files=len(chunk.files),
        new=sum(each.is_new for each in chunk.files),
        skipped=sum(each.skipped is not None for each in chunk.files),
    )
    return chunk.to_item()
