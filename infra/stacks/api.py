"""What people call: an HTTP API, one function a concern."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from conversion.job import OUTPUTS
from conversion.settings import (
    CreateJobSettings,
    CreateUploadSettings,
    GetJobSettings,
    GetOutputSettings,
    GetProgressSettings,
    Settings,
)
from conversion.stores.jobs import BY_FILE
from conversion.uploads import PREFIX as UPLOADS
from infra.constructs.function import PythonFunction
from infra.constructs.http_api import JsonApi
from infra.constructs.permissions import allow
from infra.options import Options
from infra.stacks.storage import StorageStack


class ApiStack(Stack):
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        options: Options,
        functions: Path,
        storage: StorageStack,
        state_machine: sfn.StateMachine,
    ) -> None:
        super().__init__(scope, id, description="Sluice: the HTTP API")
        self._options = options
        self._functions = functions
        self._storage = storage
        api = JsonApi(self, "Api", auth=options.auth)
        api.route(self._create_upload(), "POST /v1/uploads")
        api.route(self._create_job(state_machine), "POST /v1/jobs")
        api.route(self._get_job(), "GET /v1/jobs", "GET /v1/jobs/{jobId}")
        api.route(self._get_progress(), "GET /v1/jobs/{jobId}/progress")
        made = ("output", "waveform.json", "waveform.png")
        api.route(self._get_output(), *(f"GET /v1/jobs/{{jobId}}/{each}" for each in made))

        told = "Routes are below v1/; callers sign with SigV4 unless auth=none"
        CfnOutput(self, "ApiUrl", value=api.url, description=told)

    def _create_upload(self) -> PythonFunction:
        bucket, uploads = self._storage.bucket, self._storage.uploads
        function = self._function(
            "CreateUpload",
            "create_upload",
            CreateUploadSettings(
                bucket=bucket.bucket_name,
                uploads_table=uploads.table_name,
                retention_days=self._options.retention_days,
            ),
        )
        allow(function.role, ["dynamodb:PutItem"], uploads.table_arn)
        allow(function.role, ["s3:PutObject"], bucket.arn_for_objects(f"{UPLOADS}*"))
        return function

    def _create_job(self, state_machine: sfn.StateMachine) -> PythonFunction:
        bucket, uploads, jobs = self._storage.bucket, self._storage.uploads, self._storage.jobs
        function = self._function(
            "CreateJob",
            "create_job",
            CreateJobSettings(
                bucket=bucket.bucket_name,
                uploads_table=uploads.table_name,
                jobs_table=jobs.table_name,
                state_machine_arn=state_machine.state_machine_arn,
                retention_days=self._options.retention_days,
            ),
        )
        allow(function.role, ["dynamodb:GetItem"], uploads.table_arn)
        allow(function.role, ["dynamodb:PutItem"], jobs.table_arn)
        allow(function.role, ["s3:GetObject"], bucket.arn_for_objects(f"{UPLOADS}*"))
        # Without it S3 answers 403, not 404, for an object that has not arrived.
        allow(function.role, ["s3:ListBucket"], bucket.bucket_arn)
        allow(function.role, ["states:StartExecution"], state_machine.state_machine_arn)
        return function

    def _get_job(self) -> PythonFunction:
        jobs = self._storage.jobs
        function = self._function("GetJob", "get_job", GetJobSettings(jobs_table=jobs.table_name))
        allow(function.role, ["dynamodb:GetItem"], jobs.table_arn)
        allow(function.role, ["dynamodb:Query"], f"{jobs.table_arn}/index/{BY_FILE}")
        return function

    def _get_progress(self) -> PythonFunction:
        jobs, progress = self._storage.jobs, self._storage.progress
        function = self._function(
            "GetProgress",
            "get_progress",
            GetProgressSettings(jobs_table=jobs.table_name, progress_table=progress.table_name),
        )
        allow(function.role, ["dynamodb:GetItem"], jobs.table_arn)
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

    def _function(self, id: str, name: str, settings: Settings) -> PythonFunction:
        return PythonFunction(
            self,
            id,
            name=name,
            code=self._functions,
            architecture=self._options.architecture,
            settings=settings,
            timeout=Duration.seconds(10),
        )
