"""The bus: every event is taken, or it is said that one was not."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError
from botocore.stub import Stubber

from conversion.errors import EventsUnavailable
from conversion.events import ConversionCompleted, ConversionCreated, ConversionEvent
from conversion.stores import clients
from conversion.stores.events import EventBus
from tests.contract.examples import a_job, completed

BUS = "default"
MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:ours"


@pytest.fixture
def client(aws: None) -> Any:
    return clients.events()


@pytest.fixture
def bus(client: Any) -> EventBus:
    return EventBus(client, BUS, MACHINE)


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    made: list[float] = []
    monkeypatch.setattr(time, "sleep", made.append)
    return made


def events(count: int) -> list[ConversionEvent]:
    return [ConversionCreated(a_job(job_id=f"{number:032x}")) for number in range(count)]


def entry(event: ConversionEvent) -> dict[str, Any]:
    return {
        "EventBusName": BUS,
        "Source": "sluice",
        "DetailType": event.detail_type,
        "Detail": json.dumps(event.detail),
        "Resources": [MACHINE],
    }


def taken(count: int) -> list[dict[str, str]]:
    return [{"EventId": f"e{number}"} for number in range(count)]


REFUSED = {"ErrorCode": "ThrottlingException", "ErrorMessage": "Rate exceeded"}


@pytest.fixture
def answers(client: Any) -> Any:
    """Stub PutEvents: what has to be sent, and what is answered to it."""
    with Stubber(client) as stub:

        def answer(sent: list[ConversionEvent], told: list[dict[str, str]]) -> None:
            failed = sum("EventId" not in each for each in told)
            stub.add_response(
                "put_events",
                {"Entries": told, "FailedEntryCount": failed},
                {"Entries": [entry(each) for each in sent]},
            )

        yield answer
        stub.assert_no_pending_responses()


def test_an_event_arrives_on_a_real_bus(client: Any, bus: EventBus) -> None:
    """moto's bus, with a rule that writes what it hears into a queue."""
    queues = clients.sqs()
    url = queues.create_queue(QueueName="heard")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    pattern = {
        "source": ["sluice"],
        "resources": [MACHINE],
        "detail-type": ["Conversion Completed"],
    }
    client.put_rule(Name="ours", EventPattern=json.dumps(pattern))
    client.put_targets(Rule="ours", Targets=[{"Id": "queue", "Arn": arn["QueueArn"]}])

    EventBus(client, BUS, f"{MACHINE}-of-another-stage").put([ConversionCompleted(completed())])
    bus.put([ConversionCreated(a_job()), ConversionCompleted(completed())])

    (message,) = queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    heard = json.loads(message["Body"])
    assert (heard["source"], heard["detail-type"]) == ("sluice", "Conversion Completed")
    assert heard["detail"] == json.loads(json.dumps(ConversionCompleted(completed()).detail))


def test_ten_go_in_one_call(bus: EventBus, answers: Callable[..., None]) -> None:
    many = events(23)
    for start in (0, 10, 20):
        some = many[start : start + 10]
        answers(some, taken(len(some)))
    bus.put(many)


def test_nothing_is_told_of_nothing(bus: EventBus, answers: Callable[..., None]) -> None:
    bus.put([])


def test_what_was_not_taken_is_sent_again_alone(
    bus: EventBus, answers: Callable[..., None], waits: list[float]
) -> None:
    first, second, third = events(3)
    answers([first, second, third], [{"EventId": "1"}, REFUSED, REFUSED])
    answers([second, third], [REFUSED, {"EventId": "2"}])
    answers([second], taken(1))

    bus.put([first, second, third])

    assert waits[0] == 0
    assert 0 < waits[1] < waits[2] < 1


def test_what_is_never_taken_is_an_outage(bus: EventBus, answers: Callable[..., None]) -> None:
    first, second = events(2)
    answers([first, second], [REFUSED, {"EventId": "1"}])
    answers([first], [REFUSED])
    answers([first], [REFUSED])
    with pytest.raises(EventsUnavailable, match=r"1 events \(ThrottlingException\)"):
        bus.put([first, second])


@pytest.mark.parametrize(
    ("code", "status"), [("ThrottlingException", 400), ("InternalException", 500), ("Odd", 503)]
)
def test_a_bus_that_does_not_answer_is_an_outage(
    client: Any, bus: EventBus, code: str, status: int
) -> None:
    with Stubber(client) as stub:
        stub.add_client_error("put_events", code, http_status_code=status)
        with pytest.raises(EventsUnavailable, match=code):
            bus.put(events(1))


def test_a_bus_that_cannot_be_reached_is_an_outage(bus: EventBus, client: Any) -> None:
    def gone(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://example.invalid")

    client.put_events = gone
    with pytest.raises(EventsUnavailable, match="cannot be reached"):
        bus.put(events(1))


def test_an_answer_that_broke_off_is_an_outage(bus: EventBus, client: Any) -> None:
    client.put_events = lambda **_: {}
    with pytest.raises(EventsUnavailable, match="broke off"):
        bus.put(events(1))


def test_what_we_do_wrong_stays_as_it_is(client: Any, bus: EventBus) -> None:
    with Stubber(client) as stub:
        stub.add_client_error("put_events", "AccessDeniedException", http_status_code=403)
        with pytest.raises(ClientError, match="AccessDenied"):
            bus.put(events(1))
    with pytest.raises(ParamValidationError):
        EventBus(client, None, MACHINE).put(events(1))  # type: ignore[arg-type]
