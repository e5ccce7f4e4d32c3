"""What the functions count: by Powertools, as lines of CloudWatch's embedded metric format.

Names and units are conversion/metrics.py's. What was counted is written once an invocation, when it
is over, and nothing where nothing was: an invocation that ends badly still tells what it did.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from typing import Any

from aws_lambda_powertools.metrics import Metrics, single_metric
from aws_lambda_powertools.utilities.typing import LambdaContext

from conversion.metrics import CODE, DEPLOYMENT, NAMESPACE, Metric

_deployment = os.environ.get("POWERTOOLS_SERVICE_NAME", NAMESPACE.lower())
_metrics = Metrics(namespace=NAMESPACE, service=_deployment)

Handler = Callable[[Any, LambdaContext], Any]


def measure(metric: Metric, value: float = 1) -> None:
    _metrics.add_metric(metric.title, metric.unit.value, value)


def measure_code(metric: Metric, code: str, value: float = 1) -> None:
    """Apart for each code, and at once: a line has one set of dimensions."""
    with single_metric(metric.title, metric.unit.value, value, namespace=NAMESPACE) as single:  # type: ignore[arg-type]
        single.add_dimension(DEPLOYMENT, _deployment)
        single.add_dimension(CODE, code)


def measured(handler: Handler) -> Handler:
    """The handler, followed by what was counted in it."""

    @wraps(handler)
    def handle(event: Any, context: LambdaContext) -> Any:
        try:
            return handler(event, context)
        finally:
            if _metrics.metric_set:
                _metrics.flush_metrics()

    return handle
