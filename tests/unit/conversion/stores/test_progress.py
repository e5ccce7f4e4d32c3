"""What DynamoDB can answer about progress that moto never does."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from conversion.errors import RecordsUnavailable
from conversion.progress import Progress, Stage
from conversion.stores import batches, clients
from conversion.stores.progress import ProgressTable
from tests.contract.examples import JOB_ID, PROGRESS

UNREAD = {"progress": {"Keys": [{"jobId": {"S": "b"}}]}}


def item(job_id: str) -> dict[str, Any]:
    return {
        "jobId": {"S": job_id}, "attempt": {"N": "1"}, "stage": {"S": "probing"},
        "percent": {"N": "0"},
    }  # fmt: skip


_AS_DEPLOYED = batches._PAUSES_SECONDS


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "_PAUSES_SECONDS", (0.0, 0.0, 0.0))


def test_what_a_batch_left_unread_is_asked_for_again(aws: None) -> None:
    client = clients.dynamodb()
    with Stubber(client) as dynamodb:
        dynamodb.add_response(
            "batch_get_item",
            {"Responses": {"progress": [item("a")]}, "UnprocessedKeys": UNREAD},
        )
        dynamodb.add_response(
            "batch_get_item",
            {"Responses": {"progress": [item("b")]}, "UnprocessedKeys": {}},
            {"RequestItems": UNREAD},
        )
        found = ProgressTable(client, "progress").read(["a", "b"])
        dynamodb.assert_no_pending_responses()
    assert found == {each: Progress(1, Stage.PROBING) for each in "ab"}


def test_a_batch_that_stays_unread_is_not_taken_for_the_whole(aws: None) -> None:
    client = clients.dynamodb()
    with Stubber(client) as dynamodb:
        for _ in range(4):
            dynamodb.add_response("batch_get_item", {"Responses": {}, "UnprocessedKeys": UNREAD})
        with pytest.raises(RecordsUnavailable):
            ProgressTable(client, "progress").read(["a", "b"])
        dynamodb.assert_no_pending_responses()


def test_pauses_double_and_come_to_an_end(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(batches, "_PAUSES_SECONDS", _AS_DEPLOYED)
    monkeypatch.setattr(batches.time, "sleep", slept.append)
    monkeypatch.setattr(batches.random, "uniform", lambda least, most: most)
    client = clients.dynamodb()
    with Stubber(client) as dynamodb:
        for _ in range(len(_AS_DEPLOYED) + 1):
            dynamodb.add_response("batch_get_item", {"Responses": {}, "UnprocessedKeys": UNREAD})
        with pytest.raises(RecordsUnavailable):
            ProgressTable(client, "progress").read(["a", "b"])
    assert len(slept) >= 3
    assert [later / before for before, later in pairwise(slept)] == [2.0] * (len(slept) - 1)
    assert sum(slept) < 1


def test_only_what_is_shown_is_read(aws: None) -> None:
    client = clients.dynamodb()
    asked = {"Keys": [{"jobId": {"S": "a"}}], "ConsistentRead": True}
    names = {f"#{each}": each for each in ("jobId", *PROGRESS.to_item())}
    projection = {"ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names}
    with Stubber(client) as dynamodb:
        dynamodb.add_response(
            "batch_get_item",
            {"Responses": {"progress": []}, "UnprocessedKeys": {}},
            {"RequestItems": {"progress": asked | projection}},
        )
        assert ProgressTable(client, "progress").read(["a"]) == {}


@pytest.mark.parametrize("write", ["begin", "report"])
def test_a_write_whose_answer_was_cut_off_is_an_outage(aws: None, write: str) -> None:
    client = clients.dynamodb()
    table = ProgressTable(client, "progress")
    expected = {
        "TableName": "progress", "Key": {"jobId": {"S": JOB_ID}}, "UpdateExpression": ANY,
        "ConditionExpression": ANY, "ExpressionAttributeNames": ANY,
        "ExpressionAttributeValues": ANY, "ReturnValues": ANY,
        "ReturnValuesOnConditionCheckFailure": ANY,
    }  # fmt: skip
    with Stubber(client) as dynamodb:
        dynamodb.add_response("update_item", {}, expected)
        with pytest.raises(RecordsUnavailable):
            _ = table.begin(JOB_ID, 1) if write == "begin" else table.report(JOB_ID, PROGRESS)
