"""The batch stack: there with `batchSources` alone, and reading nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conversion.batches.sources import places
from conversion.metrics import Metric
from infra.batch_definition import definition
from tests.infra.assembly import Assembly
from tests.infra.conftest import synthesise
from tests.infra.test_alarms import OF_BATCHES, alarms
from tests.infra.test_api import OF_BATCHES as THEIR_ROUTES

SOURCES = "archive/talks/,archive/songs,recordings"
ROUTES = set(THEIR_ROUTES)


@pytest.fixture(scope="module")
def batches(functions: Path, tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """Where callers have tokens: batches are the account's all the same."""
    context = {"batchSources": SOURCES, "auth": "jwt", "maxWaitingJobs": "50"}
    return synthesise(functions, tmp_path_factory.mktemp("batches") / "cdk.out", context)


def routes(assembly: Assembly) -> dict[str, Any]:
    return {each["RouteKey"]: each for each in assembly.of("AWS::ApiGatewayV2::Route").values()}


def test_without_sources_there_is_neither_a_stack_nor_a_route(assembly: Assembly) -> None:
    assert "sluice-dev-batch" not in assembly.templates
    assert not routes(assembly).keys() & ROUTES


def test_the_routes_take_a_signature_of_the_account_and_no_token(batches: Assembly) -> None:
    found = routes(batches)
    assert found.keys() > ROUTES
    assert {found[each]["AuthorizationType"] for each in ROUTES} == {"AWS_IAM"}
    assert found["POST /v1/jobs"]["AuthorizationType"] == "JWT"


def statements(assembly: Assembly, role: str, action: str) -> list[dict[str, Any]]:
    policies = assembly.of("AWS::IAM::Policy").values()
    named = [each for each in policies if f"${{{role}}}" in str(each["Roles"])]
    return [
        statement
        for each in named
        for statement in each["PolicyDocument"]["Statement"]
        if action in str(statement["Action"])
    ]


@pytest.mark.parametrize("role", ["BatchRole", "FeedBatchRole"])
def test_a_prefix_is_all_of_its_bucket_that_may_be_listed(batches: Assembly, role: str) -> None:
    told = {
        resource.rpartition(":::")[2]: each.get("Condition")
        for each in statements(batches, role, "s3:ListBucket")
        for resource in _listed(each["Resource"])
    }
    limited = {"StringLike": {"s3:prefix": ["talks/*", "songs*"]}}
    assert told["archive"] == limited
    assert told["recordings"] is None


def _listed(resource: str | list[str]) -> list[str]:
    """The CDK joins statements that differ in their resources alone."""
    return [resource] if isinstance(resource, str) else resource


def test_the_functions_are_told_what_the_deployment_was(batches: Assembly) -> None:
    functions = batches.of("AWS::Lambda::Function")
    for name in ("FeedBatchFunction", "ManageBatchesFunction"):
        told = functions[name]["Environment"]["Variables"]
        assert places(told["SLUICE_BATCH_SOURCES"]) == places(SOURCES)
        assert told["SLUICE_MAX_WAITING_JOBS"] == "50"


def test_the_machine_has_the_definition_as_it_is_put_together(batches: Assembly) -> None:
    machines = batches.of("AWS::StepFunctions::StateMachine")
    (batch,) = [each for name, each in machines.items() if name.startswith("Batch")]
    assert json.loads(batch["DefinitionString"]) == definition()
    assert batch["DefinitionSubstitutions"]["ResultsPrefix"] == "batches/"
    assert batch["LoggingConfiguration"]["IncludeExecutionData"] is False


def test_a_full_queue_wakes_nobody_and_files_that_cannot_be_fed_do(batches: Assembly) -> None:
    found = alarms(batches)
    assert found.keys() >= OF_BATCHES | {"WatchBatchErrors", "SumUpBatchErrors"}
    assert "FeedBatchErrors" not in found
    alarm = found["FeedsFailed"]
    assert (alarm["MetricName"], alarm["Statistic"]) == (Metric.FEEDS_FAILED.title, "Sum")


def test_what_batches_write_expires(batches: Assembly) -> None:
    buckets = batches.of("AWS::S3::Bucket")
    rules = buckets["Bucket"]["LifecycleConfiguration"]["Rules"]
    (rule,) = [each for each in rules if each.get("Prefix") == "batches/"]
    (outputs,) = [each for each in rules if each["Id"] == "expire-outputs"]
    assert rule["ExpirationInDays"] == outputs["ExpirationInDays"]


def test_what_lands_among_the_results_starts_no_job(batches: Assembly) -> None:
    rules = [
        each["EventPattern"]
        for each in batches.of("AWS::Events::Rule").values()
        if "aws.s3" in str(each.get("EventPattern"))
    ]
    (pattern,) = rules
    assert pattern["detail"]["object"]["key"] == [{"prefix": "uploads/"}]
