"""What computes: an upload's event starts executions, and each runs the converter as a task."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import CfnOutput, Duration, Stack
from constructs import Construct

from conversion.job import OUTPUTS
from conversion.settings import ConverterSettings, StartJobsSettings
from conversion.uploads import PREFIX as UPLOADS
from infra.constructs.cluster import SpotCluster
from infra.constructs.converter_task import ConverterTask
from infra.constructs.flow import ConversionFlow
from infra.constructs.function import PythonFunction
from infra.constructs.network import TaskNetwork
from infra.constructs.permissions import allow
from infra.constructs.upload_queue import UploadQueue
from infra.options import Options
from infra.stacks.storage import StorageStack


class ConversionStack(Stack):
    def __init__(
        self, scope: Construct, id: str, *, options: Options, functions: Path, storage: StorageStack
    ) -> None:
        super().__init__(scope, id, description="Sluice: the conversion of uploaded audio")
        network = TaskNetwork(self, "Network")
        task = self._converter(options, storage)
        flow = ConversionFlow(
            self,
            "Conversion",
            cluster=SpotCluster(self, "Cluster", vpc=network.vpc),
            task=task,
            network=network,
            jobs=storage.jobs,
        )
        self.state_machine = flow.state_machine
        starter = self._starter(options, functions, storage)
        UploadQueue(self, "Arrivals", bucket=storage.bucket, starter=starter)

        CfnOutput(
            self,
            "StateMachineArn",
            value=self.state_machine.state_machine_arn,
            description="Its executions are named by the job they run",
        )

    def _converter(self, options: Options, storage: StorageStack) -> ConverterTask:
        task = ConverterTask(
            self,
            "Converter",
            architecture=options.architecture,
            settings=ConverterSettings(
                bucket=storage.bucket.bucket_name,
                jobs_table=storage.jobs.table_name,
                progress_table=storage.progress.table_name,
                retention_days=options.retention_days,
            ),
        )
        uploads = storage.bucket.arn_for_objects(f"{UPLOADS}*")
        outputs = storage.bucket.arn_for_objects(f"{OUTPUTS}*")
        allow(task.role, ["dynamodb:UpdateItem"], storage.jobs.table_arn)
        allow(task.role, ["dynamodb:UpdateItem"], storage.progress.table_arn)
        # Without ListBucket S3 answers 403 for an object that is gone, where 404 fails the job with
        # the code that says so ("GetObject", Amazon S3 API reference).
        # ListBucketMultipartUploads finds the upload whose opening was done but not answered.
        lists = ["s3:ListBucket", "s3:ListBucketMultipartUploads"]
        allow(task.role, lists, storage.bucket.bucket_arn)
        allow(task.role, ["s3:GetObject"], uploads, outputs)
        # DeleteObject: an attempt that is stopped between its upload and its verdict tidies up.
        writes = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject"]
        allow(task.role, writes, outputs)
        return task

    def _starter(self, options: Options, functions: Path, storage: StorageStack) -> PythonFunction:
        starter = PythonFunction(
            self,
            "StartJobs",
            name="start_jobs",
            code=functions,
            architecture=options.architecture,
            # A batch of ten whose every call meets a store that hangs takes about 90 s. The queue
            # gives an event up after five deliveries six timeouts apart: an hour.
            timeout=Duration.minutes(2),
            settings=StartJobsSettings(
                bucket=storage.bucket.bucket_name,
                uploads_table=storage.uploads.table_name,
                jobs_table=storage.jobs.table_name,
                state_machine_arn=self.state_machine.state_machine_arn,
                default_conversions=options.default_conversions,
                retention_days=options.retention_days,
            ),
        )
        allow(starter.role, ["dynamodb:GetItem"], storage.uploads.table_arn)
        allow(starter.role, ["dynamodb:PutItem"], storage.jobs.table_arn)
        allow(starter.role, ["states:StartExecution"], self.state_machine.state_machine_arn)
        return starter
