"""The machine of batches: what its three Map states have in common, and its bounds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conversion.batches.feed import Asked
from conversion.batches.progress import MOST_LOOKS_FOR_ONE
from conversion.batches.request import Reader
from tests.unit.statemachine.definitions import DIRECTORY, read
from tests.unit.statemachine.evaluation import Evaluator

evaluate = Evaluator()
BATCH = read(DIRECTORY / "batch.asl.json")
MAPS = [each.capitalize() for each in Reader]
# Step Functions quotas: an input in bytes, events in a history.
LARGEST_INPUT, MOST_EVENTS = 256 * 1024, 25_000


def without_its_reader(name: str) -> Any:
    """With the states' names as if there were no other Map."""
    state = BATCH.states[name]
    own = {key: each for key, each in state.items() if key not in ("ItemReader", "Comment")}
    return json.loads(json.dumps(own | {"Label": ""}).replace(name, ""))


def test_the_maps_differ_by_their_readers_alone() -> None:
    first, *others = map(without_its_reader, MAPS)
    assert all(other == first for other in others)


def test_each_reader_has_its_map_and_there_is_no_other() -> None:
    assert {name for name, each in BATCH.states.items() if each["Type"] == "Map"} == set(MAPS)
    assert {BATCH.states[name]["Label"] for name in MAPS} == {each.value for each in Reader}
    told = json.dumps(BATCH.states["Read"])
    assert all(f'"{name}"' in told for name in MAPS)


@pytest.mark.parametrize("name", MAPS)
def test_files_that_could_not_be_fed_do_not_end_the_batch(name: str) -> None:
    assert BATCH.states[name]["ToleratedFailurePercentage"] == 100


@pytest.mark.parametrize("name", MAPS)
def test_a_childs_input_is_within_the_quota(name: str) -> None:
    batcher = BATCH.states[name]["ItemBatcher"]
    # 20 conversions, each with what it can ask for, stand beside the files.
    assert batcher["MaxInputBytesPerBatch"] + 48 * 1024 < LARGEST_INPUT


@pytest.mark.parametrize("name", MAPS)
def test_a_full_queue_is_waited_for_for_days_and_not_in_step(name: str) -> None:
    full, away, _ = BATCH.states[f"Feed{name}"]["Retry"]
    assert full["ErrorEquals"] == ["TooManyJobs"]
    days = full["MaxAttempts"] * full["MaxDelaySeconds"] / 2 / 86_400
    assert 1.5 < days < 3
    assert {full["JitterStrategy"], away["JitterStrategy"]} == {"FULL"}


@pytest.mark.parametrize("name", MAPS)
def test_a_child_that_looks_as_often_as_it_may_is_within_its_history(name: str) -> None:
    """Each look: a choice, a wait, and a task whose tries leave three events each."""
    (rule,) = BATCH.states[f"Over{name}"]["Choices"]
    most_looks = int(rule["Condition"].rpartition(">= ")[2].split()[0])
    feeding, looking = (
        3 * sum(each["MaxAttempts"] for each in BATCH.states[f"{state}{name}"]["Retry"])
        for state in ("Feed", "Look")
    )
    # As if each of twenty looks met an outage that its tries just outlast.
    assert feeding + most_looks * (2 + 2 + 5) + 20 * looking < MOST_EVENTS


def hours_of(looks: int, name: str) -> float:
    """How long the pauses before so many looks are, on average."""
    seconds = BATCH.states[f"Pause{name}"]["Seconds"][2:-2].replace("$random()", "0.5")
    pauses = (evaluate(f"{{%{seconds}%}}", {"input": {"looks": each}}, {}) for each in range(looks))
    return sum(pauses) / 3600


@pytest.mark.parametrize("name", MAPS)
def test_the_looks_take_as_long_as_is_said(name: str) -> None:
    """conversion/batches/progress.py, docs/batch.md."""
    (rule,) = BATCH.states[f"Over{name}"]["Choices"]
    most_looks = int(rule["Condition"].rpartition(">= ")[2].split()[0])
    assert hours_of(MOST_LOOKS_FOR_ONE, name) == pytest.approx(3, abs=0.2)
    assert hours_of(most_looks, name) / 24 == pytest.approx(2.5, abs=0.1)


@pytest.mark.parametrize("name", MAPS)
def test_a_child_is_told_since_when_its_batch_runs(name: str) -> None:
    given = BATCH.states[name]["ItemBatcher"]["BatchInput"]
    execution = {"Name": "b1", "StartTime": "2026-11-22T02:00:00.123Z"}
    asked = {"bucket": "a", "reader": "listing", "conversions": [], "dryRun": False, "owner": None}
    told = evaluate(given, {"context": {"Execution": execution}, "input": {"asked": asked}}, {})
    batch = Asked.from_input(told).batch
    assert batch.batch_id == "b1"
    assert batch.has_made("2026-11-22T02:00:00.123Z")
    assert not batch.has_made("2026-11-22T02:00:00.122Z")
