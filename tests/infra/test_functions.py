"""Every function: its code, its log, and an environment that its own settings can be read from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from conversion import settings
from conversion.settings import PREFIX
from conversion.stores.logs import KEPT
from infra.cold_start import settings_of
from tests.infra.assembly import Assembly

LAMBDAS = Path(__file__).parents[2] / "lambdas"
FOLDERS = sorted(path.parent.name for path in LAMBDAS.glob("*/handler.py"))
# Those of a deployment that has sources for batches; tests/infra/test_batch.py has them.
OF_BATCHES = {each for each in FOLDERS if "batch" in each}


# They say what their events tell them to.
TOLD_NOTHING = {"fail_execution", "follow_tasks"}
WAITING = "SLUICE_MAX_WAITING_JOBS"


def function(assembly: Assembly, folder: str) -> Any:
    (only,) = [
        each
        for each in assembly.of("AWS::Lambda::Function").values()
        if each["Handler"] == f"lambdas.{folder}.handler.handler"
    ]
    return only


def test_every_handler_is_deployed_and_nothing_else(
    assembly: Assembly, other_assembly: Assembly
) -> None:
    deployed, other = (
        {
            each["Handler"].split(".")[1]
            for each in every.of("AWS::Lambda::Function").values()
            if each["Handler"].startswith("lambdas.")  # not CDK's own, which empties a bucket
        }
        for every in (assembly, other_assembly)
    )
    assert other == set(FOLDERS) - OF_BATCHES
    assert deployed == other - {"deliver_webhook"}  # for which there is no address


@pytest.mark.parametrize("folder", [each for each in FOLDERS if each not in OF_BATCHES])
def test_a_function_is_told_what_its_settings_read(other_assembly: Assembly, folder: str) -> None:
    given = environment(function(other_assembly, folder))
    told = {name: number(value) for name, value in given.items()}
    assert told == settings_of(folder).from_env(told).to_env()
    assert bool(told) is (folder not in TOLD_NOTHING)


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
        environment(each).get("SLUICE_RETENTION_DAYS", "30")
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


def test_the_caps_are_the_same_for_all_who_start_jobs(other_assembly: Assembly) -> None:
    told = [environment(each) for each in other_assembly.of("AWS::Lambda::Function").values()]
    running = [each["SLUICE_MAX_RUNNING_JOBS"] for each in told if "SLUICE_SLOTS_TABLE" in each]
    waiting = [each[WAITING] for each in told if WAITING in each]
    # start_jobs, follow_jobs and recover_jobs let what is too much wait; the API refuses more, and
    # its health tells of both.
    assert running == ["20"] * 6
    assert waiting == ["50"] * 3


def test_all_functions_run_the_same_code_in_the_same_way(assembly: Assembly) -> None:
    functions = assembly.of("AWS::Lambda::Function").values()
    assert len({str(each["Code"]) for each in functions}) == 1
    assert {str(each["Architectures"]) for each in functions} == {"['arm64']"}


def environment(function: Any) -> dict[str, str]:
    """What is ours of it."""
    told = function.get("Environment", {}).get("Variables", {})
    return {name: value for name, value in told.items() if name.startswith(PREFIX)}


def test_every_function_is_traced_and_knows_its_deployment(other_assembly: Assembly) -> None:
    """Powertools' own variables: its lines, its metrics and its traces go by this name."""
    for each in ours(other_assembly):
        assert each["TracingConfig"] == {"Mode": "Active"}
        told = each["Environment"]["Variables"]
        assert told["POWERTOOLS_SERVICE_NAME"] == "sluice-prod"
        assert told["POWERTOOLS_METRICS_NAMESPACE"] == "Sluice"


def test_functions_run_under_the_python_that_compiled_them(assembly: Assembly) -> None:
    here = f"python{sys.version_info.major}.{sys.version_info.minor}"
    assert {each["Runtime"] for each in ours(assembly)} == {here}


def ours(assembly: Assembly) -> list[Any]:
    """Without CDK's own, which empties a bucket."""
    functions = assembly.of("AWS::Lambda::Function").values()
    return [each for each in functions if each["Handler"].startswith("lambdas.")]


def number(value: str) -> str:
    """A port is a token until it is deployed; the process reads a number."""
    return "6379" if value.endswith("Endpoint.Port}") else value


def test_every_log_is_our_own_and_ends(assembly: Assembly) -> None:
    groups = assembly.of("AWS::Logs::LogGroup")
    assert all(each["RetentionInDays"] == KEPT.days for each in groups.values())
    for name, each in assembly.of("AWS::Lambda::Function").items():
        own = f"{name.removesuffix('Function')}Logs"
        assert own in groups
        assert each["LoggingConfig"]["LogGroup"] == f"${{{own}}}"
