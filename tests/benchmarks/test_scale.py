"""The simulation of scale is of our code: its figures are the code's, and it loses nothing."""

from __future__ import annotations

import ast
import json
import platform
import re
from pathlib import Path
from typing import Any

import pytest

from benchmarks import scale
from benchmarks.scale_counts import Bucket
from benchmarks.scale_model import Pipeline
from benchmarks.scale_quotas import NEW_ACCOUNT_VCPUS, Assumed, Code, Quota, Region, Settings
from conversion.batches.request import room_for
from infra.options import Options
from tests.contract.examples import JOB_ID
from tests.unit.statemachine.evaluation import Evaluator

_ROOT = Path(__file__).parents[2]
_ASL = json.loads((_ROOT / "statemachine" / "conversion.asl.json").read_text())["States"]
_PAGE = _ROOT / "docs" / "scale.md"
CODE = Code()


def constant(path: str, name: str) -> Any:
    """What a module gives a name at its top; read, not imported: the CDK takes seconds."""
    for each in ast.parse((_ROOT / path).read_text()).body:
        match each:
            case ast.Assign(
                targets=[ast.Name(id=found) | ast.Tuple(elts=[ast.Name(id=found), *_])]
            ):
                value = each.value
            case ast.AnnAssign(target=ast.Name(id=found), value=ast.expr() as value):
                pass
            case _:
                continue
        if found == name:
            return ast.literal_eval(value)
    raise AssertionError(f"{path} has no {name}")


@pytest.mark.parametrize(
    ("path", "name", "figure"),
    [
        ("infra/constructs/upload_queue.py", "_BATCH", CODE.batch),
        ("infra/constructs/upload_queue.py", "_AT_ONCE", CODE.at_once),
        ("infra/constructs/job_stream.py", "_BATCH", CODE.stream_batch),
        ("conversion/start.py", "_MOST_AT_ONCE", CODE.most_started),
        ("conversion/batches/request.py", "_FILES_EACH", CODE.files_each),
        ("conversion/batches/request.py", "_MOST_AT_ONCE", CODE.most_children),
        ("conversion/cost.py", "_TRANSITIONS", (CODE.transitions, CODE.transitions_again)),
    ],
)
def test_a_figure_is_the_codes(path: str, name: str, figure: Any) -> None:
    assert constant(path, name) == figure


def test_a_slot_takes_the_bytes_of_a_jobs_id_and_one() -> None:
    assert CODE.slot_bytes == len(JOB_ID) + 1


def test_the_recovery_runs_as_often() -> None:
    text = (_ROOT / "infra" / "stacks" / "life_cycle.py").read_text()
    (minutes,) = re.findall(r'"EachMinute", Duration\.minutes\((\d+)\)', text)
    assert 60 * int(minutes) == CODE.sweep_seconds


@pytest.mark.parametrize(
    ("kind", "tries", "pause"),
    [
        ("notStarted", CODE.tries_not_started, CODE.pause_not_started),
        ("interrupted", CODE.tries_interrupted, CODE.pause_interrupted),
    ],
)
def test_a_job_is_tried_again_as_the_state_machine_does(
    kind: str, tries: int, pause: tuple[float, float]
) -> None:
    (rule,) = (each for each in _ASL["TryAgain"]["Choices"] if f"${kind} <" in each["Condition"])
    longest = rule["Output"]["seconds"].replace("$random()", "1")
    given = {"input": {"jobId": "j1", "kind": kind}}
    for number in range(tries + 1):
        assert Evaluator()(rule["Condition"], given, {kind: number}) == (number < tries)
        length = min(CODE.longest_pause, pause[0] * pause[1] ** min(number, 20))
        assert Evaluator()(longest, given, {kind: number}) == pytest.approx(length, abs=1)


def test_a_batch_has_as_many_jobs_at_a_time_as_a_deployment_tells_it() -> None:
    assert Options().max_waiting_jobs == CODE.most_waiting
    assert room_for(100, CODE.most_waiting) == 100 + CODE.most_waiting // 2


def test_a_batchs_child_looks_as_often_as_the_state_machine_does() -> None:
    files = json.loads((_ROOT / "statemachine" / "batch_files.asl.json").read_text())
    rule = files["ItemProcessor"]["States"]["Pause"]["Seconds"].replace("$random()", "1")
    first, growth = CODE.pause_look
    for looks in range(20):
        longest = min(CODE.longest_pause, first * growth**looks)
        assert Evaluator()(rule, {"input": {"looks": looks}}, {}) == pytest.approx(longest, abs=1)


def test_the_encoder_is_as_fast_as_the_estimate_of_costs_has_it() -> None:
    text = (_ROOT / "conversion" / "cost.py").read_text()
    (speed,) = re.findall(r'"mp3": \((\d+), ', text)
    assert Assumed().speed == float(speed)


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    bucket = Bucket(Quota("calls", 5, 2, "a page"))

    assert [bucket.take(0.0) for _ in range(7)] == [True] * 5 + [False] * 2
    assert [bucket.take(1.0) for _ in range(3)] == [True, True, False]
    assert (bucket.refused, bucket.peak) == (3, 7)


def test_a_burst_is_drained_and_nothing_is_lost() -> None:
    outcome = Pipeline(Settings(slots=50)).run(scale.of_a_burst(500, 3))

    assert len(outcome.jobs) == 500
    assert all(job.landed <= job.started < job.over for job in outcome.jobs)
    assert outcome.peak_tasks == 50
    assert outcome.peak_waiting > 400
    assert not any(job.failed for job in outcome.jobs)


def test_a_batch_has_no_more_jobs_there_than_it_may_and_all_come_to_an_end() -> None:
    outcome = Pipeline(Settings(slots=20), code=Code(most_waiting=60)).run_batch(300)

    assert len(outcome.jobs) == 300
    assert outcome.peak_tasks == 20
    assert 0 < outcome.peak_waiting <= 60 // 2
    assert all(job.landed <= job.started < job.over for job in outcome.jobs)
    assert max(job.landed for job in outcome.jobs) > 10 * Assumed().task_start[0]


@pytest.mark.parametrize(
    ("region", "column"),
    [
        (Region(transitions=Quota("state transitions", 20, 20, "a page")), "state transitions"),
        (Region(put_events=Quota("PutEvents", 2, 2, "a page")), "PutEvents"),
    ],
)
def test_a_quota_that_is_too_small_makes_calls_wait_and_loses_none(
    region: Region, column: str
) -> None:
    outcome = Pipeline(Settings(region=region)).run(scale.of_a_burst(200, 3))

    assert outcome.buckets[column].refused > 0
    assert outcome.buckets[column].peak > 2
    assert all(job.over > job.started and not job.failed for job in outcome.jobs)


def test_records_that_are_throttled_are_written_later() -> None:
    outcome = Pipeline(Settings(), Assumed(item_units=100)).run(scale.of_a_burst(300, 2))

    assert outcome.buckets["writes of `created` in byStatus"].refused > 0
    assert all(job.over > job.landed for job in outcome.jobs)


def test_costs_are_of_arm64_whichever_machine_counts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = Pipeline(Settings()).run([0.0])
    told: set[float] = set()
    for machine in ("aarch64", "x86_64"):
        monkeypatch.setattr(platform, "machine", lambda machine=machine: machine)
        told.add(scale.cost(outcome))
    assert len(told) == 1


def test_no_more_run_than_there_are_vcpus_and_the_others_are_tried_again() -> None:
    outcome = Pipeline(Settings(slots=50).of_a_new_account()).run(scale.of_a_burst(100, 3))

    assert outcome.peak_tasks == 2 * NEW_ACCOUNT_VCPUS
    assert sum(job.not_started for job in outcome.jobs) > 100
    assert not any(job.failed for job in outcome.jobs)


def test_without_any_capacity_a_job_fails_when_its_tries_are_over() -> None:
    (job,) = Pipeline(Settings(spot_vcpus=0, on_demand_vcpus=0)).run([0.0]).jobs

    assert job.failed
    assert job.not_started == CODE.tries_not_started + 1
    assert 4 * 3600 <= job.over <= 8.5 * 3600


def test_what_spot_takes_away_is_converted_on_demand() -> None:
    outcome = Pipeline(Settings(), Assumed(interrupted=1.0)).run([0.0, 1.0])

    assert [job.interrupted for job in outcome.jobs] == [1, 1]
    assert outcome.buckets["launches on demand"].peak > 0


def test_one_seed_is_one_outcome() -> None:
    first, again = (Pipeline(Settings(slots=20)).run(scale.of_a_burst(200, 2)) for _ in range(2))

    assert first.drained == again.drained
    assert [job.over for job in first.jobs] == [job.over for job in again.jobs]


def test_a_days_files_come_as_people_work() -> None:
    day = list(scale.of_a_day(24_000, 2_400))

    assert len(day) == pytest.approx(24_000, abs=1)
    assert day == sorted(day)
    busiest = sum(1_100 <= each < 1_300 for each in day) / 200
    assert busiest == pytest.approx(1.5 * 10, rel=0.05)


def test_the_page_has_a_line_for_every_scenario() -> None:
    told = _PAGE.read_text()
    for scenario in scale.SCENARIOS:
        assert told.count(f"| {scenario.name} |") == 2


@pytest.mark.long
def test_the_whole_of_it_is_simulated_in_small(capsys: pytest.CaptureFixture[str]) -> None:
    assert scale.main(["--share", "0.01"]) == 0
    told = capsys.readouterr().out
    for scenario in scale.SCENARIOS:
        assert told.count(f"| {scenario.name} |") == 2
