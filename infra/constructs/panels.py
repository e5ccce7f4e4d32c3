"""What the dashboard shows, panel by panel: what an operator asks, and the figures that answer.

A panel is a third of a row. Metrics of our own come by conversion/metrics.py; the others are what
AWS' services publish by themselves, under the names of their own guides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from conversion.metrics import CODE, DEPLOYMENT, MUCH_MEMORY, NAMESPACE, Metric
from infra.constructs.figures import deployment, figure
from infra.options import Options

_WIDTH, _HEIGHT = 8, 6
_FINE, _COARSE = Duration.minutes(5), Duration.hours(1)
_PERCENTILES = ("p50", "p90", "p99")
_MIB = 1024**2


class Panels:
    """Of one deployment; each method is a row or a part of one."""

    def __init__(self, options: Options) -> None:
        self._options = options

    def jobs(self) -> Iterator[cloudwatch.IWidget]:
        ended = (Metric.JOBS_COMPLETED, Metric.JOBS_FAILED, Metric.JOBS_CANCELLED)
        yield graph("Jobs that ended", self._sums(ended))
        now = (
            Metric.JOBS_RUNNING,
            Metric.JOBS_STARTING,
            Metric.JOBS_WAITING,
            Metric.JOBS_HELD_UP,
            Metric.TASKS_HELD_UP,
        )
        gauges = [self._figure(each, "Maximum", Duration.minutes(1)) for each in now]
        cap = cloudwatch.HorizontalAnnotation(
            value=self._options.max_running_jobs, label="maxRunningJobs"
        )
        yield graph("Jobs that run and wait, against the cap", gauges, limits=[cap])
        by_code = cloudwatch.MathExpression(
            expression=(
                f"SEARCH('{{{NAMESPACE},{CODE},{DEPLOYMENT}}} "
                f'MetricName="{Metric.JOBS_FAILED.title}" '
                f"{DEPLOYMENT}=\"{deployment(self._options)}\"', 'Sum', {_FINE.to_seconds():.0f})"
            ),
            using_metrics={},
            label="",
            period=_FINE,
        )
        yield graph("Failures by code", [by_code])

    def durations(self) -> Iterator[cloudwatch.IWidget]:
        yield graph("From created to completed, s", self._percentiles(Metric.JOB_SECONDS))
        yield graph("Conversion alone, s", self._percentiles(Metric.CONVERSION_SECONDS))
        factor = [self._figure(Metric.REAL_TIME_FACTOR, each) for each in ("p10", "p50", "p90")]
        yield graph("Seconds of audio a second of conversion", factor)

    def waiting(
        self, arrivals: cloudwatch.IMetric, changes: cloudwatch.IMetric
    ) -> Iterator[cloudwatch.IWidget]:
        """Ages of what has not been noticed yet: of arrivals in seconds, of changes in
        milliseconds, as SQS and Lambda tell them."""
        title = "Events not worked on: age of the oldest, s; of changes, ms"
        yield graph(title, [arrivals], beside=[changes])
        yield graph("From created to begun, s", self._percentiles(Metric.QUEUED_SECONDS))
        found = (Metric.JOBS_RECOVERED, Metric.FAILURES_TO_MEND, Metric.FEEDS_FAILED)
        yield graph("Recovered, and failed without a file's fault", self._sums(found))

    def converter(self) -> Iterator[cloudwatch.IWidget]:
        most = MUCH_MEMORY * self._options.task_memory * _MIB
        limit = cloudwatch.HorizontalAnnotation(value=round(most), label="alarm")
        peaks = [self._figure(Metric.ATTEMPT_PEAK_MEMORY, each) for each in ("p50", "Maximum")]
        yield graph("Memory of an attempt at its peak, B", peaks, limits=[limit])
        times = (Metric.ATTEMPT_SECONDS, Metric.ATTEMPT_CPU_SECONDS)
        spent = [self._figure(each, "Average") for each in times]
        disk = [self._figure(Metric.ATTEMPT_DISK_BYTES, "Maximum")]
        yield graph("An attempt's time and CPU, s; its disk, B", spent, beside=disk)
        ends = (
            Metric.SPOT_INTERRUPTIONS,
            Metric.ATTEMPTS_INTERRUPTED,
            Metric.TASKS_OUT_OF_MEMORY,
        )
        yield graph("Tasks taken away", self._sums(ends))

    def cost(self) -> Iterator[cloudwatch.IWidget]:
        hourly = [self._figure(Metric.JOB_COST, "Sum", _COARSE, "all jobs of an hour")]
        each = [self._figure(Metric.JOB_COST, "Average", _COARSE, "a job")]
        yield graph("Cost by list prices, $", hourly, beside=each)
        yield graph("Redis did not answer", self._sums([Metric.REDIS_FALLBACKS]))

    def _sums(self, metrics: Sequence[Metric]) -> list[cloudwatch.IMetric]:
        return [self._figure(each, "Sum") for each in metrics]

    def _percentiles(self, metric: Metric) -> list[cloudwatch.IMetric]:
        return [self._figure(metric, each) for each in _PERCENTILES]

    def _figure(
        self, metric: Metric, statistic: str, period: Duration = _FINE, label: str | None = None
    ) -> cloudwatch.IMetric:
        by_default = metric.title if statistic == "Sum" else f"{metric.title} {statistic}"
        return figure(self._options, metric, statistic, period, label or by_default)


def graph(
    title: str,
    left: Sequence[cloudwatch.IMetric],
    beside: Sequence[cloudwatch.IMetric] = (),
    limits: Sequence[cloudwatch.HorizontalAnnotation] = (),
) -> cloudwatch.IWidget:
    """`beside` goes by the axis on the right."""
    return cloudwatch.GraphWidget(
        title=title,
        left=list(left),
        right=list(beside),
        left_annotations=list(limits),
        left_y_axis=cloudwatch.YAxisProps(min=0),
        width=_WIDTH,
        height=_HEIGHT,
    )
