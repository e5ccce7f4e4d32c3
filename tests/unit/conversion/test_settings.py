"""Settings write themselves and read themselves, and say what is missing."""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversion import settings
from conversion.conversion import Conversion
from conversion.errors import SettingsError
from conversion.settings import RecoverJobsSettings, Settings, StartJobsSettings, variable

ALL: list[type[Settings]] = [
    each
    for each in vars(settings).values()
    if isinstance(each, type)
    and issubclass(each, Settings)
    and is_dataclass(each)
    and each is not Settings
]


# Those of a process that cannot do without being told something.
NEEDY = [kind for kind in ALL if any(each.default is MISSING for each in fields(kind))]

STARTING: list[Any] = [StartJobsSettings, RecoverJobsSettings]


def filled(kind: type[Settings]) -> Settings:
    """One whose every field differs from its default."""
    values: dict[str, Any] = {
        each.name: 12345 if each.type == "int" else f"value-of-{each.name}" for each in fields(kind)
    }
    return kind(**values)


def test_there_is_one_for_each_process() -> None:
    assert {each.__name__.removesuffix("Settings") for each in ALL} == {
        "CreateUpload", "ReceiveUpload", "StartJobs", "CreateJob", "CancelJob", "GetJob",
        "GetHistory", "GetProgress", "GetOutput", "CheckHealth", "DescribeApi", "FollowJobs",
        "RecoverJobs", "CleanUp", "DeliverWebhook", "Converter",
        "ManageBatches", "FeedBatch", "WatchBatch", "SumUpBatch",
    }  # fmt: skip


@pytest.mark.parametrize("kind", ALL)
def test_settings_survive_the_environment(kind: type[Settings]) -> None:
    assert kind.from_env(filled(kind).to_env()) == filled(kind)


@pytest.mark.parametrize("kind", ALL)
def test_they_pick_their_own_out_of_a_whole_environment(kind: type[Settings]) -> None:
    environ = {"PATH": "/bin", "SLUICE_OTHER": "1", **filled(kind).to_env()}
    assert kind.from_env(environ) == filled(kind)


def test_only_what_describes_the_api_can_do_without() -> None:
    assert [each for each in ALL if each not in NEEDY] == [settings.DescribeApiSettings]


@pytest.mark.parametrize("kind", NEEDY)
def test_every_missing_variable_is_named_at_once(kind: type[Settings]) -> None:
    with pytest.raises(SettingsError) as refused:
        kind.from_env({})

    required = [each for each in fields(kind) if each.default is MISSING]
    for each in required:
        assert f"{variable(each)} is not set" in refused.value.message
    assert kind.__name__ in refused.value.message


@pytest.mark.parametrize("kind", NEEDY)
def test_an_empty_variable_is_as_good_as_none(kind: type[Settings]) -> None:
    required = [each for each in fields(kind) if each.default is MISSING]
    with pytest.raises(SettingsError) as refused:
        kind.from_env({variable(each): "" for each in required})

    for each in required:
        assert f"{variable(each)} is empty" in refused.value.message


@pytest.mark.parametrize("kind", ALL)
def test_defaults_stand_where_nothing_is_said(kind: type[Settings]) -> None:
    required = {
        variable(each): getattr(filled(kind), each.name)
        for each in fields(kind)
        if each.default is MISSING
    }
    made = kind.from_env(required)
    for each in fields(kind):
        if each.default is not MISSING:
            assert getattr(made, each.name) == each.default


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "1e3"])
def test_a_number_is_a_whole_number(text: str) -> None:
    environ = filled(StartJobsSettings).to_env() | {"SLUICE_RETENTION_DAYS": text}
    with pytest.raises(SettingsError, match=r"SLUICE_RETENTION_DAYS is '.*', not a whole number"):
        StartJobsSettings.from_env(environ)


@given(st.text(min_size=1))
def test_a_token_passes_through_unread(token: str) -> None:
    """CDK writes `${Token[TOKEN.123]}` where a name will be: nothing here may look into it."""
    made = settings.GetJobSettings(token)
    assert settings.GetJobSettings.from_env(made.to_env()) == made


@pytest.mark.parametrize("kind", STARTING)
@pytest.mark.parametrize(
    ("text", "conversions"),
    [
        ("", ()),
        ("mp3", (Conversion("mp3"),)),
        ("mp3, opus@96,", (Conversion("mp3"), Conversion("opus", 96))),
        (
            "podcast-mono-64k,flac",
            (Conversion.from_request({"preset": "podcast-mono-64k"}), Conversion("flac")),
        ),
    ],
)
def test_default_conversions_are_a_list(
    kind: type[Any], text: str, conversions: tuple[Conversion, ...]
) -> None:
    assert replace(filled(kind), default_conversions=text).conversions == conversions


@pytest.mark.parametrize("kind", STARTING)
@pytest.mark.parametrize("text", ["mp4", "mp3@x", "mp3;flac"])
def test_default_conversions_that_are_none_name_their_variable(kind: type[Any], text: str) -> None:
    with pytest.raises(SettingsError, match="SLUICE_DEFAULT_CONVERSIONS"):
        _ = replace(filled(kind), default_conversions=text).conversions
