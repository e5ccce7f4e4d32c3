"""Which ends of tasks are heard, by a rule engine that reads patterns as EventBridge does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conversion.stopped_tasks import DETAIL_TYPE, SOURCE, pattern
from local.child import Engine

EVENT = Path(__file__).parents[1] / "events" / "ecs_task_interrupted.json"


def told(stop_code: str, exit_code: int | None, **changes: Any) -> Any:
    event = json.loads(EVENT.read_text())
    event["detail"] |= {"stopCode": stop_code, **changes}
    (container,) = event["detail"]["containers"]
    if exit_code is None:
        del container["exitCode"]
    else:
        container["exitCode"] = exit_code
    return event


def heard(engine: Engine, event: Any) -> bool:
    cluster = json.loads(EVENT.read_text())["detail"]["clusterArn"]
    rule = {"source": [SOURCE], "detail-type": [DETAIL_TYPE], "detail": pattern(cluster)}
    return engine.client("events").test_event_pattern(
        EventPattern=json.dumps(rule), Event=json.dumps(event)
    )["Result"]


@pytest.mark.parametrize(
    ("stop_code", "exit_code", "is_heard"),
    [
        ("SpotInterruption", 75, True),
        ("SpotInterruption", None, True),
        ("UserInitiated", 143, True),
        ("TaskFailedToStart", None, True),
        ("EssentialContainerExited", 137, True),
        ("EssentialContainerExited", 1, True),
        ("EssentialContainerExited", 0, False),
        ("EssentialContainerExited", 75, False),
    ],
)
def test_only_ends_that_are_not_the_converters_own_are_heard(
    engine: Engine, stop_code: str, exit_code: int | None, is_heard: bool
) -> None:
    assert heard(engine, told(stop_code, exit_code)) is is_heard


@pytest.mark.parametrize(
    "changes",
    [
        {"lastStatus": "RUNNING"},  # the warning, two minutes before
        {"clusterArn": "arn:aws:ecs:eu-west-1:123456789012:cluster/another"},
    ],
)
def test_a_warning_and_another_clusters_task_are_not(
    engine: Engine, changes: dict[str, str]
) -> None:
    assert heard(engine, told("SpotInterruption", 75, **changes)) is False
