"""Every call is told: its operation, record, time, retries, outcome and, refused, its mend."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.stub import Stubber

from conversion.stores import clients
from conversion.stores.breaker import Breaker
from conversion.stores.calls import MENDS, OK, Call, Calls, calls, told
from conversion.stores.redis_progress import RedisProgress
from tests.contract.examples import FILE_ID, JOB_ID

PERSONS_OWN = "uploads/Ärzte – live (1).wav"


@pytest.fixture(autouse=True)
def heard(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    caplog.set_level(logging.DEBUG, "conversion.stores.calls")
    calls.take()
    yield caplog
    calls.take()


def lines(heard: pytest.LogCaptureFixture) -> list[tuple[str, dict[str, Any]]]:
    names = (*Call._fields, "mend")
    return [
        (each.levelname, {name: vars(each)[name] for name in names if name in vars(each)})
        for each in heard.records
        if each.getMessage() == "called"
    ]


def test_a_call_is_told_with_the_record_it_was_about(aws: None, heard: Any) -> None:
    client = clients.dynamodb()
    with Stubber(client) as table:
        table.add_response("get_item", {})
        client.get_item(TableName="jobs", Key={"jobId": {"S": JOB_ID}})

    [(level, call)] = lines(heard)
    assert level == "DEBUG"
    assert (call["operation"], call["about"]) == ("dynamodb.GetItem", JOB_ID)
    assert (call["retries"], call["outcome"]) == (0, OK)
    assert call["milliseconds"] >= 0
    assert "mend" not in call


@pytest.mark.parametrize(
    ("asked", "about"),
    [
        ({"TableName": "t", "Key": {"fileId": {"S": FILE_ID}}}, FILE_ID),
        ({"TableName": "t", "Key": {"fileId": {"S": "Ärzte – live (1)"}}}, None),
        ({"TableName": "t", "Key": {"name": {"S": "running"}}}, "running"),
    ],
)
def test_a_record_is_told_by_its_id_and_never_by_a_persons_words(
    aws: None, heard: Any, asked: dict[str, Any], about: str | None
) -> None:
    client = clients.dynamodb()
    with Stubber(client) as table:
        table.add_response("get_item", {})
        client.get_item(**asked)
    [(_, call)] = lines(heard)
    assert call.get("about") == about


@pytest.mark.parametrize(
    ("key", "about"),
    [
        (f"uploads/{FILE_ID}.wav", f"uploads/{FILE_ID}.wav"),
        (f"conversions/{JOB_ID}/1/output.mp3", f"conversions/{JOB_ID}/1/output.mp3"),
        (PERSONS_OWN, None),
        ("uploads/holiday.mp3", None),
        ("conversions/holiday.mp3", None),
        (f"conversions/{JOB_ID}/Ärzte/live.mp3", None),
        (f"conversions/{JOB_ID}/1/Ärzte.mp3", None),
    ],
)
def test_an_objects_key_is_told_only_if_we_made_it_up(
    aws: None, heard: Any, key: str, about: str | None
) -> None:
    client = clients.s3()
    with Stubber(client) as bucket:
        bucket.add_response("head_object", {})
        client.head_object(Bucket="b", Key=key)
    [(_, call)] = lines(heard)
    assert call.get("about") == about


@pytest.mark.parametrize(
    ("code", "status", "level"),
    [
        ("ConditionalCheckFailedException", 400, "DEBUG"),
        ("ProvisionedThroughputExceededException", 400, "WARNING"),
        ("InternalServerError", 500, "WARNING"),
        ("AccessDeniedException", 400, "ERROR"),
        ("UnrecognizedClientException", 400, "ERROR"),
        ("ResourceNotFoundException", 400, "ERROR"),
    ],
)
def test_what_is_refused_is_told_as_loudly_as_it_deserves(
    aws: None, heard: Any, code: str, status: int, level: str
) -> None:
    client = clients.dynamodb()
    with Stubber(client) as table:
        table.add_client_error("get_item", code, http_status_code=status)
        with pytest.raises(ClientError):
            client.get_item(TableName="jobs", Key={"jobId": {"S": JOB_ID}})

    [(told_at, call)] = lines(heard)
    assert (told_at, call["outcome"]) == (level, code)
    assert call.get("mend") == MENDS.get(code)
    assert ("mend" in call) is (level == "ERROR")


def test_no_answer_is_told_with_the_tries_it_took(
    aws: None, heard: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9")
    client = clients.dynamodb(clients.SWIFT)
    with pytest.raises(BotoCoreError):
        client.get_item(TableName="jobs", Key={"jobId": {"S": JOB_ID}})

    [(level, call)] = lines(heard)
    assert (level, call["outcome"], call["retries"]) == ("WARNING", "EndpointConnectionError", 1)
    assert call["milliseconds"] > 0


def test_what_signing_alone_does_is_no_call(aws: None, heard: Any) -> None:
    clients.s3().generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})
    assert lines(heard) == []


def test_calls_are_summed_by_operation_until_they_are_taken() -> None:
    some = Calls()
    some.tell(Call("s3.UploadPart", None, 10.0, 0, OK))
    some.tell(Call("s3.UploadPart", None, 20.0, 2, "SlowDown"))
    some.tell(Call("dynamodb.PutItem", JOB_ID, 3.0, 0, "ConditionalCheckFailedException"))
    assert some.take() == {
        "s3.UploadPart": {"calls": 2, "milliseconds": 30.0, "retries": 2, "failures": 1},
        "dynamodb.PutItem": {"calls": 1, "milliseconds": 3.0},
    }
    assert some.take() == {}


@pytest.mark.parametrize(("milliseconds", "retries"), [(1000.0, 0), (1.0, 1)])
def test_slow_ones_and_those_tried_again_are_told_by_default(
    heard: Any, milliseconds: float, retries: int
) -> None:
    Calls().tell(Call("s3.GetObject", None, milliseconds, retries, OK))
    assert [level for level, _ in lines(heard)] == ["INFO"]


def test_redis_is_told_by_job_too(heard: Any) -> None:
    """Nobody listens: the breaker keeps that from the caller, and the line does not."""
    client = clients.redis("127.0.0.1", 9)
    RedisProgress(client, Breaker("Redis", (Exception,), 3, 1.0)).remove(JOB_ID)
    [(level, call)] = lines(heard)
    assert (level, call["operation"], call["about"]) == ("WARNING", "redis.Delete", JOB_ID)
    assert call["outcome"] == "ConnectionError"


def test_a_call_without_events_is_told_and_raises_on(heard: Any) -> None:
    with pytest.raises(ValueError, match="bad"), told("redis.Get", JOB_ID):
        raise ValueError("bad")
    with told("redis.Get", JOB_ID):
        pass
    assert [call["outcome"] for _, call in lines(heard)] == ["ValueError", OK]
