"""Idempotency-Key on the POSTs (draft-ietf-httpapi-idempotency-key-header-07): asked twice, made
once.

AWS Powertools keeps who was first, in a DynamoDB table of its own. What is remembered is the id of
what was made and nothing else: a repeated request is answered from the record as it is by then, and
a signed URL is signed anew. While the first request runs, a second one is told to come back; what
the first was killed over is forgotten when its function's time is up. So is a mark of our own that
looks like another's, because the answer to it was lost and botocore wrote it again: its request is
told to come back, and is carried out then.

Permissions: PutItem, GetItem, UpdateItem and DeleteItem on the table.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyInconsistentStateError,
    IdempotencyPersistenceLayerError,
    IdempotencyValidationError,
)

from conversion.callers import Caller
from conversion.errors import IdempotencyKeyReused, RequestInProgress
from conversion.stores.attributes import dynamodb_errors
from lambdas.idempotency_key import read_key
from lambdas.observability import logger

# How long a repeat is known for one. Clients that lose an answer ask again within minutes.
REMEMBERED_SECONDS = 24 * 3600

Body = dict[str, Any]
Make = Callable[[Body], str]


class Idempotency:
    """`client` is DynamoDB's; `route` keeps the keys of one route apart from those of another."""

    def __init__(self, table: str, client: Any, route: str) -> None:
        self._route = route
        self._config = IdempotencyConfig(
            event_key_jmespath="key",
            payload_validation_jmespath="body",
            expires_after_seconds=REMEMBERED_SECONDS,
            hash_function="sha256",
        )
        table_of_keys = DynamoDBPersistenceLayer(
            table_name=table,
            key_attr="id",
            expiry_attr="expiresAt",
            in_progress_expiry_attr="inProgressUntil",
            status_attr="status",
            data_attr="made",
            validation_key_attr="body",
            boto3_client=client,
        )
        self._remembered = idempotent_function(
            _make,
            data_keyword_argument="asked",
            persistence_store=table_of_keys,
            config=self._config,
            key_prefix=route,
        )

    def once(self, app: APIGatewayHttpResolver, caller: Caller, body: Body, make: Make) -> str:
        """The id that `make` returns; of a request whose key was sent before, the one it returned
        then. An error of `make` is not remembered.

        Raises InvalidRequest for what is no key, RequestInProgress, IdempotencyKeyReused, and
        RecordsUnavailable, in which case nothing was made.
        """
        key = read_key(app.current_event.headers.get("Idempotency-Key"))
        if key is None:
            return make(body)
        self._config.register_lambda_context(app.lambda_context)
        asked: Body = {"key": [caller.identity, key], "body": body}
        try:
            return self._run(asked, make)
        except (IdempotencyAlreadyInProgressError, IdempotencyInconsistentStateError):
            raise RequestInProgress(
                "A request with this Idempotency-Key is being answered; send it again in a moment "
                "for its answer."
            ) from None
        except IdempotencyValidationError:
            raise IdempotencyKeyReused(
                "This Idempotency-Key was sent before, with another body; send another key."
            ) from None

    def nonce(self, app: APIGatewayHttpResolver, caller: Caller, body: Body) -> str:
        """What sets this request's work apart from that of any other: the same for a repeat under
        the same key, so that what is named after it is there once, even where the table could not
        be told. Raises InvalidRequest."""
        key = read_key(app.current_event.headers.get("Idempotency-Key"))
        if key is None:
            return uuid.uuid4().hex
        told = json.dumps([self._route, caller.identity, key, body], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()

    def _run(self, asked: Body, make: Make) -> str:
        """`making` knows how `make` ended where the table could not be told of it."""
        making = _Making(make)
        try:
            return self._remembered(asked=asked, make=making)
        except IdempotencyPersistenceLayerError as error:
            if making.failed is not None:
                raise making.failed from None
            if making.made is not None:
                logger.warning("made, but a repeat of the request will not be known for one")
                return making.made
            with dynamodb_errors():
                raise error.__cause__ or error from None


class _Making:
    """One run of `make`, and what came of it."""

    def __init__(self, make: Make) -> None:
        self._make = make
        self.made: str | None = None
        self.failed: Exception | None = None

    def __call__(self, body: Body) -> str:
        try:
            self.made = self._make(body)
        except Exception as error:
            self.failed = error
            raise
        return self.made


def _make(*, asked: Body, make: Make) -> str:
    return make(asked["body"])
