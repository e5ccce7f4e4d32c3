"""DynamoDB's answers, broken off anywhere: the whole one is believed, of any other we ask again.

Of a connection that is closed in the middle, http.client and botocore make an answer all the same:
with the lines of the head that came, and a body that is empty.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.config import Config

from conversion.callers import ANYBODY
from conversion.errors import RecordsUnavailable, SluiceError
from conversion.job import Status
from conversion.listing import Wanted
from conversion.stores import clients
from conversion.stores.attributes import to_attributes
from conversion.stores.jobs import Jobs
from conversion.stores.slots import SlotsTable
from conversion.stores.uploads import Uploads
from tests.contract.examples import (
    FAILURE,
    FILE_ID,
    JOB,
    JOB_ID,
    OUTPUT,
    UPLOAD,
    a_job,
    cancelled,
)

Asked = Callable[[Any], object]

_PROCESSING = a_job(status=Status.PROCESSING, attempt=1)
_ITEM, _OTHER = to_attributes(_PROCESSING.to_item()), to_attributes(cancelled().to_item())
_REFUSED = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"


def _jobs(client: Any) -> Jobs:
    return Jobs(client, "jobs")


# What is asked, and what the whole answer to it would be: status and body.
ANSWERS: dict[str, tuple[Asked, int, dict[str, Any]]] = {
    "get": (lambda it: _jobs(it).get(JOB_ID), 200, {"Item": _ITEM}),
    "get nothing": (lambda it: _jobs(it).get(JOB_ID), 200, {}),
    "standings": (
        lambda it: _jobs(it).standings([JOB_ID]),
        200,
        {"Responses": {"jobs": [_ITEM]}, "UnprocessedKeys": {}},
    ),
    "of a file": (lambda it: _jobs(it).of_file(FILE_ID), 200, {"Items": [_ITEM], "Count": 1}),
    "of a status": (
        lambda it: list(_jobs(it).of_status(Status.PROCESSING)),
        200,
        {"Items": [_ITEM], "Count": 1},
    ),
    "a page": (
        lambda it: _jobs(it).page(Wanted(ANYBODY, FILE_ID), None, 50),
        200,
        {"Items": [_ITEM], "Count": 1},
    ),
    "what leaves": (lambda it: list(_jobs(it).leaving()), 200, {"Items": [_ITEM], "Count": 1}),
    "leave": (lambda it: _jobs(it).leave(JOB_ID, 1), 200, {"Attributes": _ITEM}),
    "leave refused": (lambda it: _jobs(it).leave(JOB_ID, 1), 400, {"__type": _REFUSED}),
    "claim": (lambda it: _jobs(it).claim(JOB_ID, 7), 200, {"Attributes": _ITEM}),
    "claim refused": (
        lambda it: _jobs(it).claim(JOB_ID, 7),
        400,
        {"__type": _REFUSED, "message": "The conditional request failed", "Item": _OTHER},
    ),
    "complete": (lambda it: _jobs(it).complete(JOB_ID, 1, OUTPUT), 200, {"Attributes": _ITEM}),
    "fail refused": (
        lambda it: _jobs(it).fail(JOB_ID, 1, FAILURE),
        400,
        {"__type": _REFUSED, "message": "The conditional request failed", "Item": _OTHER},
    ),
    "cancel": (lambda it: _jobs(it).cancel(JOB_ID), 200, {"Attributes": _ITEM}),
    "put refused": (lambda it: _jobs(it).put_if_absent(JOB), 400, {"__type": _REFUSED}),
    "remove refused": (lambda it: _jobs(it).remove(JOB_ID), 400, {"__type": _REFUSED}),
    "give up refused": (
        lambda it: _jobs(it).give_up(JOB_ID, 0, FAILURE),
        400,
        {"__type": _REFUSED},
    ),
    "take refused": (lambda it: SlotsTable(it, "s", 1).take("a"), 400, {"__type": _REFUSED}),
    "holders": (
        lambda it: SlotsTable(it, "s", 1).holders(),
        200,
        {"Item": to_attributes({"name": "running", "holders": {"a", "b"}})},
    ),
    "nobody": (lambda it: SlotsTable(it, "s", 1).holders(), 200, {}),
    "upload": (
        lambda it: Uploads(it, "u").find(FILE_ID),
        200,
        {"Item": to_attributes(UPLOAD.to_item())},
    ),
    "no upload": (lambda it: Uploads(it, "u").find(FILE_ID), 200, {}),
}


class Dynamo:
    """Answers each connection with `raw` and hangs up."""

    def __init__(self, listener: socket.socket) -> None:
        self.raw = b""
        self._listener = listener

    def serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection:
                if not self._has_asked(connection):
                    return  # the fixture's own, to end this
                connection.sendall(self.raw)

    def _has_asked(self, connection: socket.socket) -> bool:
        """The whole request: what is left unread would turn the end into a reset."""
        with connection.makefile("rb") as sent:
            head = list(iter(sent.readline, b"\r\n")) if sent.peek(1) else []
            for line in head:
                if line.lower().startswith(b"content-length:"):
                    sent.read(int(line.partition(b":")[2]))
        return bool(head)


@pytest.fixture
def dynamo() -> Iterator[Dynamo]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Dynamo(listener)
        thread = threading.Thread(target=made.serve)
        thread.start()
        yield made
        socket.create_connection(listener.getsockname()).close()
        thread.join()


@pytest.fixture
def client(dynamo: Dynamo, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """It asks once: what comes of one answer is what this is about."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://{}:{}".format(*dynamo._listener.getsockname()))
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    once = Config(retries={"mode": "standard", "total_max_attempts": 1})
    made = clients.dynamodb(once)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor urllib3's word, and a traceback, on each head that it cannot read."""
    monkeypatch.setattr(logging.getLogger("urllib3.connection"), "disabled", True)
    monkeypatch.setattr("conversion.stores.batches._PAUSES_SECONDS", (0.0,))


def _raw(status: int, body: dict[str, Any]) -> tuple[bytes, int]:
    """As DynamoDB writes it, and how long its head is."""
    content = json.dumps(body).encode()
    head = (
        f"HTTP/1.1 {status} Whatever\r\n"
        "Server: Server\r\n"
        "Date: Sat, 21 Nov 2026 18:47:13 GMT\r\n"
        "Content-Type: application/x-amz-json-1.0\r\n"
        f"Content-Length: {len(content)}\r\n"
        "Connection: keep-alive\r\n"
        "x-amzn-RequestId: 4KBNVRGD25RG1KEO9UT4V3FQDJVV4KQNSO5AEMVJF66Q9ASUAAJG\r\n"
        f"x-amz-crc32: {zlib.crc32(content)}\r\n\r\n"
    ).encode()
    return head + content, len(head)


def _outcome(asked: Asked, client: Any) -> object:
    """What came back, or the kind and the words of what was raised."""
    try:
        return asked(client)
    except SluiceError as error:
        return type(error), str(error)


def _cuts(raw: bytes, head: int) -> list[int]:
    """Before and after the end of each line of the head, inside each value, and in the body."""
    ends = [at for at in range(head) if raw[at : at + 2] == b"\r\n"]
    near = {at + step for at in ends for step in (-1, 0, 2)}
    length = len(raw) - head
    body = {head + length * part // 4 for part in range(4)}
    return sorted(at for at in near | body if 0 < at < len(raw))


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_that_breaks_off_is_the_whole_one_or_none(
    client: Any, dynamo: Dynamo, name: str
) -> None:
    asked, status, body = ANSWERS[name]
    raw, head = _raw(status, body)
    dynamo.raw = raw
    whole = _outcome(asked, client)
    assert not (isinstance(whole, tuple) and RecordsUnavailable in whole)

    for at in _cuts(raw, head):
        dynamo.raw = raw[:at]
        outcome = _outcome(asked, client)
        if isinstance(outcome, tuple) and outcome[0] is RecordsUnavailable:
            continue
        assert outcome == whole, raw[:at]
