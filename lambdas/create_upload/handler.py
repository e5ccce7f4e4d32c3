"""POST /v1/uploads: remember what is coming, and sign the one PUT that brings it.

When too many jobs wait already, an upload that asks for conversions is refused; one that asks for
none is taken in.

Permissions: PutItem on uploads; Query on the jobs' index byStatus; GetItem on slots; PutObject on
`uploads/*`, which the signed URL borrows.
"""

from __future__ import annotations

import os
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

from conversion.capacity import refuse_when_full
from conversion.settings import CreateUploadSettings
from conversion.stores import clients
from conversion.stores.jobs import Jobs
from conversion.stores.objects import Objects
from conversion.stores.slots import SlotsTable
from conversion.stores.uploads import Uploads
from conversion.uploads import Upload
from lambdas import api, represent
from lambdas.observability import logger

settings = CreateUploadSettings.from_env(os.environ)
dynamodb = clients.dynamodb(clients.BRISK)
uploads = Uploads(dynamodb, settings.uploads_table)
jobs = Jobs(dynamodb, settings.jobs_table)
slots = SlotsTable(dynamodb, settings.slots_table, settings.max_running_jobs)
objects = Objects(clients.s3(clients.BRISK), settings.bucket)
app = api.resolver()


@app.post("/v1/uploads")
def create_upload() -> Response[Any]:
    upload = Upload.from_request(
        api.json_object(app), settings.max_upload_bytes, settings.retention_days
    )
    if upload.conversions:
        refuse_when_full(jobs, slots, settings.max_waiting_jobs)
    uploads.put(upload)
    signed = objects.presign_put(
        upload.key, upload.bytes, upload.media_type, settings.upload_url_seconds
    )
    logger.info(
        "upload asked for",
        file_id=upload.file_id,
        bytes=upload.bytes,
        conversions=[str(each) for each in upload.conversions],
    )
    return api.answer(
        represent.upload(upload, signed),
        HTTPStatus.CREATED,
        location=f"/v1/uploads/{upload.file_id}",
    )


handler = api.serve(app)
