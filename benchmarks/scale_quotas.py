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
PUT_EVENTS = Quota("PutEvents calls", 400, 400, "Amazon EventBridge quotas, the smallest region's")

# "Fargate On-Demand vCPU resource count" and "Fargate Spot vCPU resource count" (Amazon ECS service
# quotas): what an account begins with. AWS raises both on request.
NEW_ACCOUNT_VCPUS = 6


@dataclass(frozen=True)
class Region:
    """Quotas that are not the same in all of them."""

    start_execution: Quota = START_EXECUTION
    transitions: Quota = TRANSITIONS
    put_events: Quota = PUT_EVENTS


N_VIRGINIA = Region(
    Quota("StartExecution calls", 1_300, 300, _SERVICE_QUOTAS),
    Quota("state transitions", 5_000, 5_000, _SERVICE_QUOTAS),
    Quota("PutEvents calls", 10_000, 10_000, "Amazon EventBridge quotas"),
)


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
    most_waiting: int = 1_000  # maxWaitingJobs, of which a batch takes half
    files_each: int = 10  # of a child execution of a batch
    most_children: int = 500  # at once
    pause_look: tuple[float, float] = (5, 1.3)  # between two looks at its jobs


@dataclass(frozen=True)
class Assumed:
    """Seconds unless the name says otherwise. None of it is documented or was measured on AWS."""

    record: float = 0.06  # the starter works on one message
    change: float = 0.02  # the follower announces a change
    end: float = 0.08  # the follower works on a job that is over
    start: float = 0.05  # a waiting job is started
    stream: float = 0.5  # until a change is read from the stream
    shards: int = 4  # of the stream: a new table on demand has as many partitions
    # From RunTask until Python runs. Of it conversion/cost.py bills the 20 s from the image's pull
    # on, as Fargate does.
    task_start: tuple[float, float] = (20, 40)
    fixed: float = 1.0  # of a conversion, beside its audio
    speed: float = 63  # seconds of audio in a second, to MP3 (measured: benchmarks/results)
    audio_median: float = 210  # seconds of a file, by a lognormal distribution
    audio_sigma: float = 0.9
    audio_bytes: int = 40_000  # of a second of a source: between MP3 and WAV
    interrupted: float = 0.02  # share of the Spot tasks that are taken away
    item_units: int = 2  # write units of a job's record: up to 2 KB
    again: float = 1.0  # what was throttled is asked for again
    copied: float = 0.3  # a batch copies a file and writes its records


@dataclass(frozen=True)
class Settings:
    """Of a deployment and of its account."""

    slots: int = 100  # maxRunningJobs
    spot_vcpus: int = 4_000
    on_demand_vcpus: int = 4_000
    spot_percent: int = 100
    region: Region = Region()

    def of_a_new_account(self) -> Settings:
        return replace(self, spot_vcpus=NEW_ACCOUNT_VCPUS, on_demand_vcpus=NEW_ACCOUNT_VCPUS)
