"""The functions of a batch: the one that people call, and those that its state machine invokes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aws_cdk import Duration

from conversion.batches.sources import Place
from conversion.settings import (
    FeedBatchSettings,
    ManageBatchesSettings,
    SumUpBatchSettings,
    WatchBatchSettings,
)
from conversion.stores.job_indexes import BY_FILE, BY_STATUS
from infra.constructs.batch_flow import BatchFlow, BatchSteps, allow_listing, allow_reading
from infra.constructs.function import Functions, PythonFunction
from infra.constructs.permissions import allow, executions_of
from infra.functions.around import TIMEOUT, may_remember_requests, operators
from infra.options import Options
from infra.stacks.conversion import ConversionStack
from infra.stacks.storage import StorageStack

# As long as a function may take: to copy ten files of 5 GiB within S3, or to read the results of a
# million.
_LONGEST = Duration.minutes(15)


@dataclass(frozen=True)
class AroundBatches:
    options: Options
    storage: StorageStack
    conversion: ConversionStack
    functions: Functions

    @property
    def sources(self) -> list[Place]:
        return [Place.from_option(each) for each in self.options.batch_sources]

    @property
    def limits(self) -> dict[str, Any]:
        return {
            "batch_sources": ",".join(self.options.batch_sources),
            "max_running_jobs": self.options.max_running_jobs,
            "max_waiting_jobs": self.options.max_waiting_jobs,
        }


def steps(around: AroundBatches) -> BatchSteps:
    return BatchSteps(_feed(around), _watch(around), _sum_up(around))


def manage_batches(around: AroundBatches, flow: BatchFlow) -> PythonFunction:
    storage, machine = around.storage, flow.state_machine
    function = around.functions.make(
        "ManageBatches",
        "manage_batches",
        ManageBatchesSettings(
            bucket=storage.bucket.bucket_name,
            idempotency_table=storage.idempotency.table_name,
            batch_machine_arn=machine.state_machine_arn,
            max_conversions=around.options.max_conversions,
            auth=around.options.auth,
            operators=operators(around.options),
            **around.limits,
        ),
        TIMEOUT,
    )
    may_remember_requests(storage, function)
    allow(function.role, ["states:StartExecution"], machine.state_machine_arn)
    looks = ["states:DescribeExecution", "states:ListMapRuns", "states:StopExecution"]
    allow(function.role, looks, executions_of(machine))
    allow(function.role, ["states:DescribeMapRun"], flow.map_runs)
    return function


def _feed(around: AroundBatches) -> PythonFunction:
    storage, machine = around.storage, around.conversion.state_machine
    function = around.functions.make(
        "FeedBatch",
        "feed_batch",
        FeedBatchSettings(
            bucket=storage.bucket.bucket_name,
            uploads_table=storage.uploads.table_name,
            jobs_table=storage.jobs.table_name,
            slots_table=storage.slots.table_name,
            state_machine_arn=machine.state_machine_arn,
            max_upload_bytes=around.options.max_upload_bytes,
            retention_days=around.options.retention_days,
            **around.limits,
            **around.options.task_settings(),
        ),
        _LONGEST,
    )
    writes = [f"dynamodb:{each}Item" for each in ("Get", "Put", "Update")]
    allow(function.role, writes, storage.uploads.table_arn)
    allow(function.role, ["dynamodb:GetItem", "dynamodb:PutItem"], storage.jobs.table_arn)
    indexes = (storage.jobs.index_arn(each.name) for each in (BY_FILE, BY_STATUS))
    allow(function.role, ["dynamodb:Query"], *indexes)
    allow(function.role, ["dynamodb:GetItem", "dynamodb:UpdateItem"], storage.slots.table_arn)
    allow(function.role, ["s3:GetObject", "s3:PutObject"], storage.bucket.uploaded)
    allow(function.role, ["s3:ListBucket"], storage.bucket.bucket_arn)
    allow(function.role, ["states:StartExecution"], machine.state_machine_arn)
    allow_listing(function.role, around.sources)
    allow_reading(function.role, around.sources)
    return function


def _watch(around: AroundBatches) -> PythonFunction:
    jobs = around.storage.jobs
    settings = WatchBatchSettings(jobs_table=jobs.table_name)
    function = around.functions.make("WatchBatch", "watch_batch", settings, Duration.minutes(1))
    allow(function.role, ["dynamodb:BatchGetItem"], jobs.table_arn)
    return function


def _sum_up(around: AroundBatches) -> PythonFunction:
    bucket = around.storage.bucket
    settings = SumUpBatchSettings(bucket=bucket.bucket_name)
    function = around.functions.make("SumUpBatch", "sum_up_batch", settings, _LONGEST)
    allow(function.role, ["s3:GetObject"], bucket.batches)
    # Without it S3 answers 403, not 404, where there is no manifest of results.
    allow(function.role, ["s3:ListBucket"], bucket.bucket_arn)
    return function
