"""The figures a deployment counts about itself: one source for who counts, who draws, who is woken.

lambdas/ and tasks/ write them in CloudWatch's embedded metric format, infra/ names them in alarms
and on the dashboard. Each has one dimension, the deployment, so that several in an account keep
theirs apart; failures have another one beside it, their code.
"""

from __future__ import annotations

from enum import Enum, StrEnum

NAMESPACE = "Sluice"
# The dimension that Powertools for AWS Lambda gives each metric by default.
DEPLOYMENT = "service"
CODE = "code"

# Of the memory that a task or a function has: where one took more, the next may find too little.
MUCH_MEMORY = 0.85


class Unit(StrEnum):
    """As CloudWatch calls them (MetricDatum, CloudWatch API reference)."""

    COUNT = "Count"
    SECONDS = "Seconds"
    BYTES = "Bytes"
    NONE = "None"


class Metric(Enum):
    """`title` is what CloudWatch calls it."""

    # Of a job, once it is over (conversion/measures.py).
    JOBS_COMPLETED = "JobsCompleted", Unit.COUNT
    JOBS_FAILED = "JobsFailed", Unit.COUNT
    JOBS_CANCELLED = "JobsCancelled", Unit.COUNT
    FAILURES_TO_MEND = "FailuresToMend", Unit.COUNT
    JOB_SECONDS = "JobSeconds", Unit.SECONDS
    CONVERSION_SECONDS = "ConversionSeconds", Unit.SECONDS
    REAL_TIME_FACTOR = "RealTimeFactor", Unit.NONE
    JOB_COST = "JobCost", Unit.NONE
    # Of a job, once its first attempt begins.
    QUEUED_SECONDS = "QueuedSeconds", Unit.SECONDS
    # Of all jobs, each minute, by the recovery.
    JOBS_RUNNING = "JobsRunning", Unit.COUNT
    JOBS_STARTING = "JobsStarting", Unit.COUNT
    JOBS_WAITING = "JobsWaiting", Unit.COUNT
    JOBS_HELD_UP = "JobsHeldUp", Unit.COUNT
    TASKS_HELD_UP = "TasksHeldUp", Unit.COUNT
    JOBS_RECOVERED = "JobsRecovered", Unit.COUNT
    # Of some files of a batch, by who feeds them.
    FEEDS_FAILED = "FeedsFailed", Unit.COUNT
    # Of whoever writes or reads progress.
    REDIS_FALLBACKS = "RedisFallbacks", Unit.COUNT
    # Of an attempt, by the converter.
    ATTEMPT_SECONDS = "AttemptSeconds", Unit.SECONDS
    ATTEMPT_CPU_SECONDS = "AttemptCpuSeconds", Unit.SECONDS
    ATTEMPT_PEAK_MEMORY = "AttemptPeakMemory", Unit.BYTES
    ATTEMPT_DISK_BYTES = "AttemptDiskBytes", Unit.BYTES
    ATTEMPTS_INTERRUPTED = "AttemptsInterrupted", Unit.COUNT
    # Of a task, by what ECS tells of its end.
    SPOT_INTERRUPTIONS = "SpotInterruptions", Unit.COUNT
    TASKS_OUT_OF_MEMORY = "TasksOutOfMemory", Unit.COUNT

    def __init__(self, title: str, unit: Unit) -> None:
        self.title = title
        self.unit = unit
