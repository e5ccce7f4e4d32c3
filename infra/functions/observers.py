"""The functions that tell of the deployment: a job's story, its health, and what it can do."""

from __future__ import annotations

from conversion.settings import CheckHealthSettings, DescribeApiSettings, GetHistorySettings
from conversion.stores.job_indexes import BY_STATUS
from conversion.stores.uploads import BY_STATUS as UPLOADS_BY_STATUS
from infra.constructs.function import PythonFunction
from infra.constructs.permissions import allow, anywhere, executions_of
from infra.functions.around import Around


def get_history(around: Around) -> PythonFunction:
    jobs, conversion = around.storage.jobs, around.conversion
    logs = conversion.converter.logs
    function = around.make(
        "GetHistory",
        "get_history",
        GetHistorySettings(
            jobs_table=jobs.table_name,
            state_machine_arn=conversion.state_machine.state_machine_arn,
            converter_logs=logs.log_group_name,
            auth=around.options.auth,
            operators=around.operators,
        ),
    )
    allow(function.role, ["dynamodb:GetItem"], jobs.table_arn)
    looks = ["states:DescribeExecution", "states:GetExecutionHistory"]
    allow(function.role, looks, executions_of(conversion.state_machine))
    allow(function.role, ["logs:FilterLogEvents"], logs.log_group_arn)
    return function


def check_health(around: Around, redis_reader: PythonFunction) -> PythonFunction:
    """`redis_reader` is beside Redis, where there is one."""
    storage, conversion, options = around.storage, around.conversion, around.options
    has_redis = conversion.beside_redis is not None
    function = around.make(
        "CheckHealth",
        "check_health",
        CheckHealthSettings(
            bucket=storage.bucket.bucket_name,
            uploads_table=storage.uploads.table_name,
            jobs_table=storage.jobs.table_name,
            progress_table=storage.progress.table_name,
            slots_table=storage.slots.table_name,
            state_machine_arn=conversion.state_machine.state_machine_arn,
            cluster=conversion.cluster.cluster_arn,
            # Not its ARN: each revision has another, and what one stack imports of another cannot
            # change.
            task_definition=conversion.converter.definition.family,
            redis_reader=redis_reader.function.function_name if has_redis else "",
            max_open_uploads=options.max_open_uploads,
            max_running_jobs=options.max_running_jobs,
            max_waiting_jobs=options.max_waiting_jobs,
        ),
    )
    allow(function.role, ["s3:ListBucket"], storage.bucket.bucket_arn)
    tables = (storage.jobs, storage.progress, storage.uploads, storage.slots)
    allow(function.role, ["dynamodb:BatchGetItem"], *(each.table_arn for each in tables))
    allow(function.role, ["dynamodb:GetItem"], storage.slots.table_arn)
    counted = storage.jobs.index_arn(BY_STATUS.name), storage.uploads.index_arn(UPLOADS_BY_STATUS)
    allow(function.role, ["dynamodb:Query"], *counted)
    machine = conversion.state_machine.state_machine_arn
    allow(function.role, ["states:DescribeStateMachine"], machine)
    allow(function.role, ["ecs:DescribeClusters"], conversion.cluster.cluster_arn)
    said = anywhere('"Actions defined by Amazon ECS": it supports no resource types.')
    allow(function.role, ["ecs:DescribeTaskDefinition"], said)
    if has_redis:
        reader = redis_reader.function.function_arn
        allow(function.role, ["lambda:InvokeFunction"], reader)
    return function


def describe_api(around: Around) -> PythonFunction:
    """It needs nothing but its own code."""
    options = around.options
    return around.make(
        "DescribeApi",
        "describe_api",
        DescribeApiSettings(
            max_upload_bytes=options.max_upload_bytes,
            max_conversions=options.max_conversions,
            retention_days=options.retention_days,
        ),
    )
