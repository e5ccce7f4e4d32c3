"""Metrics of our own, as alarms and the dashboard name them: the deployment is their dimension."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from conversion.metrics import DEPLOYMENT, NAMESPACE, Metric
from infra.options import Options


def deployment(options: Options) -> str:
    """As the functions and the converter are told it."""
    return f"{NAMESPACE.lower()}-{options.stage}"


def figure(
    options: Options, metric: Metric, statistic: str, period: Duration, label: str | None = None
) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=metric.title,
        dimensions_map={DEPLOYMENT: deployment(options)},
        statistic=statistic,
        period=period,
        label=label,
    )
