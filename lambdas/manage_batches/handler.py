"""POST /v1/batches: begin one; GET and DELETE /v1/batches/{batchId}: how it stands, and its end.

A batch is an execution of statemachine/batch.asl.json and has no other record. These routes are for
operators, who see everybody's files: a batch may read all that was uploaded. API Gateway lets a
signature of the account in and nobody else.

Permissions: StartExecution on the batch's machine; DescribeExecution, ListMapRuns and StopExecution
on its executions, DescribeMapRun on its Map Runs; PutItem, GetItem, UpdateItem and DeleteItem on
idempotency.
"""

from __future__ import annotations

import os
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

from conversion.batches import runs as batches
from conversion.batches.request import Batch, room_for
from conversion.batches.runs import BatchStatus, Run
from conversion.batches.sources import places
from conversion.callers import Caller
from conversion.errors import OperatorsOnly
from conversion.settings import ManageBatchesSettings
from conversion.stores import clients
from conversion.stores.batch_runs import BatchRuns
from lambdas import api
from lambdas.idempotency import Idempotency
from lambdas.observability import logger

# A batch takes minutes to days.
POLL_SECONDS = 5

settings = ManageBatchesSettings.from_env(os.environ)
allowed = places(settings.batch_sources)
runs = BatchRuns(clients.step_functions(clients.SWIFT), settings.batch_machine_arn)
idempotency = Idempotency(
    settings.idempotency_table, clients.dynamodb(clients.SWIFT), "POST /v1/batches"
)
app = api.resolver()


@app.post("/v1/batches")
def create_batch() -> Response[Any]:
    caller = _operator()
    body = api.json_object(app)
    nonce = idempotency.nonce(app, caller, body)
    begun: dict[str, Run | None] = {}

    def make(body: dict[str, Any]) -> str:
        batch_id = nonce[:32]
        begun[batch_id] = _start(batch_id, body, caller)
        return batch_id

    batch_id = idempotency.once(app, caller, body, make)
    run = begun.get(batch_id) or batches.run_of(batch_id, runs)
    return _told(run, HTTPStatus.ACCEPTED, location=f"/v1/batches/{batch_id}")


@app.get("/v1/batches/<batch_id>")
def get_batch(batch_id: str) -> Response[Any]:
    _operator()
    logger.append_keys(batch_id=batch_id)
    return _told(batches.run_of(batch_id, runs))


@app.delete("/v1/batches/<batch_id>")
def cancel_batch(batch_id: str) -> Response[Any]:
    _operator()
    logger.append_keys(batch_id=batch_id)
    run = batches.cancel(batch_id, runs)
    logger.info("batch cancelled", files=run.counts.done)
    return _told(run, HTTPStatus.ACCEPTED)


def _operator() -> Caller:
    """Who calls. Raises NoIdentity, and OperatorsOnly for anybody else."""
    caller = api.caller(app, settings)
    if not caller.sees_all:
        raise OperatorsOnly(
            f"Batches are for operators, and {caller.identity} is none of them: deploy with that "
            "among -c operators=…, or call as somebody who is."
        )
    return caller


def _start(batch_id: str, body: dict[str, Any], caller: Caller) -> Run | None:
    batch = Batch.from_request(
        body, allowed, settings.bucket, settings.max_conversions, caller.identity
    )
    room = room_for(settings.max_running_jobs, settings.max_waiting_jobs)
    run = runs.start(batch_id, batch.to_item(room))
    logger.info(
        "batch begun",
        batch_id=batch_id,
        reader=batch.reader.value,
        dry_run=batch.dry_run,
        conversions=[str(each) for each in batch.conversions],
    )
    return run


def _told(
    run: Run, status: HTTPStatus = HTTPStatus.OK, location: str | None = None
) -> Response[Any]:
    again = POLL_SECONDS if run.status is BatchStatus.RUNNING else None
    return api.answer(batches.to_answer(run), status, location=location, retry_after=again)


handler = api.serve(app)
