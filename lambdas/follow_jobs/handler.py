"""What follows when a job's record changes: the world is told, the next job starts, and what nobody
needs any more is deleted.

DynamoDB keeps the changes of the jobs table in a stream, in order for each job, and it is read from
here until this function has taken them: whoever wrote the change, and whatever broke right behind
the write, what follows from it is done, at least once. All of it may be done twice, but for an
announcement, which is then heard twice (docs/events/README.md).

A record that fails goes back to the stream, and those behind it with it: Lambda reads the stream
again from there anyway ("Partial batch response", DynamoDB Streams in the AWS Lambda guide), and
working on them now would only announce them twice. Meanwhile slots are given back by the recovery.
An outage may so hold the stream up for as long as the event source mapping allows; one record that
cannot be read may not: after a while it is given up, with an error in the log.

Permissions: the stream's GetRecords, GetShardIterator, DescribeStream and ListStreams; PutEvents;
UpdateItem and GetItem on slots; Query on the jobs' index byStatus and GetItem on jobs;
UpdateItem on jobs; StartExecution; GetItem and DeleteItem on progress; ListBucket,
ListBucketMultipartUploads, and DeleteObject and AbortMultipartUpload on `conversions/*`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from conversion.cost import spent
from conversion.errors import JobExpired, JobNotFound
from conversion.events import ConversionEvent
from conversion.job import Job
from conversion.leftovers import Removed, remove_all, remove_lost
from conversion.measures import measures
from conversion.settings import FollowJobsSettings
from conversion.start import start_waiting
from conversion.stores import clients
from conversion.stores.attributes import from_attributes
from conversion.stores.events import EventBus
from conversion.stores.executions import Executions
from conversion.stores.jobs import Jobs
from conversion.stores.objects import Objects
from conversion.stores.progress import ProgressTable
from conversion.stores.slots import SlotsTable
from lambdas.metrics import measure, measure_code, measured
from lambdas.observability import logger, observed

settings = FollowJobsSettings.from_env(os.environ)
dynamodb = clients.dynamodb(clients.BRISK)
jobs = Jobs(dynamodb, settings.jobs_table)
# What Redis holds of a job's progress expires by itself, and is not read without the job.
progress = ProgressTable(dynamodb, settings.progress_table)
slots = SlotsTable(dynamodb, settings.slots_table, settings.max_running_jobs)
executions = Executions(clients.step_functions(clients.BRISK), settings.state_machine_arn)
objects = Objects(clients.s3(clients.BRISK), settings.bucket)
bus = EventBus(clients.events(clients.BRISK), settings.event_bus, settings.state_machine_arn)

# How long a change that cannot be read holds up those behind it, in seconds: a deployment that is
# half done, and writes what the other half cannot read yet, is whole by then.
UNREADABLE_SECONDS = 600.0

# As in start_jobs: the answer gives all records back just as well as an exception.
processor = BatchProcessor(EventType.DynamoDBStreams, raise_on_entire_batch_failure=False)


class NotTried(Exception):
    """A record before this one failed."""


class Batch:
    """`gave_back` is whether a slot may have got free."""

    def __init__(self) -> None:
        self.gave_back = False
        self._failed = False
        self._bucket_answers = True

    def follow(self, record: DynamoDBRecord) -> None:
        if self._failed:
            raise NotTried
        try:
            self._follow(record.raw_event["dynamodb"])
        except Exception:  # the processor gives the record back, but says nothing of why
            self._failed = True
            logger.exception(
                "a change of a job could not be followed and goes back to the stream",
                sequence_number=record.raw_event.get("dynamodb", {}).get("SequenceNumber"),
            )
            raise

    def _follow(self, change: dict[str, Any]) -> None:
        try:
            before, after = _job(change, "OldImage"), _job(change, "NewImage")
        except Exception:  # of whatever kind: the record is as it is
            if not _is_given_up(change):
                raise
            job_id = change.get("Keys", {}).get("jobId", {}).get("S")
            logger.exception("a change of a job cannot be read and is given up", job_id=job_id)
            return
        if after is not None:
            self._changed(before, after)
        elif before is not None:
            self._removed(before)

    def _changed(self, before: Job | None, after: Job) -> None:
        """The slot first: neither EventBridge nor S3 may hold up the jobs that wait."""
        event = ConversionEvent.of_change(before, after)
        if event is None:
            _measure(before, after)
            return
        if after.status.is_terminal:
            self._give_back(after)
            if _lacks_cost(after):
                event = replace(event, job=_with_cost(after))
        bus.put([event])
        logger.info("announced", job_id=after.job_id, event=event.detail_type)
        _measure(before, event.job)
        if after.status.is_terminal:
            self._clear_up("lost outputs removed", after, lambda: remove_lost(after, objects))

    def _removed(self, job: Job) -> None:
        """By TTL, or by a clean-up, which removes no job that lives. TTL knows only the date, so
        that a job nobody has kept alive for all of its retention goes with it."""
        if not job.status.is_terminal:
            logger.error("a job expired before it was over", job_id=job.job_id, status=job.status)
        if _is_there_again(job.job_id):
            return
        self._give_back(job)
        progress.remove(job.job_id)
        told = "outputs of a removed job removed"
        self._clear_up(told, job, lambda: remove_all(job.job_id, objects))

    def _clear_up(self, what: str, job: Job, remove: Callable[[], Removed]) -> None:
        """The record does not go back for it: those behind it would wait, and the job would be
        announced again with every try; the clean-up finds what is left. A bucket that does not
        answer is asked once a batch, since each try may take all the time there is."""
        if not self._bucket_answers:
            return
        try:
            removed = remove()
        except Exception:
            self._bucket_answers = False
            logger.exception("outputs are left to the clean-up", job_id=job.job_id)
            return
        if removed.count:
            logger.info(what, job_id=job.job_id, count=removed.count, bytes=removed.bytes)

    def _give_back(self, job: Job) -> None:
        slots.give_back(job.job_id)
        self.gave_back = True


def _measure(before: Job | None, after: Job) -> None:
    """Last of what may fail: a record that goes back to the stream is not counted twice."""
    for each in measures(before, after):
        if each.code is None:
            measure(each.metric, each.value)
        else:
            measure_code(each.metric, each.code, each.value)


def _is_given_up(change: dict[str, Any]) -> bool:
    return time.time() - float(change.get("ApproximateCreationDateTime", 0)) > UNREADABLE_SECONDS


def _job(change: dict[str, Any], image: str) -> Job | None:
    attributes = change.get(image)
    return Job.from_item(from_attributes(attributes)) if attributes else None


def _is_there_again(job_id: str) -> bool:
    """The same object and conversion make the same id, and a stream may tell things twice: what
    has been made anew is not what was removed."""
    try:
        jobs.get(job_id)
    except JobNotFound:
        return False
    except JobExpired:
        return True
    return True


def _lacks_cost(job: Job) -> bool:
    return job.cost is None and job.attempt > 0


def _with_cost(job: Job) -> Job:
    """Whoever cancelled a job, or gave it up, does not know what its attempts had cost by then;
    their last reports do. What a task did after its last is a few seconds, and is not counted."""
    read = job.attempt * job.source.bytes
    cost = spent(progress.seconds_run(job.job_id), job.attempt, read, 0, settings.task)
    jobs.record_cost(job.job_id, cost)
    return replace(job, cost=cost)


def _start_waiting() -> None:
    """Once a batch, which does not fail with it: the recovery tries again each minute."""
    try:
        for job_id in start_waiting(jobs, slots, executions):
            logger.info("a waiting job was started", job_id=job_id)
    except Exception:
        logger.exception("waiting jobs could not be started")


@logger.inject_lambda_context(clear_state=True)
@observed
@measured
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    batch = Batch()
    answer = process_partial_response(event, batch.follow, processor, context)
    if batch.gave_back:
        _start_waiting()
    return answer
