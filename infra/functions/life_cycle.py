"""The functions that keep the records true."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_events as events

from conversion.settings import (
    CleanUpSettings,
    DeliverWebhookSettings,
    FollowJobsSettings,
    RecoverJobsSettings,
    Settings,
)
from conversion.stores.job_indexes import BY_FILE, BY_LEAVING, BY_STATUS
from infra.constructs.function import PythonFunction
from infra.constructs.permissions import allow, executions_of, tasks_in
from infra.constructs.webhooks import Webhooks
from infra.functions.around import Around


def follow_tasks(around: Around) -> PythonFunction:
    return around.functions.make("FollowTasks", "follow_tasks", Settings(), Duration.seconds(10))


def follow_jobs(around: Around, bus: events.IEventBus) -> PythonFunction:
    storage, machine = around.storage, around.conversion.state_machine
    function = around.functions.make(
        "FollowJobs",
        "follow_jobs",
        FollowJobsSettings(
            bucket=storage.bucket.bucket_name,
            jobs_table=storage.jobs.table_name,
            progress_table=storage.progress.table_name,
            slots_table=storage.slots.table_name,
            state_machine_arn=machine.state_machine_arn,
            event_bus=bus.event_bus_name,
            max_running_jobs=around.options.max_running_jobs,
            **around.options.task_settings(),
        ),
        Duration.minutes(2),
    )
    _may_start(around, function)
    _may_clear_outputs(around, function)
    progress = ["dynamodb:DeleteItem", "dynamodb:GetItem"]
    allow(function.role, progress, storage.progress.table_arn)
    allow(function.role, ["dynamodb:UpdateItem"], storage.jobs.table_arn)
    allow(function.role, ["events:PutEvents"], bus.event_bus_arn)
    return function


def recover_jobs(around: Around) -> PythonFunction:
    storage, conversion = around.storage, around.conversion
    function = around.functions.make(
        "RecoverJobs",
        "recover_jobs",
        RecoverJobsSettings(
            bucket=storage.bucket.bucket_name,
            uploads_table=storage.uploads.table_name,
            jobs_table=storage.jobs.table_name,
            progress_table=storage.progress.table_name,
            slots_table=storage.slots.table_name,
            state_machine_arn=conversion.state_machine.state_machine_arn,
            cluster=conversion.cluster.cluster_arn,
            default_conversions=around.options.default_conversions,
            max_running_jobs=around.options.max_running_jobs,
            retention_days=around.options.retention_days,
            **around.options.task_settings(),
        ),
        Duration.minutes(5),
    )
    _may_start(around, function)
    machine, executions = conversion.state_machine, executions_of(conversion.state_machine)
    finds = ["dynamodb:GetItem", "dynamodb:UpdateItem"]
    allow(function.role, finds, storage.uploads.table_arn)
    jobs = storage.jobs.table_arn
    writes = ["dynamodb:PutItem", "dynamodb:UpdateItem"]
    allow(function.role, ["dynamodb:BatchGetItem", *writes], jobs)
    allow(function.role, ["dynamodb:Query"], storage.jobs.index_arn(BY_FILE.name))
    allow(function.role, ["dynamodb:BatchGetItem"], storage.progress.table_arn)
    looks = ["states:DescribeExecution", "states:GetExecutionHistory"]
    allow(function.role, [*looks, "states:StopExecution"], executions)
    allow(function.role, ["states:ListExecutions"], machine.state_machine_arn)
    allow(function.role, ["ecs:StopTask"], tasks_in(conversion.cluster))
    lists = ["s3:ListBucket", "s3:ListBucketMultipartUploads"]
    allow(function.role, lists, storage.bucket.bucket_arn)
    allow(function.role, ["s3:AbortMultipartUpload"], storage.bucket.converted)
    return function


def clean_up(around: Around) -> PythonFunction:
    storage = around.storage
    function = around.functions.make(
        "CleanUp",
        "clean_up",
        CleanUpSettings(
            bucket=storage.bucket.bucket_name,
            uploads_table=storage.uploads.table_name,
            jobs_table=storage.jobs.table_name,
            progress_table=storage.progress.table_name,
            retention_days=around.options.retention_days,
        ),
        Duration.minutes(15),
    )
    removes = ["dynamodb:DeleteItem", "dynamodb:GetItem"]
    jobs = storage.jobs.table_arn
    allow(function.role, ["dynamodb:BatchGetItem", *removes], jobs)
    indexes = (storage.jobs.index_arn(each.name) for each in (BY_FILE, BY_LEAVING, BY_STATUS))
    allow(function.role, ["dynamodb:Query"], *indexes)
    allow(function.role, removes, storage.uploads.table_arn)
    allow(function.role, ["dynamodb:DeleteItem"], storage.progress.table_arn)
    _may_clear_outputs(around, function)
    # GetObject, because a delete on the condition that nobody has written the object anew reads
    # what it is ("Deleting objects with conditional requests", S3 user guide).
    clears = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject"]
    allow(function.role, clears, storage.bucket.uploaded)
    return function


def deliver_webhook(around: Around, webhooks: Webhooks) -> PythonFunction:
    function = around.functions.make(
        "DeliverWebhook",
        "deliver_webhook",
        DeliverWebhookSettings(
            webhook_url=around.options.webhook_url,
            webhook_secret_arn=webhooks.secret.secret_arn,
            queue_url=webhooks.queue.queue_url,
        ),
        webhooks.timeout,
    )
    allow(function.role, ["secretsmanager:GetSecretValue"], webhooks.secret.secret_arn)
    allow(function.role, ["sqs:ChangeMessageVisibility"], webhooks.queue.queue_arn)
    return function


def _may_start(around: Around, function: PythonFunction) -> None:
    storage, machine = around.storage, around.conversion.state_machine
    allow(function.role, ["dynamodb:GetItem"], storage.jobs.table_arn)
    allow(function.role, ["dynamodb:Query"], storage.jobs.index_arn(BY_STATUS.name))
    allow(function.role, ["dynamodb:GetItem", "dynamodb:UpdateItem"], storage.slots.table_arn)
    allow(function.role, ["states:StartExecution"], machine.state_machine_arn)


def _may_clear_outputs(around: Around, function: PythonFunction) -> None:
    bucket = around.storage.bucket
    lists = ["s3:ListBucket", "s3:ListBucketMultipartUploads"]
    allow(function.role, lists, bucket.bucket_arn)
    clears = ["s3:AbortMultipartUpload", "s3:DeleteObject"]
    allow(function.role, clears, bucket.converted)
