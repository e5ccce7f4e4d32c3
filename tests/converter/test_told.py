"""What a task tells of itself while it runs: every clause of its log, and its part of a trace."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from typing import Any

import pytest

from conversion.job import Job
from conversion.traces import VARIABLE
from tests.converter.sounds import Sounds
from tests.converter.world import World
from tests.unit.conversion.test_traces import PARENT, ROOT
from tests.unit.converter.test_trace import XRay

NAME, TITLE = "Anna Muster – live", "Private Words"
HEADER = f"Root={ROOT};Parent={PARENT};Sampled=1"


@pytest.fixture
def x_ray(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    XRay.heard.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), XRay) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL_XRAY", f"http://127.0.0.1:{server.server_port}")
        yield XRay.heard
        server.shutdown()


def told(world: World, job: Job) -> list[dict[str, Any]]:
    text, _ = world.start(job).communicate(timeout=60)
    return [json.loads(line) for line in text.decode().splitlines()]


def private(world: World, sounds: Sounds, conversion: str = "mp3") -> Job:
    data = sounds.with_tag("mp3", "title", TITLE)
    return world.job(data, conversion, key=f"uploads/{NAME}.mp3", name=f"{NAME}.mp3")


def test_at_debug_every_call_is_a_line_and_none_has_a_word_of_anybodys(
    world: World, sounds: Sounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "DEBUG")
    job = private(world, sounds)
    lines = told(world, job)

    calls = [each for each in lines if each["message"] == "called"]
    assert {each["operation"] for each in calls} >= {
        *("dynamodb.UpdateItem", "s3.GetObject", "s3.PutObject", "s3.HeadObject"),
    }
    for each in calls:
        assert each.keys() >= {"milliseconds", "retries", "outcome"}
    written = {each.get("about") for each in calls if each["operation"] == "s3.PutObject"}
    assert written == {f"conversions/{job.job_id}/1/output.mp3"}
    read = {each.get("about") for each in calls if each["operation"] == "dynamodb.UpdateItem"}
    assert read == {job.job_id}
    logged = json.dumps(lines, ensure_ascii=False)
    for word in ("Muster", TITLE, "X-Amz-", "Authorization", "AWS4-HMAC"):
        assert word not in logged


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        ("claimed", {"attempt", "conversion"}),
        ("probed", {"sound"}),
        ("ffmpeg started", {"pid", "command"}),
        ("progress", {"stage", "percent"}),
        ("ffmpeg ended", {"exitCode", "seconds", "cpuSeconds", "peakBytes", "stderr"}),
        ("completed", {"key", "bytes", "seconds", "mode"}),
        ("services called", {"calls"}),
        ("attempt ended", {"AttemptSeconds", "AttemptCpuSeconds", "AttemptPeakMemory"}),
    ],
)
def test_a_clause_of_the_requirements_is_a_line_with_its_fields(
    conversion: list[dict[str, Any]], message: str, fields: set[str]
) -> None:
    lines = [each for each in conversion if each["message"] == message]
    assert lines
    for each in lines:
        assert each.keys() >= {*fields, "time", "level", "jobId"}


@pytest.fixture(scope="module")
def conversion_lines() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def conversion(
    world: World, sounds: Sounds, conversion_lines: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The lines of one conversion, run once for all clauses."""
    if not conversion_lines:
        conversion_lines += told(world, private(world, sounds))
    return conversion_lines


def test_progress_is_told_by_stage_and_never_falls(conversion: list[dict[str, Any]]) -> None:
    lines = [each for each in conversion if each["message"] == "progress"]
    stages = list(dict.fromkeys(each["stage"] for each in lines))
    assert stages == ["probing", "converting", "finalizing"]
    percents = [each["percent"] for each in lines]
    assert percents == sorted(percents)


def test_the_calls_are_summed_up_at_the_end(conversion: list[dict[str, Any]]) -> None:
    (line,) = [each for each in conversion if each["message"] == "services called"]
    assert line["calls"]["s3.PutObject"]["calls"] == 1
    assert line["calls"]["s3.GetObject"]["milliseconds"] > 0


def test_a_traced_attempt_sends_its_steps_when_it_is_over(
    world: World, sounds: Sounds, monkeypatch: pytest.MonkeyPatch, x_ray: list[dict[str, Any]]
) -> None:
    monkeypatch.setenv(VARIABLE, HEADER)
    job = private(world, sounds)
    lines = told(world, job)

    (segment,) = x_ray
    assert (segment["trace_id"], segment["parent_id"]) == (ROOT, PARENT)
    assert segment["annotations"] == {"jobId": job.job_id, "attempt": 1, "format": "mp3"}
    steps = [each["name"] for each in segment["subsegments"]]
    assert steps == ["claim", "probe", "converting", "publish", "record"]
    assert not segment.get("error")
    assert {each["traceId"] for each in lines} == {ROOT}
    assert "Muster" not in json.dumps(segment)


def test_a_failed_attempt_says_so_by_its_code(
    world: World, monkeypatch: pytest.MonkeyPatch, x_ray: list[dict[str, Any]]
) -> None:
    monkeypatch.setenv(VARIABLE, HEADER)
    told(world, world.job(b"no audio at all", "mp3"))

    (segment,) = x_ray
    assert segment["error"] is True
    (cause,) = segment["cause"]["exceptions"]
    assert cause["type"] == "UNSUPPORTED_INPUT"
