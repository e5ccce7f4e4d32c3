"""What a function does before its first event: read its settings or say what is missing."""

from __future__ import annotations

import pytest

from conversion.errors import SettingsError
from conversion.settings import PREFIX
from tests.unit.lambdas.conftest import FUNCTIONS, SETTINGS, load

REQUIRED = {
    "create_upload": {"BUCKET", "UPLOADS_TABLE"},
    "start_jobs": {"BUCKET", "UPLOADS_TABLE", "JOBS_TABLE", "STATE_MACHINE_ARN"},
    "create_job": {"BUCKET", "UPLOADS_TABLE", "JOBS_TABLE", "STATE_MACHINE_ARN"},
    "get_job": {"JOBS_TABLE"},
    "get_progress": {"JOBS_TABLE", "PROGRESS_TABLE"},
    "get_output": {"BUCKET", "JOBS_TABLE"},
}


@pytest.mark.parametrize("function", FUNCTIONS)
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
    for client in held:
        config = client.meta.config
        tries = config.retries["total_max_attempts"]
        backoff = sum(2**n for n in range(tries - 1))  # at most; botocore's standard mode
        assert tries * max(config.connect_timeout, config.read_timeout) + backoff < 10
