"""What each process is told by its environment: one list of names, written and read here alone.

infra/ calls `to_env()` and hands the result to a function or a container; the process calls
`from_env()` once, at its edge. A field `jobs_table` is the variable `SLUICE_JOBS_TABLE`.
Dataclasses and not pydantic: CDK tokens must pass through unvalidated, and a Lambda pays for every
import (decision 0003).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any, Self, get_type_hints

from conversion.conversion import Conversion
from conversion.cost import TaskSize
from conversion.errors import RequestError, SettingsError

PREFIX = "SLUICE_"


@dataclass(frozen=True)
class Settings:
    """Base of the settings of every process, and the settings of one that needs none. Field types:
    str or int."""

    def to_env(self) -> dict[str, str]:
        return {variable(each): str(getattr(self, each.name)) for each in fields(self)}

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Raises SettingsError naming every variable that is missing or not a number."""
        types = get_type_hints(cls)
        wrong: list[str] = []
        values: dict[str, Any] = {}
        for each in fields(cls):
            text = environ.get(variable(each))
            if text is None and each.default is not MISSING:
                continue
            if text is None or (not text and each.default is MISSING):
                wrong.append(f"{variable(each)} is {'not set' if text is None else 'empty'}")
            elif types[each.name] is int and not text.isdecimal():
                wrong.append(f"{variable(each)} is {text!r}, not a whole number")
            else:
                values[each.name] = types[each.name](text)
        if wrong:
            raise SettingsError(
                f"{cls.__name__} cannot be read: {'; '.join(wrong)}. infra/ sets these variables; "
                "deploy again, or set them by hand."
            )
        return cls(**values)


def variable(field: Field[Any]) -> str:
    return PREFIX + field.name.upper()


class _StartsByDefault:
    """The reading of `default_conversions`, for the processes that start what nobody asked for."""

    default_conversions: str

    @property
    def conversions(self) -> tuple[Conversion, ...]:
        """`default_conversions`, a list like `mp3,opus@96,archive-flac`, read: formats, bitrates
        in kbit/s, presets. Raises SettingsError."""
        try:
            return tuple(
                Conversion.parse(each.strip())
                for each in self.default_conversions.split(",")
                if each.strip()
            )
        except RequestError as error:
            raise SettingsError(f"{PREFIX}DEFAULT_CONVERSIONS cannot be read: {error}") from error


@dataclass(frozen=True, kw_only=True)
class _CountsCosts:
    """What a converter's task is given, for the processes that say what a job costs: CPU units, of
    which 1,024 are a vCPU, MiB of memory, GiB of disk, and public addresses."""

    task_cpu: int = 1024
    task_memory: int = 2048
    task_disk: int = 30
    task_addresses: int = 1

    @property
    def task(self) -> TaskSize:
        return TaskSize(
            self.task_cpu / 1024, self.task_memory / 1024, self.task_disk, self.task_addresses
        )


@dataclass(frozen=True, kw_only=True)
class TellsCallersApart:
    """For the functions that answer callers: the deployment's option `auth`, and who its operators
    are. Where that is not `none`, a request without an identity is refused, should one ever come
    past the authorizer."""

    auth: str = "iam"
    operators: str = ""

    @property
    def operator_identities(self) -> frozenset[str]:
        """Who sees everybody's files and jobs: ARNs of roles and users, or subjects of tokens,
        written with commas between them."""
        return frozenset(each.strip() for each in self.operators.split(",") if each.strip())


@dataclass(frozen=True)
class CreateUploadSettings(TellsCallersApart, Settings):
    """`max_running_jobs` hold a slot each; beyond `max_waiting_jobs`, or `max_open_uploads` of
    the last day that are not completed, no more are taken in."""

    bucket: str
    uploads_table: str
    jobs_table: str
    slots_table: str
    idempotency_table: str
    max_upload_bytes: int = 5 * 1024**3
    max_conversions: int = 20
    max_open_uploads: int = 1000
    upload_url_seconds: int = 3600
    max_running_jobs: int = 100
    max_waiting_jobs: int = 1000
    retention_days: int = 7


@dataclass(frozen=True)
class ReceiveUploadSettings(TellsCallersApart, Settings):
    bucket: str
    uploads_table: str
    upload_url_seconds: int = 3600
    retention_days: int = 7


@dataclass(frozen=True)
class StartJobsSettings(_StartsByDefault, _CountsCosts, Settings):
    bucket: str
    uploads_table: str
    jobs_table: str
    slots_table: str
    state_machine_arn: str
    default_conversions: str = "mp3"
    max_running_jobs: int = 100
    retention_days: int = 7


@dataclass(frozen=True)
class CreateJobSettings(TellsCallersApart, _CountsCosts, Settings):
    """As for CreateUploadSettings."""

    bucket: str
    uploads_table: str
    jobs_table: str
    slots_table: str
    idempotency_table: str
    state_machine_arn: str
    max_running_jobs: int = 100
    max_waiting_jobs: int = 1000
    retention_days: int = 7


@dataclass(frozen=True)
class ManageBatchesSettings(TellsCallersApart, Settings):
    """`batch_sources`: as the deployment's option lists them, `bucket` or `bucket/prefix`, with
    commas between them. Counts as for CreateUploadSettings."""

    bucket: str
    idempotency_table: str
    batch_machine_arn: str
    batch_sources: str
    max_conversions: int = 20
    max_running_jobs: int = 100
    max_waiting_jobs: int = 1000


@dataclass(frozen=True)
class FeedBatchSettings(_CountsCosts, Settings):
    """As for ManageBatchesSettings."""

    bucket: str
    uploads_table: str
    jobs_table: str
    slots_table: str
    state_machine_arn: str
    batch_sources: str
    max_upload_bytes: int = 5 * 1024**3
    max_running_jobs: int = 100
    max_waiting_jobs: int = 1000
    retention_days: int = 7


@dataclass(frozen=True)
class WatchBatchSettings(Settings):
    jobs_table: str


@dataclass(frozen=True)
class SumUpBatchSettings(Settings):
    bucket: str


@dataclass(frozen=True)
class CancelJobSettings(TellsCallersApart, Settings):
    jobs_table: str
    state_machine_arn: str


@dataclass(frozen=True)
class GetJobSettings(TellsCallersApart, Settings):
    jobs_table: str


@dataclass(frozen=True)
class GetHistorySettings(TellsCallersApart, Settings):
    """`converter_logs` is the name of the log group that the tasks write to."""

    jobs_table: str
    state_machine_arn: str
    converter_logs: str


@dataclass(frozen=True)
class GetProgressSettings(TellsCallersApart, Settings):
    """Without a `redis_host` there is no Redis: nothing imports its client, or looks for it."""

    jobs_table: str
    progress_table: str
    redis_host: str = ""
    redis_port: int = 6379


@dataclass(frozen=True)
class GetOutputSettings(TellsCallersApart, Settings):
    bucket: str
    jobs_table: str
    download_url_seconds: int = 3600


@dataclass(frozen=True)
class CheckHealthSettings(Settings):
    """`cluster` is an ARN, `task_definition` a family. `redis_reader`: the function beside Redis,
    which asks it on behalf of the one that cannot reach it; empty where there is no Redis."""

    bucket: str
    uploads_table: str
    jobs_table: str
    progress_table: str
    slots_table: str
    state_machine_arn: str
    cluster: str
    task_definition: str
    redis_reader: str = ""
    max_open_uploads: int = 1000
    max_running_jobs: int = 100
    max_waiting_jobs: int = 1000


@dataclass(frozen=True)
class DescribeApiSettings(Settings):
    """What of a deployment's limits a client should know before it asks."""

    max_upload_bytes: int = 5 * 1024**3
    max_conversions: int = 20
    retention_days: int = 7


@dataclass(frozen=True)
class FollowJobsSettings(_CountsCosts, Settings):
    """`event_bus` is a name or an ARN."""

    bucket: str
    jobs_table: str
    progress_table: str
    slots_table: str
    state_machine_arn: str
    event_bus: str
    max_running_jobs: int = 100


@dataclass(frozen=True)
class RecoverJobsSettings(_StartsByDefault, _CountsCosts, Settings):
    """`cluster` is the ARN of the one the tasks run in."""

    bucket: str
    uploads_table: str
    jobs_table: str
    progress_table: str
    slots_table: str
    state_machine_arn: str
    cluster: str
    default_conversions: str = "mp3"
    max_running_jobs: int = 100
    retention_days: int = 7


@dataclass(frozen=True)
class CleanUpSettings(Settings):
    bucket: str
    uploads_table: str
    jobs_table: str
    progress_table: str
    retention_days: int = 7


@dataclass(frozen=True)
class DeliverWebhookSettings(Settings):
    """`queue_url` is of the queue it is fed by: a delivery that failed is put off there."""

    webhook_url: str
    webhook_secret_arn: str
    queue_url: str


@dataclass(frozen=True)
class ConverterSettings(_CountsCosts, Settings):
    """Limits: bytes of the stored input and output, seconds of audio in the input. Redis as in
    GetProgressSettings. `deployment`: whose metrics its own are (conversion/metrics.py)."""

    bucket: str
    jobs_table: str
    progress_table: str
    ffmpeg: str = "ffmpeg"
    ffprobe: str = "ffprobe"
    max_input_bytes: int = 5 * 1024**3
    max_output_bytes: int = 20 * 1024**3
    max_duration_seconds: int = 24 * 3600
    retention_days: int = 7
    redis_host: str = ""
    redis_port: int = 6379
    deployment: str = "sluice"
