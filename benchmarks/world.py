"""What the measured ways stand in: an S3, a DynamoDB, a bucket with the source, and its jobs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, cast
from urllib.request import urlopen

from benchmarks.bucket import STATISTICS
from conversion.conversion import Conversion
from conversion.job import Job, Source
from conversion.settings import ConverterSettings
from conversion.stores import clients
from conversion.stores.jobs import Jobs
from local.ffmpeg import Ffmpeg

ROOT = Path(__file__).parents[1]
_TABLES = ("jobs", "progress")
# Credentials that are good for nothing, and no others to be found.
_NOBODY = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",  # pragma: allowlist secret
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


@dataclass(frozen=True)
class Asked:
    """What the stores have been asked for so far; two of them give what lies between."""

    requests: int
    read: int
    written: int

    def __sub__(self, earlier: Asked) -> Asked:
        return Asked(
            self.requests - earlier.requests,
            self.read - earlier.read,
            self.written - earlier.written,
        )


@dataclass(frozen=True)
class World:
    s3_url: str
    dynamodb_url: str
    settings: ConverterSettings
    jobs: Jobs
    s3: Any
    folder: Path

    @property
    def environ(self) -> dict[str, str]:
        return os.environ | self.settings.to_env() | {"TMPDIR": str(self.folder)}

    def store(self, path: Path) -> Source:
        with path.open("rb") as body:
            answer = self.s3.put_object(Bucket=self.settings.bucket, Key=path.name, Body=body)
        etag = answer["ETag"].strip('"')
        return Source(self.settings.bucket, path.name, etag, path.stat().st_size, path.name)

    def job(self, source: Source, conversion: str) -> Job:
        job_id = uuid.uuid4().hex
        job = Job.new(job_id, job_id, source, Conversion.parse(conversion), 7)
        assert self.jobs.put_if_absent(job)
        return job

    def object(self, key: str) -> IO[bytes]:
        return self.s3.get_object(Bucket=self.settings.bucket, Key=key)["Body"]

    def drop(self, key: str) -> None:
        self.s3.delete_object(Bucket=self.settings.bucket, Key=key)

    def asked(self) -> Asked:
        s3, dynamodb = _statistics(self.s3_url), _statistics(self.dynamodb_url)
        requests = sum(s3["requests"].values()) + sum(dynamodb["requests"].values())
        return Asked(requests, s3["sent"], s3["received"])


@contextmanager
def world(ffmpeg: Ffmpeg, folder: Path) -> Generator[World]:
    """Stores that are gone, with all they hold, when the block is left."""
    with (
        TemporaryDirectory(prefix="s3-", dir=folder) as store,
        _server("bucket", store) as s3_url,
        _server("tables") as dynamodb_url,
    ):
        os.environ |= _NOBODY | {
            "AWS_ENDPOINT_URL_S3": s3_url,
            "AWS_ENDPOINT_URL_DYNAMODB": dynamodb_url,
        }
        dynamodb = clients.dynamodb()
        for table in _TABLES:
            _create(dynamodb, table)
        settings = ConverterSettings(
            "bench", *_TABLES, ffmpeg=str(ffmpeg.ffmpeg), ffprobe=str(ffmpeg.ffprobe)
        )
        jobs = Jobs(dynamodb, settings.jobs_table)
        yield World(s3_url, dynamodb_url, settings, jobs, clients.s3(), folder)


@contextmanager
def tables_alone() -> Generator[None]:
    """A DynamoDB and no S3, for what reads and writes records only."""
    with _server("tables") as url:
        os.environ |= _NOBODY | {"AWS_ENDPOINT_URL": url}
        dynamodb = clients.dynamodb()
        for table in _TABLES:
            _create(dynamodb, table)
        yield


@contextmanager
def _server(module: str, *arguments: str) -> Generator[str]:
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def _create(dynamodb: Any, table: str) -> None:
    dynamodb.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "jobId", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "jobId", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def _statistics(url: str) -> dict[str, Any]:
    with urlopen(f"{url}{STATISTICS}") as answer:  # noqa: S310
        return cast("dict[str, Any]", json.load(answer))
