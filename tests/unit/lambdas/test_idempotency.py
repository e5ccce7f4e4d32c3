"""Idempotency-Key: asked twice, made once."""

from __future__ import annotations

import re
import threading
import time
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from conversion.callers import ANYBODY, Caller
from conversion.errors import (
    IdempotencyKeyReused,
    InvalidRequest,
    RecordsUnavailable,
    RequestInProgress,
    TooManyJobs,
)
from conversion.stores import clients
from lambdas.idempotency import REMEMBERED_SECONDS, Idempotency
from tests.contract import tables
from tests.contract.throttled import DOWN, refused

KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"
BODY = {"fileId": "f", "conversion": {"format": "mp3"}}


class Context:
    """A function that is killed after so many milliseconds."""

    def __init__(self, milliseconds: int = 10_000) -> None:
        self.get_remaining_time_in_millis = lambda: milliseconds


def request(key: str | None = KEY, milliseconds: int = 10_000) -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    return SimpleNamespace(
        current_event=SimpleNamespace(headers=headers), lambda_context=Context(milliseconds)
    )


class Maker:
    """Makes another id each time."""

    def __init__(self) -> None:
        self._ids = count(1)
        self.made: list[str] = []

    def __call__(self, body: dict[str, Any]) -> str:
        self.made.append(f"{body['fileId']}-{next(self._ids)}")
        return self.made[-1]


@pytest.fixture
def client(aws: None) -> Any:
    made = clients.dynamodb(clients.BRISK)
    tables.create_tables(made)
    return made


@pytest.fixture
def idempotency(client) -> Idempotency:
    return Idempotency(tables.IDEMPOTENCY, client, "POST /v1/jobs")


@pytest.fixture
def make() -> Maker:
    return Maker()


def remembered(client) -> list[dict[str, Any]]:
    return client.scan(TableName=tables.IDEMPOTENCY)["Items"]


def test_without_a_key_each_request_makes_one(idempotency, client, make) -> None:
    ids = [idempotency.once(request(None), ANYBODY, BODY, make) for _ in range(2)]

    assert ids == ["f-1", "f-2"]
    assert remembered(client) == []


def test_a_repeat_is_given_what_the_first_made(idempotency, make) -> None:
    ids = [idempotency.once(request(), ANYBODY, BODY, make) for _ in range(3)]

    assert ids == ["f-1"] * 3
    assert make.made == ["f-1"]


def test_a_repeat_is_known_by_another_process_too(idempotency, client, make) -> None:
    first = idempotency.once(request(), ANYBODY, BODY, make)
    other = Idempotency(tables.IDEMPOTENCY, clients.dynamodb(), "POST /v1/jobs")

    assert other.once(request(), ANYBODY, BODY, make) == first


def test_the_order_of_the_fields_makes_no_other_body(idempotency, make) -> None:
    first = idempotency.once(request(), ANYBODY, BODY, make)
    turned = dict(reversed(BODY.items()))

    assert idempotency.once(request(), ANYBODY, turned, make) == first


def test_a_key_in_quotes_is_the_same_key(idempotency, make) -> None:
    ids = {idempotency.once(request(key), ANYBODY, BODY, make) for key in (KEY, f'"{KEY}"')}

    assert len(ids) == 1


def test_a_changed_body_is_refused(idempotency, make) -> None:
    idempotency.once(request(), ANYBODY, BODY, make)

    with pytest.raises(IdempotencyKeyReused):
        idempotency.once(request(), ANYBODY, {**BODY, "fileId": "g"}, make)
    assert make.made == ["f-1"]


def test_keys_of_two_callers_do_not_meet(idempotency, make) -> None:
    anna, ben = (Caller.identified(name, ()) for name in ("anna", "ben"))

    ids = [idempotency.once(request(), each, BODY, make) for each in (anna, ben, ANYBODY, anna)]

    assert ids == ["f-1", "f-2", "f-3", "f-1"]


def test_keys_of_two_routes_do_not_meet(idempotency, client, make) -> None:
    uploads = Idempotency(tables.IDEMPOTENCY, client, "POST /v1/uploads")

    ids = [each.once(request(), ANYBODY, BODY, make) for each in (idempotency, uploads)]

    assert ids == ["f-1", "f-2"]


def test_an_error_is_not_remembered(idempotency, client, make) -> None:
    def fails(_: dict[str, Any]) -> str:
        raise TooManyJobs("Come back later.")

    with pytest.raises(TooManyJobs):
        idempotency.once(request(), ANYBODY, BODY, fails)

    assert remembered(client) == []
    assert idempotency.once(request(), ANYBODY, BODY, make) == "f-1"


def test_while_the_first_runs_the_second_is_told_to_come_back(idempotency, client, make) -> None:
    """The two run side by side, in functions of their own."""
    other = Idempotency(tables.IDEMPOTENCY, clients.dynamodb(), "POST /v1/jobs")
    runs, may_end = threading.Event(), threading.Event()
    first: list[str] = []

    def slow(body: dict[str, Any]) -> str:
        runs.set()
        assert may_end.wait(10)
        return make(body)

    thread = threading.Thread(
        target=lambda: first.append(idempotency.once(request(), ANYBODY, BODY, slow))
    )
    thread.start()
    assert runs.wait(10)
    with pytest.raises(RequestInProgress):
        other.once(request(), ANYBODY, BODY, make)
    with pytest.raises(IdempotencyKeyReused):
        other.once(request(), ANYBODY, {**BODY, "fileId": "g"}, make)
    may_end.set()
    thread.join(10)

    assert first == [other.once(request(), ANYBODY, BODY, make)] == make.made


def test_what_killed_its_function_is_forgotten_when_its_time_is_up(idempotency, make) -> None:
    class Killed(BaseException):
        """Nothing behind it runs, as when Lambda ends a function."""

    def hangs(_: dict[str, Any]) -> str:
        raise Killed

    with pytest.raises(Killed):
        idempotency.once(request(milliseconds=300), ANYBODY, BODY, hangs)
    with pytest.raises(RequestInProgress):
        idempotency.once(request(), ANYBODY, BODY, make)

    time.sleep(0.4)
    assert idempotency.once(request(), ANYBODY, BODY, make) == "f-1"


def test_what_is_kept_is_an_id_and_hashes_for_a_day(idempotency, client, make) -> None:
    idempotency.once(request(), Caller.identified("anna", ()), BODY, make)

    (item,) = remembered(client)
    assert re.fullmatch(r"POST /v1/jobs#[0-9a-f]{64}", item["id"]["S"])
    assert re.fullmatch(r"[0-9a-f]{64}", item["body"]["S"])
    assert (item["made"]["S"], item["status"]["S"]) == ('"f-1"', "COMPLETED")
    assert int(item["expiresAt"]["N"]) == pytest.approx(time.time() + REMEMBERED_SECONDS, abs=5)


@pytest.mark.parametrize("key", ["", " ", "two words", "x" * 256, "ключ", 'a"b', '""', "a\x7f"])
def test_what_is_no_key_is_refused(idempotency, client, make, key) -> None:
    with pytest.raises(InvalidRequest, match="Idempotency-Key"):
        idempotency.once(request(key), ANYBODY, BODY, make)
    assert make.made == remembered(client) == []


def test_a_table_that_does_not_answer_lets_nothing_be_made(idempotency, client, make) -> None:
    with refused(client, "PutItem", DOWN), pytest.raises(RecordsUnavailable):
        idempotency.once(request(), ANYBODY, BODY, make)
    assert make.made == []


def test_what_was_made_is_answered_though_it_cannot_be_remembered(
    idempotency, client, make
) -> None:
    with refused(client, "UpdateItem", DOWN) as refusals:
        assert idempotency.once(request(), ANYBODY, BODY, make) == "f-1"
    assert refusals.count == 1


def test_an_error_is_told_though_the_key_cannot_be_freed(idempotency, client) -> None:
    def fails(_: dict[str, Any]) -> str:
        raise TooManyJobs("Come back later.")

    with refused(client, "DeleteItem", DOWN), pytest.raises(TooManyJobs):
        idempotency.once(request(), ANYBODY, BODY, fails)
