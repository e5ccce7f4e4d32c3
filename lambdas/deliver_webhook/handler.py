"""Delivers our events as webhooks, one message of its queue at a time, until each has arrived.

EventBridge → SQS → here. What could not be delivered is put off, each time for longer, for about a
day (conversion/webhooks.py has the schedule); then it lies in the dead-letter queue, from where it
can be sent again. Any answer but 2xx is a failure, as the specification has it, and 410 the
endpoint's wish for no more of them: that message is dropped, and a person has to take the
deployment's webhookUrl back.

Neither the address nor an answer is logged: both may hold a key.

Permissions: the queue's ReceiveMessage, DeleteMessage, GetQueueAttributes and
ChangeMessageVisibility; GetSecretValue on the webhook's secret.
"""

from __future__ import annotations

import json
import os

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.typing import LambdaContext

from conversion.errors import InvalidRequest
from conversion.settings import DeliverWebhookSettings
from conversion.stores import clients
from conversion.stores.queues import Queue
from conversion.webhooks import (
    ATTEMPTS,
    Endpoint,
    EndpointGone,
    Message,
    WebhookError,
    delay_after,
)
from lambdas.observability import logger, observed

settings = DeliverWebhookSettings.from_env(os.environ)
queue = Queue(clients.sqs(clients.BRISK), settings.queue_url)
secrets = SecretsProvider(boto3_client=clients.secrets_manager(clients.BRISK))
endpoint = Endpoint(settings.webhook_url)

# A secret that was changed is signed with after so many seconds at most.
SECRET_SECONDS = 300

# As in start_jobs: the answer gives all records back just as well as an exception.
processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)


def deliver(record: SQSRecord) -> None:
    attempt = int(record.attributes.approximate_receive_count or 1)
    with logger.append_context_keys(message_id=record.message_id, attempt=attempt):
        try:
            _deliver(record.body)
        except EndpointGone as gone:
            logger.error("the endpoint wants no more webhooks", code=gone.code)
        except WebhookError as error:
            logger.warning("not delivered", code=error.code, reason=error.message)
            if attempt < ATTEMPTS:  # the last is a dead letter at once
                queue.put_off(record.receipt_handle, delay_after(attempt, error.retry_after))
            raise
        except InvalidRequest:  # waiting will not make it readable: it is soon a dead letter
            logger.exception("a message is none of our events")
            raise
        except Exception:  # our own side: the secret, the settings
            logger.exception("a webhook could not be sent")
            if attempt < ATTEMPTS:
                queue.put_off(record.receipt_handle, delay_after(attempt))
            raise


def _deliver(body: str) -> None:
    message = Message.from_event(_read(body))
    secret = secrets.get(settings.webhook_secret_arn, max_age=SECRET_SECONDS)
    status = endpoint.deliver(message, str(secret))
    logger.info("webhook delivered", webhook_id=message.id, status=status)


def _read(body: str) -> object:
    try:
        return json.loads(body)
    except ValueError:
        raise InvalidRequest("The message is not JSON.") from None


@logger.inject_lambda_context(clear_state=True)
@observed
def handler(event: dict[str, object], context: LambdaContext) -> PartialItemFailureResponse:
    return process_partial_response(event, deliver, processor, context)
