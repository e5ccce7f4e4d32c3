"""Every function: its code, its log, and an environment that its own settings can be read from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conversion import settings
from conversion.settings import Settings
from tests.infra.assembly import Assembly

LAMBDAS = Path(__file__).parents[2] / "lambdas"
FOLDERS = sorted(path.parent.name for path in LAMBDAS.glob("*/handler.py"))


def settings_of(folder: str) -> type[Settings]:
    return getattr(settings, f"{folder.title().replace('_', '')}Settings")


def function(assembly: Assembly, folder: str) -> Any:
    (only,) = [
        each
        for each in assembly.of("AWS::Lambda::Function").values()
        if each["Handler"] == f"lambdas.{folder}.handler.handler"
    ]
    return only


def test_every_handler_is_deployed_and_nothing_else(assembly: Assembly) -> None:
    handlers = {each["Handler"] for each in assembly.of("AWS::Lambda::Function").values()}
    assert handlers == {f"lambdas.{folder}.handler.handler" for folder in FOLDERS}


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_function_is_told_what_its_settings_read(assembly: Assembly, folder: str) -> None:
    environment = function(assembly, folder)["Environment"]["Variables"]
    told = settings_of(folder).from_env(environment)
    assert environment == told.to_env()


def test_the_converter_is_told_what_its_settings_read(assembly: Assembly) -> None:
    (container,) = assembly.the("AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    environment = {each["Name"]: each["Value"] for each in container["Environment"]}
    told = settings.ConverterSettings.from_env(environment)
    assert environment == told.to_env()
    assert (told.bucket, told.jobs_table, told.progress_table) == (
        "${Bucket}",
        "${Jobs}",
        "${Progress}",
    )


def test_retention_is_the_same_for_objects_and_records(other_assembly: Assembly) -> None:
    told = [
        each["Environment"]["Variables"].get("SLUICE_RETENTION_DAYS", "30")
        for each in other_assembly.of("AWS::Lambda::Function").values()
        if each["Handler"].startswith("lambdas.")
    ]
    assert set(told) == {"30"}


@pytest.mark.parametrize(
    ("which", "told"), [("assembly", "mp3"), ("other_assembly", "archive-flac")]
)
def test_the_starter_is_told_the_default_conversions(
    request: pytest.FixtureRequest, which: str, told: str
) -> None:
    functions = request.getfixturevalue(which).of("AWS::Lambda::Function").values()
    (starter,) = [each for each in functions if "start_jobs" in each["Handler"]]
    assert starter["Environment"]["Variables"]["SLUICE_DEFAULT_CONVERSIONS"] == told


def test_all_functions_run_the_same_code_in_the_same_way(assembly: Assembly) -> None:
    functions = assembly.of("AWS::Lambda::Function").values()
    assert len({str(each["Code"]) for each in functions}) == 1
    assert {each["Runtime"] for each in functions} == {"python3.13"}
    assert {str(each["Architectures"]) for each in functions} == {"['arm64']"}


def test_every_log_is_our_own_and_ends(assembly: Assembly) -> None:
    groups = assembly.of("AWS::Logs::LogGroup")
    assert all(each["RetentionInDays"] == 30 for each in groups.values())
    for name, each in assembly.of("AWS::Lambda::Function").items():
        own = f"{name.removesuffix('Function')}Logs"
        assert own in groups
        assert each["LoggingConfig"]["LogGroup"] == f"${{{own}}}"
