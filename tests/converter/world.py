"""A bucket, its tables and one job at a time: the converter's surroundings in a test."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import uuid
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from conversion.conversion import Conversion
from conversion.job import Job, Source
from conversion.progress import Progress
from conversion.settings import ConverterSettings
from conversion.stores import clients
from conversion.stores.jobs import Jobs
from conversion.stores.objects import Objects
from conversion.stores.progress import ProgressTable
from local.ffmpeg import Ffmpeg
from tasks.converter.convert import run
from tasks.converter.surroundings import Surroundings

_ROOT = Path(__file__).parents[2]


class Recorder(ProgressTable):
    """The real table, and every report that reached it."""

    reports: list[Progress]

    def report(self, job_id: str, progress: Progress) -> None:
        self.reports.append(progress)
        super().report(job_id, progress)


@dataclass
class World:
    s3: Any
    dynamodb: Any
    settings: ConverterSettings
    around: Surroundings
    stop: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def build(cls, ffmpeg: Ffmpeg) -> World:
        s3, dynamodb = clients.s3(), clients.dynamodb()
        name = uuid.uuid4().hex
        region = {"LocationConstraint": "eu-west-1"}
        s3.create_bucket(Bucket=name, CreateBucketConfiguration=region)
        for table in (f"jobs-{name}", f"progress-{name}"):
            dynamodb.create_table(
                TableName=table,
                KeySchema=[{"AttributeName": "jobId", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "jobId", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )
        settings = ConverterSettings(
            bucket=name,
            jobs_table=f"jobs-{name}",
            progress_table=f"progress-{name}",
            ffmpeg=str(ffmpeg.ffmpeg),
            ffprobe=str(ffmpeg.ffprobe),
        )
        progress = Recorder(dynamodb, settings.progress_table)
        progress.reports = []
        stop = threading.Event()
        around = Surroundings(
            settings=settings,
            jobs=Jobs(dynamodb, settings.jobs_table),
            progress=progress,
            objects=lambda bucket: Objects(s3, bucket),
            stop=stop,
        )
        return cls(s3, dynamodb, settings, around, stop)

    def close(self) -> None:
        self.s3.close()
        self.dynamodb.close()

    def job(
        self,
        data: bytes,
        conversion: str | Conversion,
        name: str = "some song.bin",
        key: str = "",
    ) -> Job:
        """Upload the bytes and write the job that converts them."""
        asked = conversion if isinstance(conversion, Conversion) else Conversion.parse(conversion)
        job_id = uuid.uuid4().hex
        key = key or f"uploads/{job_id}"
        etag = self.s3.put_object(Bucket=self.settings.bucket, Key=key, Body=data)["ETag"]
        source = Source(self.settings.bucket, key, etag.strip('"'), len(data), name)
        job = Job.new(job_id, job_id, source, asked, 7)
        assert self.around.jobs.put_if_absent(job)
        return job

    def convert(self, data: bytes, conversion: str | Conversion, **changes: Any) -> Job:
        """The job as it stands after a run in this process."""
        return self.run(self.job(data, conversion), **changes)

    def run(self, job: Job, **changes: Any) -> Job:
        run(job.job_id, self.surroundings(**changes))
        return self.around.jobs.get(job.job_id)

    def surroundings(self, **changes: Any) -> Surroundings:
        """`changes` go to the settings where they have such a field, else to the surroundings."""
        names = vars(self.settings)
        settings = {key: value for key, value in changes.items() if key in names}
        others = {key: value for key, value in changes.items() if key not in names}
        return replace(self.around, settings=replace(self.settings, **settings), **others)

    def start(self, job: Job, **changes: Any) -> subprocess.Popen[bytes]:
        """The task as the container runs it: a process, told everything by its environment."""
        environ = os.environ | replace(self.settings, **changes).to_env()
        return subprocess.Popen(
            [sys.executable, "-m", "tasks.converter", job.job_id],
            cwd=_ROOT,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def output(self, job: Job) -> bytes:
        assert job.output is not None, job.failure
        return self.object(job.output.key)

    def object(self, key: str) -> bytes:
        return self.s3.get_object(Bucket=self.settings.bucket, Key=key)["Body"].read()

    def keys(self) -> list[str]:
        """Every object that is no upload."""
        found = self.s3.list_objects_v2(Bucket=self.settings.bucket, Prefix="conversions/")
        return [each["Key"] for each in found.get("Contents", [])]

    def open_uploads(self) -> list[str]:
        found = self.s3.list_multipart_uploads(Bucket=self.settings.bucket)
        return [each["Key"] for each in found.get("Uploads", [])]

    @property
    def reports(self) -> list[Progress]:
        progress = self.around.progress
        assert isinstance(progress, Recorder)
        return progress.reports
