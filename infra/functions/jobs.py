"""The functions that make jobs, show them, and end them."""

from __future__ import annotations

from conversion.settings import (
    CancelJobSettings,
    CreateJobSettings,
    GetJobSettings,
    GetOutputSettings,
    GetProgressSettings,
)
from conversion.stores.job_indexes import BY_FILE, BY_OWNER, BY_STATUS
from infra.constructs.function import PythonFunction
from infra.constructs.permissions import allow, executions_of
from infra.functions.around import Around


def create_job(around: Around) -> PythonFunction:
    storage, options = around.storage, around.options
    machine = around.conversion.state_machine
    function = around.make(
        "CreateJob",
        "create_job",
        CreateJobSettings(
            bucket=storage.bucket.bucket_name,
            uploads_table=storage.uploads.table_name,
            jobs_table=storage.jobs.table_name,
            slots_table=storage.slots.table_name,
            idempotency_table=storage.idempotency.table_name,
            state_machine_arn=machine.state_machine_arn,
            max_running_jobs=options.max_running_jobs,
            max_waiting_jobs=options.max_waiting_jobs,
            retention_days=options.retention_days,
            **options.task_settings(),
            auth=around.options.auth,
            operators=around.operators,
        ),
    )
    allow(function.role, ["dynamodb:GetItem"], storage.uploads.table_arn)
    allow(function.role, ["dynamodb:GetItem", "dynamodb:PutItem"], storage.jobs.table_arn)
    around.may_count_waiting(function)
    around.may_remember_requests(function)
    allow(function.role, ["dynamodb:UpdateItem"], storage.slots.table_arn)
    allow(function.role, ["s3:GetObject"], around.uploaded)
    # Without it S3 answers 403, not 404, for an object that has not arrived.
    allow(function.role, ["s3:ListBucket"], storage.bucket.bucket_arn)
    allow(function.role, ["states:StartExecution"], machine.state_machine_arn)
    return function


def get_job(around: Around) -> PythonFunction:
    jobs = around.storage.jobs
    settings = GetJobSettings(
        jobs_table=jobs.table_name, auth=around.options.auth, operators=around.operators
    )
    function = around.make("GetJob", "get_job", settings)
    allow(function.role, ["dynamodb:GetItem"], jobs.table_arn)
    indexes = (jobs.index_arn(each.name) for each in (BY_FILE, BY_OWNER, BY_STATUS))
    allow(function.role, ["dynamodb:Query"], *indexes)
    return function


def cancel_job(around: Around) -> PythonFunction:
    jobs, machine = around.storage.jobs, around.conversion.state_machine
    function = around.make(
        "CancelJob",
        "cancel_job",
        CancelJobSettings(
            jobs_table=jobs.table_name,
            state_machine_arn=machine.state_machine_arn,
            auth=around.options.auth,
            operators=around.operators,
        ),
    )
    allow(function.role, ["dynamodb:GetItem", "dynamodb:UpdateItem"], jobs.table_arn)
    stops = ["states:DescribeExecution", "states:StopExecution"]
    allow(function.role, stops, executions_of(machine))
    return function


def get_progress(around: Around) -> PythonFunction:
    storage, conversion = around.storage, around.conversion
    function = around.make(
        "GetProgress",
        "get_progress",
        GetProgressSettings(
            jobs_table=storage.jobs.table_name,
            progress_table=storage.progress.table_name,
            redis_host=conversion.redis_host,
            redis_port=conversion.redis_port,
            auth=around.options.auth,
            operators=around.operators,
        ),
        conversion.beside_redis,
    )
    reads = ["dynamodb:BatchGetItem", "dynamodb:GetItem"]
    allow(function.role, reads, storage.jobs.table_arn)
    allow(function.role, ["dynamodb:BatchGetItem"], storage.progress.table_arn)
    return function


def get_output(around: Around) -> PythonFunction:
    bucket, jobs = around.storage.bucket, around.storage.jobs
    settings = GetOutputSettings(
        bucket=bucket.bucket_name,
        jobs_table=jobs.table_name,
        download_url_seconds=around.options.url_seconds,
        auth=around.options.auth,
        operators=around.operators,
    )
    function = around.make("GetOutput", "get_output", settings)
    allow(function.role, ["dynamodb:GetItem", "dynamodb:UpdateItem"], jobs.table_arn)
    allow(function.role, ["s3:GetObject"], bucket.converted)
    return function
