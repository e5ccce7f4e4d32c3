"""Which progress store the settings choose, and the times that go with it."""

from __future__ import annotations

import pytest

from conversion.settings import ConverterSettings, GetProgressSettings
from conversion.stores import redis_first
from conversion.stores.progress import ProgressTable
from conversion.stores.progress_store import (
    progress_store,
    seconds_between_reports,
    seconds_remembered,
)
from conversion.stores.redis_first import RedisFirst
from tasks.converter import reporter

ALONE = GetProgressSettings("jobs", "progress")
WITH_REDIS = GetProgressSettings("jobs", "progress", "cache.example", 6380)


@pytest.mark.parametrize("settings", [ALONE, ConverterSettings("data", "jobs", "progress")])
def test_without_a_host_there_is_dynamodb_alone(settings) -> None:
    assert type(progress_store(settings, None)) is ProgressTable


@pytest.mark.parametrize(
    "settings",
    [WITH_REDIS, ConverterSettings("data", "jobs", "progress", redis_host="cache.example")],
)
def test_with_a_host_there_is_redis_first_and_nothing_is_contacted(aws, settings) -> None:
    assert type(progress_store(settings, None)) is RedisFirst


@pytest.mark.parametrize("settings", [ALONE, WITH_REDIS])
def test_what_is_told_from_memory_is_younger_than_the_next_report(settings) -> None:
    """Else another process could have told a newer one already."""
    assert seconds_remembered(settings) < seconds_between_reports(settings)


def test_with_redis_what_is_told_is_younger_than_a_second() -> None:
    """Written so often, and told from memory for so long: the oldest there can be."""
    assert seconds_between_reports(WITH_REDIS) + seconds_remembered(WITH_REDIS) < 1


def test_a_copy_is_renewed_while_it_is_trusted() -> None:
    assert seconds_between_reports(WITH_REDIS) < redis_first._TRUSTED_SECONDS


def test_without_redis_a_converter_writes_about_once_a_second() -> None:
    assert seconds_between_reports(ALONE) == reporter._SECONDS_BETWEEN_WRITES == 1.0
