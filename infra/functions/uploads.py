"""The functions that take files in."""

from __future__ import annotations

from aws_cdk import Duration

from conversion.settings import CreateUploadSettings, ReceiveUploadSettings
from conversion.stores.uploads import BY_STATUS
from infra.constructs.function import PythonFunction
from infra.constructs.permissions import allow
from infra.functions.around import Around

# S3 takes its time to join the parts of a large file: as long as API Gateway waits, less a second.
_JOINING = Duration.seconds(29)


def create_upload(around: Around) -> PythonFunction:
    storage, options = around.storage, around.options
    function = around.make(
        "CreateUpload",
        "create_upload",
        CreateUploadSettings(
            bucket=storage.bucket.bucket_name,
            uploads_table=storage.uploads.table_name,
            jobs_table=storage.jobs.table_name,
            slots_table=storage.slots.table_name,
            idempotency_table=storage.idempotency.table_name,
            max_upload_bytes=options.max_upload_bytes,
            max_conversions=options.max_conversions,
            max_open_uploads=options.max_open_uploads,
            upload_url_seconds=options.url_seconds,
            max_running_jobs=options.max_running_jobs,
            max_waiting_jobs=options.max_waiting_jobs,
            retention_days=options.retention_days,
            auth=around.options.auth,
            operators=around.operators,
        ),
    )
    writes = ["dynamodb:GetItem", "dynamodb:PutItem"]
    allow(function.role, writes, storage.uploads.table_arn)
    allow(function.role, ["dynamodb:Query"], storage.uploads.index_arn(BY_STATUS))
    around.may_count_waiting(function)
    around.may_remember_requests(function)
    allow(function.role, ["s3:PutObject"], around.uploaded)
    return function


def receive_upload(around: Around) -> PythonFunction:
    storage, options = around.storage, around.options
    function = around.make(
        "ReceiveUpload",
        "receive_upload",
        ReceiveUploadSettings(
            bucket=storage.bucket.bucket_name,
            uploads_table=storage.uploads.table_name,
            upload_url_seconds=options.url_seconds,
            retention_days=options.retention_days,
            auth=around.options.auth,
            operators=around.operators,
        ),
        timeout=_JOINING,
    )
    allow(function.role, ["dynamodb:GetItem", "dynamodb:UpdateItem"], storage.uploads.table_arn)
    on_objects = (
        "AbortMultipartUpload",
        "DeleteObject",
        "GetObject",
        "ListMultipartUploadParts",
        "PutObject",
    )
    allow(function.role, [f"s3:{each}" for each in on_objects], around.uploaded)
    # Without it S3 answers 403, not 404, for an object that has not arrived.
    allow(function.role, ["s3:ListBucket"], storage.bucket.bucket_arn)
    return function
