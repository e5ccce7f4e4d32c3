"""Convert a file in the image, against the local engine's S3 and DynamoDB: the task and nothing
around it, started as Step Functions would start it, with a job's id and its settings."""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from conversion.conversion import Conversion
from conversion.job import Job, Source
from conversion.settings import ConverterSettings
from local.child import REGION, Engine
from local.image.container import Image

_RETENTION_DAYS = 1


@dataclass(frozen=True)
class Converted:
    """`record` is the job's item as the task left it, `data` its output, empty without one."""

    record: Mapping[str, Any]
    data: bytes
    seconds: float
    task: subprocess.CompletedProcess[str]


class Trial:
    """A bucket and tables of its own in an engine that runs already."""

    def __init__(self, image: Image, engine: Engine) -> None:
        self._image = image
        self._engine = engine
        self._s3 = engine.client("s3")
        self._dynamodb = engine.client("dynamodb")
        name = f"image-{uuid.uuid4().hex}"
        self._s3.create_bucket(Bucket=name)
        self.settings = ConverterSettings(
            bucket=name, jobs_table=f"jobs-{name}", progress_table=f"progress-{name}"
        )
        for table in (self.settings.jobs_table, self.settings.progress_table):
            self._dynamodb.create_table(
                TableName=table,
                KeySchema=[{"AttributeName": "jobId", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "jobId", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )

    @property
    def environment(self) -> Mapping[str, str]:
        """The task definition's, and what Fargate adds."""
        return {
            **self.settings.to_env(),
            "AWS_ENDPOINT_URL": self._engine.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }

    def convert(self, data: bytes, conversion: Conversion) -> Converted:
        job = self._job(data, conversion)
        started = time.monotonic()
        task = self._image.run([*self._image.facts.entrypoint, job.job_id], self.environment)
        seconds = time.monotonic() - started
        held = self._dynamodb.get_item(
            TableName=self.settings.jobs_table, Key={"jobId": {"S": job.job_id}}
        )["Item"]
        record = {name: TypeDeserializer().deserialize(each) for name, each in held.items()}
        return Converted(record, self._output(record), seconds, task)

    def _job(self, data: bytes, conversion: Conversion) -> Job:
        job_id = uuid.uuid4().hex
        key = f"uploads/{job_id}"
        etag = self._s3.put_object(Bucket=self.settings.bucket, Key=key, Body=data)["ETag"]
        source = Source(self.settings.bucket, key, etag.strip('"'), len(data), "a song")
        job = Job.new(job_id, job_id, source, conversion, _RETENTION_DAYS)
        held = json.loads(json.dumps(job.to_item()), parse_float=Decimal)
        item = {name: TypeSerializer().serialize(each) for name, each in held.items()}
        self._dynamodb.put_item(TableName=self.settings.jobs_table, Item=item)
        return job

    def _output(self, record: Mapping[str, Any]) -> bytes:
        if not record.get("output"):
            return b""
        found = self._s3.get_object(Bucket=self.settings.bucket, Key=record["output"]["key"])
        return found["Body"].read()
