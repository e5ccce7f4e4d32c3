"""What a function does before its first event: read its settings or say what is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from conversion.errors import SettingsError
from conversion.settings import PREFIX
from tests.unit.lambdas.conftest import FUNCTIONS, SETTINGS, load

ROOT = Path(__file__).parents[3]

REQUIRED: dict[str, set[str]] = {
    "create_upload": {
        "BUCKET", "UPLOADS_TABLE", "JOBS_TABLE", "SLOTS_TABLE", "IDEMPOTENCY_TABLE",
    },
    "receive_upload": {"BUCKET", "UPLOADS_TABLE"},
    "start_jobs": {"BUCKET", "UPLOADS_TABLE", "JOBS_TABLE", "SLOTS_TABLE", "STATE_MACHINE_ARN"},
    "create_job": {
        "BUCKET", "UPLOADS_TABLE", "JOBS_TABLE", "SLOTS_TABLE", "IDEMPOTENCY_TABLE",
        "STATE_MACHINE_ARN",
    },
    "cancel_job": {"JOBS_TABLE", "STATE_MACHINE_ARN"},
    "recover_jobs": {
        "BUCKET", "UPLOADS_TABLE", "JOBS_TABLE", "PROGRESS_TABLE", "SLOTS_TABLE",
        "STATE_MACHINE_ARN", "CLUSTER",
    },
    "get_job": {"JOBS_TABLE"},
    "get_progress": {"JOBS_TABLE", "PROGRESS_TABLE"},
    "get_output": {"BUCKET", "JOBS_TABLE"},
    "get_history": {"JOBS_TABLE", "STATE_MACHINE_ARN", "CONVERTER_LOGS"},
    "check_health": {
        "BUCKET", "UPLOADS_TABLE", "JOBS_TABLE", "PROGRESS_TABLE", "SLOTS_TABLE",
        "STATE_MACHINE_ARN", "CLUSTER", "TASK_DEFINITION",
    },
    "describe_api": set(),
}  # fmt: skip


@pytest.mark.parametrize("function", [each for each in FUNCTIONS if REQUIRED[each]])
def test_a_function_names_every_variable_it_misses(aws, function) -> None:
    with pytest.raises(SettingsError) as refused:
        load(function, {})

    for name in REQUIRED[function]:
        assert f"{PREFIX}{name} is not set" in str(refused.value)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_needs_no_more_than_that(aws, function) -> None:
    given = {f"{PREFIX}{name}": "x" for name in REQUIRED[function]}

    assert callable(load(function, given).handler)


def test_the_starter_refuses_conversions_there_are_not(aws) -> None:
    environment = SETTINGS["start_jobs"].to_env() | {"SLUICE_DEFAULT_CONVERSIONS": "mp3,mp4"}

    with pytest.raises(SettingsError, match=r"SLUICE_DEFAULT_CONVERSIONS.*mp4"):
        load("start_jobs", environment)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_outlives_a_dead_store(functions, function) -> None:
    """It has 10 s (infra/), and must still be there to say 503."""
    module = functions[function]
    held = [
        value._client
        for name in ("jobs", "uploads", "progress", "objects", "executions")
        if (value := getattr(module, name, None)) is not None
    ]
    # Of the jobs' table and of the progress table, one after the other.
    in_a_row = 2 if function == "get_progress" else 1
    for client in held:
        config = client.meta.config
        tries = config.retries["total_max_attempts"]
        backoff = sum(2**n for n in range(tries - 1))  # at most; botocore's standard mode
        seconds = tries * max(config.connect_timeout, config.read_timeout) + backoff
        assert in_a_row * seconds < 10


@pytest.mark.parametrize("room", ["lambdas.get_progress.handler", "tasks.converter.__main__"])
def test_without_a_redis_nothing_of_it_is_imported(room) -> None:
    """In a process of its own: this one has imported it for other tests."""
    asked = (
        f"import sys, {room} as room; "
        "from conversion.stores.progress_store import progress_store; "
        "from conversion.settings import GetProgressSettings as Settings; "
        "progress_store(Settings('jobs', 'progress'), None); "
        "assert not [name for name in sys.modules if name.partition('.')[0] == 'redis']"
    )
    environ = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    environ |= {"AWS_DEFAULT_REGION": "eu-west-1", **SETTINGS["get_progress"].to_env()}

    done = subprocess.run(
        [sys.executable, "-c", asked], env=environ, cwd=ROOT, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
