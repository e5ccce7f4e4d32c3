"""The starter: each object that lands under `uploads/` becomes the jobs that were asked for.

S3 → EventBridge → SQS → here. A record that fails is given back alone (partial batch response) and
delivered again; starting twice changes nothing. One that can never succeed, because it cannot be
read or is not about our uploads, fails too: after its last delivery it lies in the dead-letter
queue, instead of being lost in a log.

A record whose jobs are written is done, though StartExecution may be throttled: the recovery starts
those within about a minute. Given back, they would only add to the calls that are too many already,
and after some deliveries fill the dead-letter queue with events that nothing is wrong with.

Permissions: GetItem and UpdateItem on uploads; PutItem and GetItem on jobs; UpdateItem on slots;
StartExecution; the queue's ReceiveMessage, DeleteMessage and GetQueueAttributes.
"""

from __future__ import annotations

import json
import os
from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from conversion.errors import InvalidRequest
from conversion.events import ObjectCreated
from conversion.settings import StartJobsSettings
from conversion.start import start_for_object
from conversion.stores import clients
from conversion.stores.executions import Executions
from conversion.stores.jobs import Jobs
from conversion.stores.slots import SlotsTable
from conversion.stores.uploads import Uploads
from conversion.uploads import PREFIX
from lambdas.observability import logger, observed

settings = StartJobsSettings.from_env(os.environ)
defaults = settings.conversions
dynamodb = clients.dynamodb(clients.BRISK)
uploads = Uploads(dynamodb, settings.uploads_table)
jobs = Jobs(dynamodb, settings.jobs_table)
slots = SlotsTable(dynamodb, settings.slots_table, settings.max_running_jobs)
executions = Executions(clients.step_functions(clients.BRISK), settings.state_machine_arn)

# Without the exception Powertools raises when every record failed: it would throw a warm, sound
# process away, and the answer gives all of them back just as well.
processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)


def start(record: SQSRecord) -> None:
    with logger.append_context_keys(message_id=record.message_id):
        try:
            _start(_read(record.body))
        except Exception:  # the processor gives the record back, but says nothing of why
            logger.exception("a record could not be worked on and goes back to the queue")
            raise


def _read(body: str) -> ObjectCreated:
    """Raises ValueError or InvalidRequest for what is no upload of ours. An event of another prefix
    must not start jobs: a rule that matched our own outputs would convert them for ever."""
    created = ObjectCreated.from_event(json.loads(body))
    if created.bucket != settings.bucket or not created.key.startswith(PREFIX):
        raise InvalidRequest(f"The event is not about {PREFIX} in our bucket; mend the rule.")
    return created


def _start(created: ObjectCreated) -> None:
    made = start_for_object(
        created,
        defaults,
        uploads,
        jobs,
        slots,
        executions,
        settings.retention_days,
        settings.task,
    )
    for job in made:
        logger.info(
            "job created",
            job_id=job.job_id,
            conversion=str(job.conversion),
            bytes=job.source.bytes,
        )
    if not made:
        logger.info("nothing to convert", bytes=created.bytes)


@logger.inject_lambda_context(clear_state=True)
@observed
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    return process_partial_response(event, start, processor, context)
