"""Webhooks: signed as the specification's own library reads it, and sent to nobody else."""

from __future__ import annotations

import base64
import json
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from conversion import webhooks
from conversion.errors import InvalidRequest, SettingsError
from conversion.events import ConversionCompleted, ConversionEvent, ConversionFailed
from conversion.webhooks import (
    ATTEMPTS,
    DELAYS,
    LONGEST_DELAY,
    AddressRefused,
    Endpoint,
    EndpointGone,
    Message,
    WebhookError,
    delay_after,
)
from tests.contract.examples import JOB_ID, completed, failed
from tests.unit.conversion import listener
from tests.unit.conversion.listener import ADDRESS, NAME, Listener, certificate

SECRET = "whsec_" + base64.b64encode(bytes(range(24))).decode()
OLD_SECRET = base64.b64encode(bytes(range(24, 48))).decode()


def event_of(announced: ConversionEvent, **changes: Any) -> dict[str, Any]:
    """As EventBridge hands it on."""
    return {
        "version": "0",
        "id": "3f1c2f0e-6d7a-9b52-4c1e-8a5d0e7b9c34",
        "detail-type": announced.detail_type,
        "source": announced.source,
        "time": "2026-11-21T09:30:22Z",
        "detail": announced.detail,
        **changes,
    }


MESSAGE = Message.from_event(event_of(ConversionCompleted(completed())))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def server(file: Path) -> Iterator[Listener]:
    with Listener(file) as server:
        yield server


@pytest.fixture
def endpoint(server: Listener, file: Path) -> Endpoint:
    """Of a name that only our own resolver knows; loopback is allowed, and nothing else."""
    return Endpoint(
        server.url,
        resolve=lambda *_: [ADDRESS],
        is_allowed=lambda address: address == ADDRESS,
        tls=ssl.create_default_context(cafile=str(file)),
    )


def test_what_arrives_is_verified_by_the_specifications_own_library(
    server: Listener, endpoint: Endpoint
) -> None:
    assert endpoint.deliver(MESSAGE, SECRET) == 204

    (heard,) = server.heard
    told = Webhook(SECRET).verify(heard.body, heard.headers)
    assert told == {
        "type": "conversion.completed",
        "timestamp": completed().updated_at,
        "data": json.loads(json.dumps(ConversionCompleted(completed()).detail)),
    }
    assert heard.path == "/sluice?of=a%20b"
    assert heard.headers["host"] == f"{NAME}:{server.port}"
    assert heard.headers["content-type"] == "application/json"
    assert abs(int(heard.headers["webhook-timestamp"]) - datetime.now(UTC).timestamp()) < 60
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(heard.body + b" ", heard.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD_SECRET).verify(heard.body, heard.headers)


def test_while_a_secret_is_changed_both_verify(server: Listener, endpoint: Endpoint) -> None:
    endpoint.deliver(MESSAGE, f"{SECRET} {OLD_SECRET}")
    (heard,) = server.heard
    for secret in (SECRET, OLD_SECRET):
        Webhook(secret).verify(heard.body, heard.headers)


def test_the_timestamp_is_the_attempts_own() -> None:
    now = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
    headers = MESSAGE.headers(SECRET, now)
    assert headers["webhook-timestamp"] == str(int(now.timestamp()))
    later = MESSAGE.headers(SECRET, now + timedelta(hours=2))
    assert later["webhook-id"] == headers["webhook-id"]
    assert later["webhook-signature"] != headers["webhook-signature"]


def test_the_same_event_has_one_id_however_often_it_is_announced() -> None:
    event = event_of(ConversionFailed(failed()))
    again = event | {"id": "another", "time": "2026-11-21T09:40:00Z"}
    assert Message.from_event(event).id == Message.from_event(again).id
    assert "." not in MESSAGE.id
    others = [
        event_of(ConversionFailed(failed(job_id="f" * 32))),
        event_of(ConversionFailed(failed(updated_at="2026-11-21T10:00:00.000Z"))),
        event_of(ConversionCompleted(completed())),
    ]
    assert len({Message.from_event(each).id for each in [event, *others]}) == 4


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        "text",
        7,
        {},
        event_of(ConversionCompleted(completed()), source="aws.s3"),
        event_of(ConversionCompleted(completed()), detail=None),
        event_of(ConversionCompleted(completed()), detail={"jobId": JOB_ID}),
        event_of(ConversionCompleted(completed()), detail={"jobId": JOB_ID, "updatedAt": 7}),
        event_of(ConversionCompleted(completed())) | {"detail-type": None},
    ],
)
def test_what_is_none_of_our_events_is_refused(event: Any) -> None:
    with pytest.raises(InvalidRequest):
        Message.from_event(event)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_is_an_arrival(server: Listener, endpoint: Endpoint, status: int) -> None:
    server.status = status
    assert endpoint.deliver(MESSAGE, SECRET) == status


@pytest.mark.parametrize(
    "status", [301, 302, 307, 308, 400, 401, 403, 404, 429, 500, 502, 503, 504]
)
def test_every_other_answer_is_a_failure(server: Listener, endpoint: Endpoint, status: int) -> None:
    server.status = status
    with pytest.raises(WebhookError, match=str(status)) as failed:
        endpoint.deliver(MESSAGE, SECRET)
    assert not isinstance(failed.value, EndpointGone | AddressRefused)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(server: Listener, endpoint: Endpoint, status: int) -> None:
    server.status, server.headers = status, {"location": server.url}
    with pytest.raises(WebhookError):
        endpoint.deliver(MESSAGE, SECRET)
    assert len(server.heard) == 1


def test_410_is_the_wish_for_no_more(server: Listener, endpoint: Endpoint) -> None:
    server.status = 410
    with pytest.raises(EndpointGone):
        endpoint.deliver(MESSAGE, SECRET)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("120", 120), (" 7 ", 7), ("soon", None), ("", None), ("-5", None), ("1e9", None)],
)
def test_when_to_come_back_is_heard(
    server: Listener, endpoint: Endpoint, value: str, seconds: float | None
) -> None:
    server.status, server.headers = 503, {"retry-after": value}
    with pytest.raises(WebhookError) as failed:
        endpoint.deliver(MESSAGE, SECRET)
    assert failed.value.retry_after == seconds


def test_when_to_come_back_may_be_a_date(server: Listener, endpoint: Endpoint) -> None:
    then = datetime.now(UTC) + timedelta(hours=1)
    server.status, server.headers = 429, {"retry-after": format_datetime(then, usegmt=True)}
    with pytest.raises(WebhookError) as failed:
        endpoint.deliver(MESSAGE, SECRET)
    assert failed.value.retry_after == pytest.approx(3600, abs=60)


@pytest.mark.parametrize("act", [listener.hang_up, listener.nonsense])
def test_a_broken_answer_is_a_failure(
    server: Listener, endpoint: Endpoint, act: Callable[..., None]
) -> None:
    server.act = act
    with pytest.raises(WebhookError, match="No answer came"):
        endpoint.deliver(MESSAGE, SECRET)


def test_an_answer_that_drips_is_cut_off(server: Listener, endpoint: Endpoint) -> None:
    """Each read of it would be in time."""
    server.act = listener.drip
    with pytest.raises(WebhookError, match=r"within 0\.5 s"):
        replace(endpoint, seconds=0.5).deliver(MESSAGE, SECRET)


def test_what_was_accepted_is_delivered_however_long_the_body_takes(
    server: Listener, endpoint: Endpoint
) -> None:
    server.act = listener.drip_the_body
    assert replace(endpoint, seconds=0.5).deliver(MESSAGE, SECRET) == 200


def test_of_an_endless_answer_only_the_beginning_is_read(
    server: Listener, endpoint: Endpoint
) -> None:
    server.act = listener.endless
    assert endpoint.deliver(MESSAGE, SECRET) == 200


def test_a_handshake_that_never_comes_is_cut_off(endpoint: Endpoint) -> None:
    with socket.create_server((ADDRESS, 0)) as silent:
        url = f"https://{NAME}:{silent.getsockname()[1]}/"
        with pytest.raises(WebhookError, match="No answer came"):
            replace(endpoint, url=url, seconds=0.3).deliver(MESSAGE, SECRET)


def test_nobody_there_is_a_failure(server: Listener, endpoint: Endpoint) -> None:
    with socket.create_server((ADDRESS, 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(WebhookError, match="cannot be reached"):
        replace(endpoint, url=f"https://{NAME}:{port}/").deliver(MESSAGE, SECRET)


@pytest.mark.parametrize("host", ["gone.example", "a..example", "a" * 64 + ".example"])
def test_a_name_that_does_not_resolve_is_a_failure(endpoint: Endpoint, host: str) -> None:
    def unknown(host: str, port: int) -> list[str]:
        if host == "gone.example":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return webhooks.resolve(host, port)

    with pytest.raises(WebhookError, match="cannot be reached"):
        replace(endpoint, url=f"https://{host}/", resolve=unknown).deliver(MESSAGE, SECRET)


def test_a_certificate_for_another_name_is_a_failure(endpoint: Endpoint, tmp_path: Path) -> None:
    other = certificate(tmp_path, "other.example")
    with Listener(other) as server:
        tls = ssl.create_default_context(cafile=str(other))
        with pytest.raises(WebhookError, match="SSLCertVerificationError"):
            replace(endpoint, url=server.url, tls=tls).deliver(MESSAGE, SECRET)
        assert server.heard == []


def test_a_certificate_for_the_address_alone_is_a_failure(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    """The connection is by number; what counts is the name."""
    other = certificate(tmp_path, ADDRESS)
    with Listener(other) as server:
        tls = ssl.create_default_context(cafile=str(other))
        with pytest.raises(WebhookError, match="SSLCertVerificationError"):
            replace(endpoint, url=server.url, tls=tls).deliver(MESSAGE, SECRET)


def test_a_certificate_nobody_vouches_for_is_a_failure(
    server: Listener, endpoint: Endpoint
) -> None:
    with pytest.raises(WebhookError, match="SSLCertVerificationError"):
        replace(endpoint, tls=Endpoint(server.url).tls).deliver(MESSAGE, SECRET)
    assert server.heard == []


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/",
        "ftp://hooks.example/",
        "file:///etc/passwd",
        "//hooks.example/",
        "hooks.example",
        "",
        "https://",
        "https:///path",
        "https://user@hooks.example/",
        "https://user:word@hooks.example/",
        "https://hooks.example:port/",
        "https://hooks.example:99999/",
        "https://[::1/",
        "https://.example/",
        "https://bücher.example/",
        "https://hooks.example/a b",
        "https://hooks.example/a\r\nx-header: y",
    ],
)
def test_what_is_no_address_of_a_webhook_is_refused_unasked(endpoint: Endpoint, url: str) -> None:
    def asked(*_: object) -> list[str]:
        raise AssertionError("the name was looked up")

    with pytest.raises(AddressRefused):
        replace(endpoint, url=url, resolve=asked).deliver(MESSAGE, SECRET)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1"])
def test_a_private_address_is_refused(server: Listener, endpoint: Endpoint, address: str) -> None:
    """With the check that production has."""
    guarded = replace(
        endpoint, resolve=lambda *_: ["93.184.215.14", address], is_allowed=Endpoint.is_allowed
    )
    with pytest.raises(AddressRefused):
        guarded.deliver(MESSAGE, SECRET)
    assert server.heard == []


def test_a_name_is_looked_up_once_and_anew_for_each_attempt(
    server: Listener, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look and the connection nothing can take the name elsewhere: nobody asks again,
    not even the system's resolver, which does not know this name."""
    asked: list[tuple[str, int]] = []
    systems: list[Any] = []
    real = socket.getaddrinfo

    def rebinding(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return [ADDRESS] if len(asked) == 1 else ["10.0.0.1"]

    def noted(host: Any, *rest: Any, **named: Any) -> Any:
        systems.append(host)
        return real(host, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", noted)
    guarded = replace(endpoint, resolve=rebinding)

    assert guarded.deliver(MESSAGE, SECRET) == 204
    assert asked == [(NAME, server.port)]
    assert set(systems) <= {ADDRESS}, "a number needs no resolving"
    with pytest.raises(AddressRefused):
        guarded.deliver(MESSAGE, SECRET)
    assert len(server.heard) == 1


def test_proxies_are_not_asked(
    server: Listener, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert endpoint.deliver(MESSAGE, SECRET) == 204


@pytest.mark.parametrize(
    "secret",
    ["", " ", "whsec_", "not base64 at all!", "c2hvcnQ=", "A" * 88, f"{SECRET} c2hvcnQ=", "ä" * 32],
)
def test_without_a_proper_secret_nothing_is_sent(
    server: Listener, endpoint: Endpoint, secret: str
) -> None:
    with pytest.raises(SettingsError):
        endpoint.deliver(MESSAGE, secret)
    assert server.heard == []


def test_a_secret_as_secrets_manager_makes_it_is_one(server: Listener, endpoint: Endpoint) -> None:
    """32 letters and digits are base64 of 24 bytes (infra/constructs/webhooks.py)."""
    secret = "aB3" * 10 + "Z9"
    endpoint.deliver(MESSAGE, secret)
    Webhook(secret).verify(server.heard[0].body, server.heard[0].headers)


def test_delays_grow_to_about_a_day() -> None:
    assert list(DELAYS) == sorted(DELAYS)
    assert 24 < sum(DELAYS) / 3600 < 30
    assert ATTEMPTS == 8
    for attempt, delay in enumerate(DELAYS, start=1):
        assert delay <= delay_after(attempt) <= delay * 1.1
    assert delay_after(ATTEMPTS) <= LONGEST_DELAY, "the queue's own count ends it"


def test_a_wish_to_wait_makes_a_delay_longer_and_never_shorter() -> None:
    assert delay_after(1, 3600) == 3600
    assert delay_after(4, 10) >= DELAYS[3]
    assert delay_after(1, 1e12) == LONGEST_DELAY < 12 * 3600
