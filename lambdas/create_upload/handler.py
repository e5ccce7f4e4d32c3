"""POST /v1/uploads: remember what is coming, and sign the one PUT that brings it, or open the parts
it comes in.

When too many jobs wait already, an upload that asks for conversions is refused; one that asks for
none is taken in.

Permissions: Query on the uploads' index byStatus, PutItem and GetItem on uploads; Query on the
jobs' index byStatus; GetItem on slots; PutItem, GetItem, UpdateItem and DeleteItem on idempotency;
PutObject on `uploads/*`, which the signed URL borrows.
"""

from __future__ import annotations

import os
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

from conversion import receiving
from conversion.callers import Caller
from conversion.capacity import refuse_when_full
from conversion.settings import CreateUploadSettings
from conversion.stores import clients
from conversion.stores.incoming import Incoming
from conversion.stores.jobs import Jobs
from conversion.stores.slots import SlotsTable
from conversion.stores.uploads import Uploads
from conversion.uploads import Upload
from lambdas import api, represent
from lambdas.idempotency import Idempotency
from lambdas.observability import logger

settings = CreateUploadSettings.from_env(os.environ)
dynamodb = clients.dynamodb(clients.BRISK)
uploads = Uploads(dynamodb, settings.uploads_table)
jobs = Jobs(dynamodb, settings.jobs_table)
slots = SlotsTable(dynamodb, settings.slots_table, settings.max_running_jobs)
incoming = Incoming(clients.s3(clients.BRISK), settings.bucket)
idempotency = Idempotency(settings.idempotency_table, dynamodb, "POST /v1/uploads")
app = api.resolver()


@app.post("/v1/uploads")
@app.post("/api/upload-audio")
def create_upload() -> Response[Any]:
    caller = api.caller(app, settings)
    made: dict[str, Upload] = {}

    def make(body: dict[str, Any]) -> str:
        upload = _take_in(body, caller)
        made[upload.file_id] = upload
        return upload.file_id

    file_id = idempotency.once(app, caller, api.json_object(app), make)
    upload = made.get(file_id) or receiving.upload_of(file_id, caller, uploads)
    return api.answer(
        represent.upload(upload, receiving.sign_put(upload, incoming, settings.upload_url_seconds)),
        HTTPStatus.CREATED,
        location=f"/v1/uploads/{file_id}",
    )


def _take_in(body: dict[str, Any], caller: Caller) -> Upload:
    upload = Upload.from_request(
        body,
        settings.max_upload_bytes,
        settings.retention_days,
        settings.max_conversions,
        caller.identity,
    )
    if upload.conversions:
        refuse_when_full(jobs, slots, settings.max_waiting_jobs)
    upload = receiving.expect(upload, uploads, incoming, settings.max_open_uploads)
    logger.info(
        "upload asked for",
        file_id=upload.file_id,
        bytes=upload.bytes,
        parts=upload.cut.count,
        conversions=[str(each) for each in upload.conversions],
    )
    return upload


handler = api.serve(app)
