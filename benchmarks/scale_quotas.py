"""What AWS allows and what was assumed: every number that the simulation of scale rests on.

Quotas are the documented defaults, and where those differ by region, the smaller. What nobody has
documented or measured here is assumed, and says so: to be replaced by what a deployment shows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Quota:
    """`burst` at once and `rate` a second; `source` is the page that says so."""

    name: str
    burst: float
    rate: float
    source: str


_THROTTLING = "AWS Fargate throttling quotas (Amazon ECS developer guide)"
_SERVICE_QUOTAS = "Step Functions service quotas"
_DYNAMODB = "Quotas in Amazon DynamoDB; Best practices, partitions"

RUN_TASK = Quota("RunTask calls", 20, 20, _THROTTLING)
LAUNCHES = Quota("task launches, Spot and on demand each", 100, 20, _THROTTLING)
START_EXECUTION = Quota("StartExecution calls", 800, 150, _SERVICE_QUOTAS)
TRANSITIONS = Quota("state transitions", 800, 800, _SERVICE_QUOTAS)
PARTITION_WRITES = Quota("write units of one partition", 1_000, 1_000, _DYNAMODB)
TABLE_WRITES = Quota("write units of one table", 40_000, 40_000, _DYNAMODB)
PUT_EVENTS = Quota("PutEvents calls", 400, 400, "Amazon EventBridge quotas, the smallest region's")
S3_READS = Quota("GET requests of one prefix", 5_500, 5_500, "Best practices design patterns (S3)")

# "Fargate On-Demand vCPU resource count" and "Fargate Spot vCPU resource count" (Amazon ECS service
# quotas): what an account begins with. AWS raises both on request.
NEW_ACCOUNT_VCPUS = 6
# "Maximum open executions" (Step Functions service quotas).
OPEN_EXECUTIONS = 1_000_000


@dataclass(frozen=True)
class Code:
    """What our own code and the state machine do; tests/benchmarks/test_scale.py compares."""

    batch: int = 10  # messages of a batch of the starter
    at_once: int = 10  # batches of the starter
    stream_batch: int = 25  # changes of a batch of the follower
    most_started: int = 100  # waiting jobs that one call starts
    sweep_seconds: int = 60
    tries_not_started: int = 100
    tries_interrupted: int = 20
    pause_not_started: tuple[float, float] = (10, 1.5)  # seconds, grown by
    pause_interrupted: tuple[float, float] = (2, 2)
    longest_pause: float = 300
    transitions: int = 5
    transitions_again: int = 3
    slot_bytes: int = 33  # of a job's id in the set


@dataclass(frozen=True)
class Assumed:
    """Seconds unless the name says otherwise. None of it is documented or was measured on AWS."""

    record: float = 0.06  # the starter works on one message
    change: float = 0.02  # the follower announces a change
    end: float = 0.08  # the follower works on a job that is over
    start: float = 0.05  # a waiting job is started
    stream: float = 0.5  # until a change is read from the stream
    shards: int = 4  # of the stream: a new table on demand has as many partitions
    task_start: tuple[float, float] = (20, 40)  # from RunTask until Python runs
    fixed: float = 1.0  # of a conversion, beside its audio
    speed: float = 63  # seconds of audio in a second, to MP3 (measured: benchmarks/results)
    audio_median: float = 210  # seconds of a file, by a lognormal distribution
    audio_sigma: float = 0.9
    audio_bytes: int = 40_000  # of a second of a source: between MP3 and WAV
    interrupted: float = 0.02  # share of the Spot tasks that are taken away
    item_units: int = 2  # write units of a job's record: up to 2 KB


@dataclass(frozen=True)
class Settings:
    """Of a deployment and of its account."""

    slots: int = 100  # maxRunningJobs
    spot_vcpus: int = 4_000
    on_demand_vcpus: int = 4_000
    spot_percent: int = 100

    def of_a_new_account(self) -> Settings:
        return replace(self, spot_vcpus=NEW_ACCOUNT_VCPUS, on_demand_vcpus=NEW_ACCOUNT_VCPUS)
