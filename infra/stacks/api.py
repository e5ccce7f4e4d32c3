"""What people call: an HTTP API, one function a concern."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import CfnOutput, Duration, Stack
from constructs import Construct

from conversion.job import OUTPUTS
from conversion.settings import (
    CancelJobSettings,
    CreateJobSettings,
    CreateUploadSettings,
    GetJobSettings,
    GetOutputSettings,
    GetProgressSettings,
    Settings,
)
from conversion.stores.jobs import BY_FILE, BY_STATUS
from conversion.uploads import PREFIX as UPLOADS
from infra.constructs.alarms import Alarms
from infra.constructs.function import Functions, Place, PythonFunction
from infra.constructs.http_api import JsonApi
from infra.constructs.permissions import allow, executions_of
from infra.options import Options
from infra.stacks.conversion import ConversionStack
from infra.stacks.life_cycle import LifeCycleStack
from infra.stacks.storage import StorageStack

# API Gateway waits 30 s; with ten, a store that hangs can still be answered for.
_TIMEOUT = Duration.seconds(10)


class ApiStack(Stack):
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        options: Options,
        functions: Path,
        storage: StorageStack,
        conversion: ConversionStack,
        life_cycle: LifeCycleStack,
    ) -> None:
        super().__init__(scope, id, description="Sluice: the HTTP API")
        self._options = options
        self._storage = storage
        self._conversion = conversion
        self._functions = Functions(self, code=functions, architecture=options.architecture)
        api = JsonApi(self, "Api", auth=options.auth)
        api.route(self._create_upload(), "POST /v1/uploads")
        api.route(self._create_job(), "POST /v1/jobs")
        api.route(self._get_job(), "GET /v1/jobs", "GET /v1/jobs/{jobId}")
        api.route(self._cancel_job(), "DELETE /v1/jobs/{jobId}")
        api.route(self._get_progress(), "GET /v1/jobs/{jobId}/progress", "GET /v1/progress")
        made = ("output", "waveform.json", "waveform.png")
        api.route(self._get_output(), *(f"GET /v1/jobs/{{jobId}}/{each}" for each in made))
        api.route(life_cycle.clean_up, "POST /v1/cleanup")
        alarms = Alarms(self, "Alarms", topic=options.alarm_topic)
        alarms.api(api.api)
        alarms.functions({id: each.function for id, each in self._functions.made.items()})

        told = "Routes are below v1/; callers sign with SigV4 unless auth=none"
        CfnOutput(self, "ApiUrl", value=api.url, description=told)

    def _create_upload(self) -> PythonFunction:
        bucket, uploads, jobs = self._storage.bucket, self._storage.uploads, self._storage.jobs
        function = self._function(
            "CreateUpload",
            "create_upload",
            CreateUploadSettings(
                bucket=bucket.bucket_name,
                uploads_table=uploads.table_name,
                jobs_table=jobs.table_name,
                slots_table=self._storage.slots.table_name,
                max_running_jobs=self._options.max_running_jobs,
                max_waiting_jobs=self._options.max_waiting_jobs,
                retention_days=self._options.retention_days,
            ),
        )
        allow(function.role, ["dynamodb:PutItem"], uploads.table_arn)
        self._may_count_waiting(function)
        allow(function.role, ["s3:PutObject"], bucket.arn_for_objects(f"{UPLOADS}*"))
        return function

    def _create_job(self) -> PythonFunction:
        bucket, uploads, jobs = self._storage.bucket, self._storage.uploads, self._storage.jobs
        machine = self._conversion.state_machine
        function = self._function(
            "CreateJob",
            "create_job",
            CreateJobSettings(
                bucket=bucket.bucket_name,
                uploads_table=uploads.table_name,
                jobs_table=jobs.table_name,
                slots_table=self._storage.slots.table_name,
                state_machine_arn=machine.state_machine_arn,
                max_running_jobs=self._options.max_running_jobs,
                max_waiting_jobs=self._options.max_waiting_jobs,
                retention_days=self._options.retention_days,
            ),
        )
        allow(function.role, ["dynamodb:GetItem"], uploads.table_arn)
        allow(function.role, ["dynamodb:PutItem"], jobs.table_arn)
        self._may_count_waiting(function)
        allow(function.role, ["dynamodb:UpdateItem"], self._storage.slots.table_arn)
        allow(function.role, ["s3:GetObject"], bucket.arn_for_objects(f"{UPLOADS}*"))
        # Without it S3 answers 403, not 404, for an object that has not arrived.
        allow(function.role, ["s3:ListBucket"], bucket.bucket_arn)
        allow(function.role, ["states:StartExecution"], machine.state_machine_arn)
        return function

    def _may_count_waiting(self, function: PythonFunction) -> None:
        allow(function.role, ["dynamodb:GetItem"], self._storage.slots.table_arn)
        waiting = f"{self._storage.jobs.table_arn}/index/{BY_STATUS}"
        allow(function.role, ["dynamodb:Query"], waiting)

    def _get_job(self) -> PythonFunction:
        jobs = self._storage.jobs
        function = self._function("GetJob", "get_job", GetJobSettings(jobs_table=jobs.table_name))
        allow(function.role, ["dynamodb:GetItem"], jobs.table_arn)
        allow(function.role, ["dynamodb:Query"], f"{jobs.table_arn}/index/{BY_FILE}")
        return function

    def _cancel_job(self) -> PythonFunction:
        jobs, machine = self._storage.jobs, self._conversion.state_machine
        function = self._function(
            "CancelJob",
            "cancel_job",
            CancelJobSettings(
                jobs_table=jobs.table_name, state_machine_arn=machine.state_machine_arn
            ),
        )
        allow(function.role, ["dynamodb:UpdateItem"], jobs.table_arn)
        stops = ["states:DescribeExecution", "states:StopExecution"]
        allow(function.role, stops, executions_of(machine))
        return function

    def _get_progress(self) -> PythonFunction:
        jobs, progress = self._storage.jobs, self._storage.progress
        function = self._function(
            "GetProgress",
            "get_progress",
            GetProgressSettings(
                jobs_table=jobs.table_name,
                progress_table=progress.table_name,
                redis_host=self._conversion.redis_host,
                redis_port=self._conversion.redis_port,
            ),
            self._conversion.beside_redis,
        )
        allow(function.role, ["dynamodb:BatchGetItem", "dynamodb:GetItem"], jobs.table_arn)
        allow(function.role, ["dynamodb:BatchGetItem"], progress.table_arn)
        return function

    def _get_output(self) -> PythonFunction:
        bucket, jobs = self._storage.bucket, self._storage.jobs
        function = self._function(
            "GetOutput",
            "get_output",
            GetOutputSettings(bucket=bucket.bucket_name, jobs_table=jobs.table_name),
        )
        allow(function.role, ["dynamodb:GetItem"], jobs.table_arn)
        allow(function.role, ["s3:GetObject"], bucket.arn_for_objects(f"{OUTPUTS}*"))
        return function

    def _function(
        self, id: str, name: str, settings: Settings, place: Place | None = None
    ) -> PythonFunction:
        return self._functions.make(id, name, settings, _TIMEOUT, place)
