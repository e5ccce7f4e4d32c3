"""The functions that start executions, and end one."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_stepfunctions as sfn

from conversion.settings import Settings, StartJobsSettings
from infra.constructs.function import Functions, PythonFunction
from infra.constructs.permissions import allow
from infra.options import Options
from infra.stacks.storage import StorageStack


def fail_execution(functions: Functions) -> PythonFunction:
    return functions.make("FailExecution", "fail_execution", Settings(), Duration.seconds(10))


def start_jobs(
    functions: Functions, options: Options, storage: StorageStack, machine: sfn.StateMachine
) -> PythonFunction:
    starter = functions.make(
        "StartJobs",
        "start_jobs",
        StartJobsSettings(
            bucket=storage.bucket.bucket_name,
            uploads_table=storage.uploads.table_name,
            jobs_table=storage.jobs.table_name,
            slots_table=storage.slots.table_name,
            state_machine_arn=machine.state_machine_arn,
            default_conversions=options.default_conversions,
            max_running_jobs=options.max_running_jobs,
            retention_days=options.retention_days,
            **options.task_settings(),
        ),
        # A batch of ten whose every call meets a store that hangs takes about 90 s. The queue gives
        # an event up after five deliveries six timeouts apart: an hour.
        Duration.minutes(2),
    )
    allow(starter.role, ["dynamodb:GetItem", "dynamodb:UpdateItem"], storage.uploads.table_arn)
    allow(starter.role, ["dynamodb:GetItem", "dynamodb:PutItem"], storage.jobs.table_arn)
    allow(starter.role, ["dynamodb:UpdateItem"], storage.slots.table_arn)
    allow(starter.role, ["states:StartExecution"], machine.state_machine_arn)
    return starter
