"""The way of a file that was asked for: how far it is, signing and listing its parts, and its end.

GET and DELETE /v1/uploads/{fileId}; POST, GET and PUT …/parts; POST …/complete. The bytes go to S3
by the URLs that are signed here, and can be signed again as often as they expire.

Permissions: GetItem and UpdateItem on uploads; PutObject, GetObject, DeleteObject,
AbortMultipartUpload and ListMultipartUploadParts on `uploads/*`, and ListBucket (without it S3
answers 403, not 404, for an object that has not arrived).
"""

from __future__ import annotations

import os
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

from conversion import receiving
from conversion.errors import InvalidRequest
from conversion.fields import object_of
from conversion.settings import ReceiveUploadSettings
from conversion.stores import clients
from conversion.stores.incoming import Incoming
from conversion.stores.uploads import Uploads
from conversion.uploads import Upload, UploadStatus
from lambdas import api, represent
from lambdas.observability import logger
from lambdas.problems import POLL_SECONDS

settings = ReceiveUploadSettings.from_env(os.environ)
uploads = Uploads(clients.dynamodb(clients.BRISK), settings.uploads_table)
incoming = Incoming(clients.s3(clients.BRISK), settings.bucket, clients.s3(clients.JOINING))
app = api.resolver()


@app.get("/v1/uploads/<file_id>")
def get_upload(file_id: str) -> Response[Any]:
    return _told(receiving.look(_own(file_id), uploads, incoming, settings.retention_days))


@app.get("/api/upload-progress")
def get_upload_progress() -> Response[Any]:
    file_id = api.query(app, "fileId")
    if file_id is None:
        raise InvalidRequest("Say which upload: GET /api/upload-progress?fileId=<the file's id>.")
    return get_upload(file_id)


@app.post("/v1/uploads/<file_id>/parts")
def sign_parts(file_id: str) -> Response[Any]:
    numbers = _asked(api.json_object(app))
    signed = receiving.sign_parts(_own(file_id), numbers, incoming, settings.upload_url_seconds)
    return api.answer({"parts": [represent.signed_part(each) for each in signed]})


@app.put("/v1/uploads/<file_id>/parts/<number>")
def acknowledge_part(file_id: str, number: str) -> Response[Any]:
    if not (number.isascii() and number.isdecimal() and len(number) <= _MOST_DIGITS):
        raise InvalidRequest("The part's number is a whole number, from 1 on.")
    return _told(receiving.acknowledge(_own(file_id), int(number), uploads))


@app.get("/v1/uploads/<file_id>/parts")
def list_parts(file_id: str) -> Response[Any]:
    parts = receiving.parts_of(_own(file_id), uploads, incoming, settings.retention_days)
    return api.answer(represent.upload_parts(parts))


@app.post("/v1/uploads/<file_id>/complete")
def complete_upload(file_id: str) -> Response[Any]:
    upload = receiving.complete(_own(file_id), uploads, incoming, settings.retention_days)
    logger.info("upload completed", bytes=upload.bytes)
    return _told(upload)


@app.delete("/v1/uploads/<file_id>")
def abort_upload(file_id: str) -> Response[Any]:
    receiving.abort(_own(file_id), uploads, incoming, settings.retention_days)
    logger.info("upload aborted")
    return api.answer(None, HTTPStatus.NO_CONTENT)


def _own(file_id: str) -> Upload:
    logger.append_keys(file_id=file_id)
    return receiving.upload_of(file_id, api.caller(app, settings), uploads)


def _told(upload: Upload) -> Response[Any]:
    signed = receiving.sign_put(upload, incoming, settings.upload_url_seconds)
    uploading = upload.status is UploadStatus.UPLOADING
    return api.answer(
        represent.upload(upload, signed), retry_after=POLL_SECONDS if uploading else None
    )


_MOST_DIGITS = 5


def _asked(body: dict[str, Any]) -> list[int]:
    """Read `{partNumbers}`."""
    numbers = object_of(body, "What to sign", ("partNumbers",)).get("partNumbers")
    if not isinstance(numbers, list) or not 1 <= len(numbers) <= receiving.MOST_SIGNED:
        raise InvalidRequest(
            f'"partNumbers" is a list of 1 to {receiving.MOST_SIGNED} numbers of parts.'
        )
    if any(isinstance(each, bool) or not isinstance(each, int) for each in numbers):
        raise InvalidRequest('"partNumbers" are whole numbers, from 1 on.')
    return numbers


handler = api.serve(app)
