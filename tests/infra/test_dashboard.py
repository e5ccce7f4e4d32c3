"""What operators look at: each panel by what it is for, and nothing in it that nobody measures."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from conversion.metrics import CODE, DEPLOYMENT, MUCH_MEMORY, NAMESPACE, Metric
from tests.infra.assembly import Assembly

# What AWS' services publish, and by what: the pages "metrics" of each one's guide.
OF_AWS = {
    ("AWS/SQS", "QueueName"): {
        "ApproximateAgeOfOldestMessage",
        "ApproximateNumberOfMessagesVisible",
    },
    ("AWS/Lambda", "FunctionName"): {"IteratorAge"},
    ("AWS/ApiGateway", "ApiId"): {"Count", "Latency", "4xx", "5xx"},
    ("AWS/States", "StateMachineArn"): {
        "ExecutionsStarted",
        "ExecutionsFailed",
        "ExecutionsAborted",
        "ExecutionThrottled",
    },
}
SEARCHED = re.compile(
    r"SEARCH\('\{([^}]+)\} MetricName=\"(\w+)\" (\w+)=\"([\w-]+)\"', 'Sum', 300\)"
)


def panels(assembly: Assembly) -> list[dict[str, Any]]:
    body = assembly.the("AWS::CloudWatch::Dashboard")["DashboardBody"]
    return [each["properties"] for each in json.loads(body)["widgets"]]


def graphs(assembly: Assembly) -> dict[str, dict[str, Any]]:
    found = [each for each in panels(assembly) if "metrics" in each]
    titled = {each["title"]: each for each in found}
    assert len(titled) == len(found)
    return titled


def drawn(assembly: Assembly) -> Iterator[tuple[str, str, str, str, dict[str, Any]]]:
    """Namespace, name, dimension and its value, and how it is drawn."""
    for graph in graphs(assembly).values():
        for each in graph["metrics"]:
            if isinstance(each[0], str):
                yield each[0], each[1], each[2], each[3], each[4]


def of_ours(graph: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each[1], each[4].get("stat", "Average")) for each in graph["metrics"]]


@pytest.fixture(params=["assembly", "other_assembly"])
def either(request: pytest.FixtureRequest) -> Assembly:
    return request.getfixturevalue(request.param)


def test_every_figure_is_one_that_we_count_or_that_aws_publishes(either: Assembly) -> None:
    stage = {each.rpartition("-")[0] for each in either.templates if each.endswith("-dashboard")}
    counted = {each.title for each in Metric}
    for namespace, name, dimension, value, _ in drawn(either):
        if namespace == NAMESPACE:
            assert name in counted
            assert ({value}, dimension) == (stage, DEPLOYMENT)
        else:
            assert name in OF_AWS[namespace, dimension]
            assert value.startswith("${")


def test_every_figure_that_we_count_can_be_seen(either: Assembly) -> None:
    assert {name for space, name, *_ in drawn(either) if space == NAMESPACE} == {
        each.title for each in Metric
    }


def test_the_alarms_come_first_all_of_them(either: Assembly) -> None:
    first = panels(either)[0]
    told = {each.rpartition(":")[2] for each in first["alarms"]}
    assert told == {each["AlarmName"] for each in either.of("AWS::CloudWatch::Alarm").values()}


def test_failures_are_told_apart_by_their_codes(assembly: Assembly) -> None:
    (search,) = graphs(assembly)["Failures by code"]["metrics"]
    found = SEARCHED.fullmatch(search[0]["expression"])
    assert found is not None
    schema, name, dimension, value = found.groups()
    assert set(schema.split(",")) == {NAMESPACE, CODE, DEPLOYMENT}
    assert (name, dimension, value) == (Metric.JOBS_FAILED.title, DEPLOYMENT, "sluice-dev")


@pytest.mark.parametrize(
    ("title", "metric"),
    [
        ("From created to completed, s", Metric.JOB_SECONDS),
        ("Conversion alone, s", Metric.CONVERSION_SECONDS),
        ("From created to begun, s", Metric.QUEUED_SECONDS),
    ],
)
def test_times_are_shown_by_percentiles(assembly: Assembly, title: str, metric: Metric) -> None:
    wanted = [(metric.title, each) for each in ("p50", "p90", "p99")]
    assert of_ours(graphs(assembly)[title]) == wanted


def test_what_runs_and_waits_stands_against_the_cap(other_assembly: Assembly) -> None:
    graph = graphs(other_assembly)["Jobs that run and wait, against the cap"]
    assert {name for name, _ in of_ours(graph)} >= {"JobsRunning", "JobsWaiting"}
    (cap,) = graph["annotations"]["horizontal"]
    assert cap["value"] == 20


def test_an_attempts_memory_stands_against_its_alarm(other_assembly: Assembly) -> None:
    graph = graphs(other_assembly)["Memory of an attempt at its peak, B"]
    (limit,) = graph["annotations"]["horizontal"]
    assert limit["value"] == round(MUCH_MEMORY * 4096 * 1024**2)


def test_seconds_and_milliseconds_have_each_an_axis(assembly: Assembly) -> None:
    graph = graphs(assembly)["Events not worked on: age of the oldest, s; of changes, ms"]
    axes = {each[4]["label"]: each[4].get("yAxis", "left") for each in graph["metrics"]}
    assert axes == {"uploads, s": "left", "changes of jobs, ms": "right"}


def test_nothing_is_imported_that_an_option_can_take_away(other_assembly: Assembly) -> None:
    """What one stack imports, another cannot remove: so not the webhooks' queue."""
    shown = {value for space, _, _, value, _ in drawn(other_assembly) if space == "AWS/SQS"}
    assert shown == {
        "${ArrivalsQueue.QueueName}",
        "${ArrivalsDeadLetters.QueueName}",
        "${ChangesDeadLetters.QueueName}",
        "${RecoveryDeadLetters.QueueName}",
    }


def test_two_regions_of_an_account_have_each_their_own(assembly: Assembly) -> None:
    name = assembly.the("AWS::CloudWatch::Dashboard")["DashboardName"]
    assert name == "sluice-dev-${AWS::Region}"
    url = assembly.text(assembly.outputs["DashboardUrl"]["Value"])
    assert url.endswith(f"#dashboards/dashboard/{name}")
