"""What computes: an upload's event starts executions, and each runs the converter as a task."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import CfnOutput, Duration, Stack
from constructs import Construct

from conversion.job import OUTPUTS
from conversion.settings import ConverterSettings, Settings, StartJobsSettings
from conversion.uploads import PREFIX as UPLOADS
from infra.constructs.alarms import Alarms
from infra.constructs.cache import ProgressCache
from infra.constructs.cluster import SpotCluster
from infra.constructs.converter_task import ConverterTask
from infra.constructs.flow import ConversionFlow
from infra.constructs.function import Functions, Place, PythonFunction
from infra.constructs.network import TaskNetwork
from infra.constructs.permissions import allow
from infra.constructs.upload_queue import UploadQueue
from infra.options import Options, ProgressStore
from infra.stacks.storage import StorageStack


class ConversionStack(Stack):
    """With `progressStore=redis` there are an address of Redis, and a place for who reads it. The
    API stack imports the place: to go back to `dynamodb`, deploy that stack alone first
    (`--exclusively`), because what is still imported cannot be removed."""

    redis_host: str = ConverterSettings.redis_host
    redis_port: int = ConverterSettings.redis_port
    beside_redis: Place | None = None

    def __init__(
        self, scope: Construct, id: str, *, options: Options, functions: Path, storage: StorageStack
    ) -> None:
        super().__init__(scope, id, description="Sluice: the conversion of uploaded audio")
        self._options = options
        self._storage = storage
        self._functions = Functions(self, code=functions, architecture=options.architecture)
        self.network = TaskNetwork(
            self, "Network", with_cache=options.progress_store is ProgressStore.REDIS
        )
        if options.progress_store is ProgressStore.REDIS:
            self._add_cache()
        self.cluster = SpotCluster(self, "Cluster", vpc=self.network.vpc)
        self.converter = self._converter()
        flow = ConversionFlow(
            self,
            "Conversion",
            cluster=self.cluster,
            task=self.converter,
            network=self.network,
            jobs=storage.jobs,
            fail_execution=self._fail_execution(),
        )
        self.state_machine = flow.state_machine
        starter = self._starter()
        arrivals = UploadQueue(self, "Arrivals", bucket=storage.bucket, starter=starter)
        alarms = Alarms(self, "Alarms", topic=options.alarm_topic)
        alarms.dead_letters({"Arrivals": arrivals.dead_letters})
        alarms.backlog(arrivals.queue)
        # Not of fail_execution, which does nothing but raise.
        alarms.functions({"StartJobs": starter.function})
        alarms.executions(self.state_machine)

        CfnOutput(
            self,
            "StateMachineArn",
            value=self.state_machine.state_machine_arn,
            description="Its executions are named by the job they run",
        )

    def _add_cache(self) -> None:
        vpc, subnets = self.network.vpc, self.network.cache_subnets
        cache = ProgressCache(
            self, "Cache", vpc=vpc, subnets=subnets, writers=self.network.security_group
        )
        self.redis_host, self.redis_port = cache.host, cache.port
        self.beside_redis = Place(vpc, subnets, cache.readers)

    def _converter(self) -> ConverterTask:
        bucket, jobs, progress = self._storage.bucket, self._storage.jobs, self._storage.progress
        task = ConverterTask(
            self,
            "Converter",
            architecture=self._options.architecture,
            settings=ConverterSettings(
                bucket=bucket.bucket_name,
                jobs_table=jobs.table_name,
                progress_table=progress.table_name,
                max_input_bytes=self._options.max_upload_bytes,
                retention_days=self._options.retention_days,
                redis_host=self.redis_host,
                redis_port=self.redis_port,
            ),
        )
        uploads = bucket.arn_for_objects(f"{UPLOADS}*")
        outputs = bucket.arn_for_objects(f"{OUTPUTS}*")
        allow(task.role, ["dynamodb:UpdateItem"], jobs.table_arn)
        allow(task.role, ["dynamodb:UpdateItem"], progress.table_arn)
        # Without ListBucket S3 answers 403 for an object that is gone, where 404 fails the job with
        # the code that says so ("GetObject", Amazon S3 API reference).
        # ListBucketMultipartUploads finds the upload whose opening was done but not answered.
        lists = ["s3:ListBucket", "s3:ListBucketMultipartUploads"]
        allow(task.role, lists, bucket.bucket_arn)
        allow(task.role, ["s3:GetObject"], uploads, outputs)
        # DeleteObject: an attempt that is stopped between its upload and its verdict tidies up.
        writes = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject"]
        allow(task.role, writes, outputs)
        return task

    def _fail_execution(self) -> PythonFunction:
        return self._functions.make(
            "FailExecution", "fail_execution", Settings(), Duration.seconds(10)
        )

    def _starter(self) -> PythonFunction:
        storage, options = self._storage, self._options
        starter = self._functions.make(
            "StartJobs",
            "start_jobs",
            StartJobsSettings(
                bucket=storage.bucket.bucket_name,
                uploads_table=storage.uploads.table_name,
                jobs_table=storage.jobs.table_name,
                slots_table=storage.slots.table_name,
                state_machine_arn=self.state_machine.state_machine_arn,
                default_conversions=options.default_conversions,
                max_running_jobs=options.max_running_jobs,
                retention_days=options.retention_days,
            ),
            # A batch of ten whose every call meets a store that hangs takes about 90 s. The queue
            # gives an event up after five deliveries six timeouts apart: an hour.
            Duration.minutes(2),
        )
        allow(starter.role, ["dynamodb:GetItem", "dynamodb:UpdateItem"], storage.uploads.table_arn)
        allow(starter.role, ["dynamodb:GetItem", "dynamodb:PutItem"], storage.jobs.table_arn)
        allow(starter.role, ["dynamodb:UpdateItem"], storage.slots.table_arn)
        allow(starter.role, ["states:StartExecution"], self.state_machine.state_machine_arn)
        return starter
