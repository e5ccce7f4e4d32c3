"""The webhooks' function: each message is delivered, put off, or dropped for a reason."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from conversion.events import ConversionCompleted
from conversion.settings import DeliverWebhookSettings
from conversion.stores import clients
from conversion.webhooks import DELAYS, Message
from tests.contract import pretend
from tests.contract.examples import completed
from tests.unit.conversion.listener import ADDRESS, NAME, Listener, certificate
from tests.unit.conversion.test_webhooks import SECRET, event_of
from tests.unit.lambdas.conftest import Context, load

EVENT = event_of(ConversionCompleted(completed()))
NOTHING_FAILED: dict[str, list[Any]] = {"batchItemFailures": []}
RECEIPT = "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a"


@pytest.fixture(scope="module")
def module() -> Any:
    settings = DeliverWebhookSettings(f"https://{NAME}/", "webhook", "https://sqs/queue")
    with pretend.aws():
        return load("deliver_webhook", settings.to_env())


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls"))


class PutOff:
    """The queue, as far as it is asked to hide a message: (receipt, seconds)."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def put_off(self, receipt_handle: str, seconds: int) -> None:
        self.asked.append((receipt_handle, seconds))


@pytest.fixture
def put_off(module: Any, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    queue = PutOff()
    monkeypatch.setattr(module, "queue", queue)
    return queue.asked


@pytest.fixture
def server(
    module: Any, file: Path, aws: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Listener]:
    """And a secret, and an endpoint that may be reached on loopback."""
    clients.secrets_manager().create_secret(Name="webhook", SecretString=SECRET)
    module.secrets.clear_cache()
    with Listener(file) as server:
        endpoint = replace(
            module.endpoint,
            url=server.url,
            resolve=lambda *_: [ADDRESS],
            is_allowed=lambda address: address == ADDRESS,
            tls=ssl.create_default_context(cafile=str(file)),
        )
        monkeypatch.setattr(module, "endpoint", endpoint)
        yield server


@pytest.fixture
def deliver(module: Any, event: Callable[[str], Any]) -> Callable[..., Any]:
    """Run the function on these bodies, each received so many times."""

    def run(*bodies: Any, received: int = 1) -> Any:
        like = event("sqs_object_created")["Records"][0]
        records = [
            like
            | {
                "messageId": f"m{number}",
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": like["attributes"] | {"ApproximateReceiveCount": str(received)},
            }
            for number, body in enumerate(bodies)
        ]
        return module.handler({"Records": records}, Context())

    return run


def failed(*messages: str) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": each} for each in messages]}


def test_an_event_is_delivered_signed(
    server: Listener, deliver: Any, put_off: list[tuple[str, int]], log: Any
) -> None:
    assert deliver(EVENT) == NOTHING_FAILED

    (heard,) = server.heard
    assert Webhook(SECRET).verify(heard.body, heard.headers)["type"] == "conversion.completed"
    assert put_off == []
    (line,) = [each for each in log() if each["message"] == "webhook delivered"]
    assert (line["webhookId"], line["status"]) == (Message.from_event(EVENT).id, 204)


@pytest.mark.parametrize("received", [1, 2, 3, 7])
def test_what_fails_is_put_off_longer_each_time(
    server: Listener, deliver: Any, put_off: list[tuple[str, int]], received: int
) -> None:
    server.status = 500
    assert deliver(EVENT, received=received) == failed("m0")
    ((receipt, seconds),) = put_off
    planned = DELAYS[min(received, len(DELAYS)) - 1]
    assert receipt == RECEIPT
    assert planned <= seconds <= planned * 1.1


@pytest.mark.parametrize("received", [8, 20])
def test_after_the_last_try_it_is_a_dead_letter_at_once(
    server: Listener, deliver: Any, put_off: list[tuple[str, int]], received: int
) -> None:
    server.status = 500
    assert deliver(EVENT, received=received) == failed("m0")
    assert put_off == []


def test_a_retry_has_the_same_id_and_a_signature_of_its_own(
    server: Listener, deliver: Any, put_off: list[tuple[str, int]]
) -> None:
    server.status = 503
    deliver(EVENT)
    server.status = 200
    assert deliver(EVENT | {"id": "announced again"}, received=2) == NOTHING_FAILED
    first, second = server.heard
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    for each in server.heard:
        Webhook(SECRET).verify(each.body, each.headers)


def test_the_endpoints_wish_to_wait_is_heeded(
    server: Listener, deliver: Any, put_off: list[tuple[str, int]]
) -> None:
    server.status, server.headers = 429, {"retry-after": "600"}
    assert deliver(EVENT) == failed("m0")
    assert put_off == [(RECEIPT, 600)]


def test_410_drops_the_message_and_tells_an_operator(
    server: Listener, deliver: Any, put_off: list[tuple[str, int]], log: Any
) -> None:
    server.status = 410
    assert deliver(EVENT) == NOTHING_FAILED
    assert put_off == []
    (line,) = [each for each in log() if each["level"] == "ERROR"]
    assert line["code"] == "WEBHOOK_ENDPOINT_GONE"


def test_a_private_address_is_never_asked(
    module: Any,
    server: Listener,
    deliver: Any,
    put_off: list[tuple[str, int]],
    log: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    guarded = replace(module.endpoint, is_allowed=type(module.endpoint).is_allowed)
    monkeypatch.setattr(module, "endpoint", guarded)
    assert deliver(EVENT) == failed("m0")
    assert server.heard == []
    assert len(put_off) == 1
    assert "WEBHOOK_ADDRESS_REFUSED" in {each.get("code") for each in log()}


@pytest.mark.parametrize("body", ["", "{", "null", "{}", '{"source": "aws.s3"}'])
def test_what_is_none_of_our_events_goes_to_the_dead_letters_unhurried_by_delays(
    server: Listener, deliver: Any, put_off: list[tuple[str, int]], body: str
) -> None:
    assert deliver(body, EVENT) == failed("m0")
    assert put_off == []
    assert len(server.heard) == 1, "one bad message does not hold up the others"


def test_without_its_secret_nothing_is_sent_and_nothing_lost(
    server: Listener, deliver: Any, put_off: list[tuple[str, int]]
) -> None:
    secrets = clients.secrets_manager()
    secrets.delete_secret(SecretId="webhook", ForceDeleteWithoutRecovery=True)
    assert deliver(EVENT, received=2) == failed("m0")
    assert server.heard == []
    assert len(put_off) == 1


def test_the_secret_is_read_once_for_many(
    module: Any, server: Listener, deliver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    module.secrets.client.meta.events.register(
        "before-call.secretsmanager.GetSecretValue", lambda model, **_: asked.append(model.name)
    )
    deliver(EVENT, EVENT)
    deliver(EVENT)
    assert len(server.heard) == 3
    assert asked == ["GetSecretValue"]


def test_a_queue_that_does_not_answer_keeps_the_message_all_the_same(
    module: Any, server: Listener, deliver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone:
        def put_off(self, *_: object) -> None:
            raise ConnectionError("gone")

    monkeypatch.setattr(module, "queue", Gone())
    server.status = 500
    assert deliver(EVENT) == failed("m0")


def test_the_log_holds_no_address_and_no_secret(
    server: Listener, deliver: Any, put_off: list[tuple[str, int]], log: Any
) -> None:
    deliver(EVENT)
    server.status = 500
    deliver(EVENT, "{")
    told = json.dumps(log())
    assert NAME not in told
    assert SECRET.removeprefix("whsec_") not in told


def test_a_message_is_hidden_in_a_real_queue(module: Any, aws: None) -> None:
    sqs = clients.sqs()
    url = sqs.create_queue(QueueName="webhooks")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    (message,) = sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)["Messages"]

    type(module.queue)(sqs, url).put_off(message["ReceiptHandle"], 3600)

    assert "Messages" not in sqs.receive_message(QueueUrl=url)
