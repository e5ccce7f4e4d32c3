"""Our events as signed webhooks, to one address that the deployment names (Standard Webhooks 1.0).

The address is the deployment's own choice, but what its name resolves to is the choice of whoever
runs its DNS. So a connection goes to the public internet alone (conversion/public_internet.py), TLS
checks the name against the certificate, redirects are not followed, and no proxy is asked. Signing
is the specification's own library.
"""

from __future__ import annotations

import base64
import hashlib
import http
import http.client
import json
import random
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import SplitResult, urlsplit

from standardwebhooks import Webhook

from conversion.errors import InvalidRequest, SettingsError, SluiceError
from conversion.events import ConversionEvent
from conversion.public_internet import NotPublic, Resolve, dial, is_public, resolve

# The specification's example schedule, cut off at about a day ("Deliverability and reliability"):
# seconds between one attempt and the next. SQS hides a message for 12 hours at most.
DELAYS = (5, 300, 1800, 7200, 18000, 36000, 36000)
# What the queue's maxReceiveCount has to be: behind the last one comes the dead-letter queue.
ATTEMPTS = len(DELAYS) + 1
LONGEST_DELAY = 12 * 3600 - 60
# "A recommended request timeout value for webhooks is somewhere between 15 and 30s."
SECONDS = 20.0
# "Random. At least 24 bytes (192 bits, 512 maximum)" ("Signature scheme").
_LEAST_KEY_BYTES, _MOST_KEY_BYTES = 24, 64


class WebhookError(SluiceError):
    """This attempt did not deliver; another may, not before `retry_after` seconds if given."""

    code = "WEBHOOK_NOT_DELIVERED"

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class AddressRefused(WebhookError):
    """Not an address we send anything to."""

    code = "WEBHOOK_ADDRESS_REFUSED"


class EndpointGone(WebhookError):
    """410: the endpoint wants no more of them, which is for a person to heed."""

    code = "WEBHOOK_ENDPOINT_GONE"


@dataclass(frozen=True)
class Message:
    """`id` is the same for the same event, however often it is announced or delivered."""

    id: str
    body: str

    @classmethod
    def from_event(cls, event: Any) -> Message:
        """Read one of our own events as EventBridge hands it on. Raises InvalidRequest."""
        try:
            source, name, detail = event["source"], event["detail-type"], event["detail"]
            identity = [detail["jobId"], name, detail["updatedAt"]]
            if source != ConversionEvent.source or not all(isinstance(x, str) for x in identity):
                raise InvalidRequest(f"{source} {name!r} is none of our events; mend the rule.")
        except (KeyError, TypeError) as wrong:
            raise InvalidRequest(f"This is not one of our events: {wrong!r}.") from wrong
        digest = hashlib.sha256(json.dumps(identity).encode()).hexdigest()
        payload = {
            "type": ".".join(name.lower().split()),
            "timestamp": detail["updatedAt"],
            "data": detail,
        }
        return cls(f"msg_{digest[:32]}", json.dumps(payload, separators=(",", ":")))

    def headers(self, secrets: str, now: datetime) -> dict[str, str]:
        """`secrets` are separated by spaces: one, or two while a new one replaces an old one. It is
        signed with each, as the specification has it. Raises SettingsError, and signs nothing."""
        signed = [
            Webhook(key).sign(msg_id=self.id, timestamp=now, data=self.body)
            for key in _keys(secrets)
        ]
        return {
            "webhook-id": self.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signed),
            "content-type": "application/json",
            "user-agent": "sluice",
        }


def _keys(secrets: str) -> list[bytes]:
    """The library would take any text for base64, and an empty one for nothing to sign with."""
    try:
        keys = [
            base64.b64decode(each.removeprefix("whsec_"), validate=True) for each in secrets.split()
        ]
    except ValueError as error:
        raise SettingsError(f"The webhook's secret is not base64 ({error}).") from error
    if not keys or not all(_LEAST_KEY_BYTES <= len(each) <= _MOST_KEY_BYTES for each in keys):
        raise SettingsError(
            f"The webhook's secret is base64 of {_LEAST_KEY_BYTES} to {_MOST_KEY_BYTES} bytes."
        )
    return keys


def delay_after(attempt: int, retry_after: float | None = None) -> int:
    """Seconds until the next attempt when this one, counted from 1, has failed: a bit at random,
    so that failures that came together do not come back together; longer if that was asked for."""
    planned = DELAYS[min(attempt, len(DELAYS)) - 1] * random.uniform(1, 1.1)  # noqa: S311
    return int(min(max(planned, retry_after or 0), LONGEST_DELAY))


@dataclass(frozen=True)
class Endpoint:
    """Where webhooks go. The rest is what a test on one machine has to have otherwise."""

    url: str
    resolve: Resolve = resolve
    is_allowed: Callable[[str], bool] = is_public
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    seconds: float = SECONDS

    def deliver(self, message: Message, secrets: str) -> int:
        """The status of an answer that says it has arrived. Raises WebhookError."""
        target = _target(self.url)
        host, port = str(target.hostname), target.port or 443
        connection = _Connection(host, port, self._dialled(host, port), self.tls)
        ringing = threading.Timer(self.seconds, connection.cut_off)
        ringing.start()
        try:
            return _post(connection, target, message, secrets, self.seconds)
        except (OSError, http.client.HTTPException) as error:
            late = f" within {self.seconds:g} s" if connection.is_cut_off else ""
            raise WebhookError(f"No answer came{late} ({type(error).__name__}).") from error
        finally:
            ringing.cancel()
            connection.close()

    def _dialled(self, host: str, port: int) -> socket.socket:
        try:
            return dial(host, port, self.resolve, self.is_allowed)
        except NotPublic as error:
            raise AddressRefused(str(error)) from error
        except (OSError, UnicodeError) as error:  # the latter for a name no DNS could hold
            raise WebhookError(f"The endpoint cannot be reached ({error}).") from error


def _target(url: str) -> SplitResult:
    """Raises AddressRefused for all but https, or for what names a user, or no host."""
    try:
        target = urlsplit(url)
        _ = target.port  # which is read, and refused, only now
    except ValueError as error:
        raise AddressRefused(f"The webhook's address cannot be read ({error}).") from error
    host = target.hostname or "."
    if target.scheme != "https" or host.startswith(".") or "@" in target.netloc:
        raise AddressRefused("A webhook's address begins with https:// and names a host, no user.")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise AddressRefused("A webhook's address is ASCII: write its host in punycode.")
    return target


class _Connection(http.client.HTTPSConnection):
    """Over a socket that is connected already; the name is for TLS and the Host header."""

    def __init__(self, host: str, port: int, dialled: socket.socket, tls: ssl.SSLContext) -> None:
        super().__init__(host, port, context=tls)
        self.is_cut_off = False
        # The handshake waits: it must be possible to cut it off, too.
        with dialled:  # until TLS has taken it over
            self.sock = self._tls = tls.wrap_socket(
                dialled, server_hostname=host, do_handshake_on_connect=False
            )

    def cut_off(self) -> None:
        """From another thread. TLS is not asked: it would leave the socket open in the clear for
        what the first thread writes next. Nor is `sock`, which http.client drops where the answer
        is the connection's last, with the body still to be read."""
        self.is_cut_off = True
        with suppress(OSError):  # it ended by itself just now
            socket.socket.shutdown(self._tls, socket.SHUT_RDWR)


def _post(
    connection: _Connection, target: SplitResult, message: Message, secrets: str, seconds: float
) -> int:
    connection.sock.settimeout(seconds)
    connection.sock.do_handshake()
    path = f"{target.path or '/'}{'?' if target.query else ''}{target.query}"
    headers = message.headers(secrets, datetime.now(UTC))
    connection.request("POST", path, message.body.encode(), headers)
    answer = connection.getresponse()  # its body says nothing to us, and may never end
    if 200 <= answer.status < 300:
        return answer.status
    if answer.status == http.HTTPStatus.GONE:
        raise EndpointGone("The endpoint answered 410: it wants no more webhooks.")
    raise WebhookError(
        f"The endpoint answered {answer.status}.", _retry_after(answer.getheader("retry-after", ""))
    )


def _retry_after(value: str) -> float | None:
    """In seconds: RFC 9110 §10.2.3 allows a number or a date. What is neither says nothing."""
    try:
        if value.strip().isdecimal():
            return float(value)
        return (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return None
