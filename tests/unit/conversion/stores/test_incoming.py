"""What clients send: signed for exactly what was declared, listed however many, joined once."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto.s3 import models

from conversion.clock import timestamp, utc_now
from conversion.errors import SourceChanged, SourceMissing, StorageUnavailable
from conversion.parts import LandedPart
from conversion.stores import clients
from conversion.stores.incoming import Incoming
from tests.contract import pretend
from tests.contract.examples import BUCKET

KEY = "uploads/a.wav"


@pytest.fixture
def client(aws: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(models, "S3_UPLOAD_PART_MIN_SIZE", 1)
    made = clients.s3()
    made.create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": pretend.REGION}
    )
    return made


@pytest.fixture
def incoming(client: Any) -> Incoming:
    return Incoming(client, BUCKET)


@pytest.fixture
def stub(client: Any) -> Iterator[Stubber]:
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


def send(incoming: Incoming, upload_id: str, number: int, body: bytes) -> None:
    incoming._client.upload_part(
        Bucket=BUCKET, Key=KEY, UploadId=upload_id, PartNumber=number, Body=body
    )


def test_parts_become_an_object_of_the_declared_type(incoming: Incoming) -> None:
    upload_id = incoming.open_parts(KEY, "audio/wav")
    send(incoming, upload_id, 2, b"cd")
    send(incoming, upload_id, 1, b"ab")
    landed = incoming.parts(KEY, upload_id)
    incoming.join_parts(KEY, upload_id, landed)

    head = incoming.head(KEY)
    assert [(each.number, each.bytes) for each in landed] == [(1, 2), (2, 2)]
    assert incoming.read(KEY, head.etag, 0, 4) == b"abcd"
    assert head.media_type == "audio/wav"


def test_no_checksum_is_asked_of_browsers(incoming: Incoming, stub: Stubber) -> None:
    asked = {"Bucket": BUCKET, "Key": KEY, "ContentType": "audio/wav"}
    stub.add_response("create_multipart_upload", {"UploadId": "u"}, asked)
    assert incoming.open_parts(KEY, "audio/wav") == "u"


def test_an_upload_without_parts_has_none(incoming: Incoming) -> None:
    assert incoming.parts(KEY, incoming.open_parts(KEY, "audio/wav")) == []


def test_a_part_that_is_sent_again_takes_the_place_of_the_first(incoming: Incoming) -> None:
    upload_id = incoming.open_parts(KEY, "audio/wav")
    send(incoming, upload_id, 1, b"ab")
    send(incoming, upload_id, 1, b"abc")

    assert [(each.number, each.bytes) for each in incoming.parts(KEY, upload_id)] == [(1, 3)]


def test_more_than_a_page_of_parts_is_listed(incoming: Incoming) -> None:
    upload_id = incoming.open_parts(KEY, "audio/wav")
    for number in range(1, 1004):
        send(incoming, upload_id, number, b"x")

    assert [each.number for each in incoming.parts(KEY, upload_id)] == list(range(1, 1004))


def test_the_parts_of_an_upload_that_is_aborted_or_unknown_are_missing(incoming: Incoming) -> None:
    aborted = incoming.open_parts(KEY, "audio/wav")
    incoming.abort_multipart(KEY, aborted)
    for upload_id in (aborted, "unknown"):
        with pytest.raises(SourceMissing):
            incoming.parts(KEY, upload_id)


def test_joining_overwrites_nothing(incoming: Incoming) -> None:
    upload_id = incoming.open_parts(KEY, "audio/wav")
    send(incoming, upload_id, 1, b"ab")
    landed = incoming.parts(KEY, upload_id)
    incoming.put(KEY, b"first", "audio/wav")

    with pytest.raises(SourceChanged):
        incoming.join_parts(KEY, upload_id, landed)
    assert incoming.head(KEY).bytes == 5


def test_a_part_that_changed_since_it_was_listed_is_noticed(incoming: Incoming) -> None:
    upload_id = incoming.open_parts(KEY, "audio/wav")
    send(incoming, upload_id, 1, b"ab")
    landed = incoming.parts(KEY, upload_id)
    send(incoming, upload_id, 1, b"cd")

    with pytest.raises(SourceChanged):
        incoming.join_parts(KEY, upload_id, landed)


@pytest.mark.parametrize(
    ("code", "status", "raised"),
    [
        ("InvalidPart", 400, SourceChanged),
        ("EntityTooSmall", 400, SourceChanged),
        ("PreconditionFailed", 412, SourceChanged),
        ("NoSuchUpload", 404, SourceMissing),
        ("ConditionalRequestConflict", 409, StorageUnavailable),
        ("InternalError", 500, StorageUnavailable),
        ("AccessDenied", 403, ClientError),
    ],
)
def test_each_way_of_not_joining_has_its_name(
    incoming: Incoming, stub: Stubber, code: str, status: int, raised: type[Exception]
) -> None:
    stub.add_client_error("complete_multipart_upload", code, http_status_code=status)
    with pytest.raises(raised):
        incoming.join_parts(KEY, "u", [LandedPart(1, 1, "e")])


@dataclass
class Slow:
    """An S3 over a real socket, which begins its answer with 200 and blanks as S3 does while it
    joins parts: `blanks` of them, or without an end, and then `body`."""

    blanks: float = inf
    body: bytes = b""
    hung_up: bool = False

    def serve(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            self._hear(connection)
            connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
            sent = 0
            while sent < self.blanks and not self.hung_up:
                connection.sendall(b" ")
                sent += 1
                time.sleep(0.05)
            connection.sendall(self.body)

    def _hear(self, connection: socket.socket) -> None:
        """The whole request: what is left unread would turn the end into a reset."""
        with connection.makefile("rb") as sent:
            for line in iter(sent.readline, b"\r\n"):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
            sent.read(length)


@pytest.fixture
def joining(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Slow], Incoming]]:
    """A bucket that is waited for no longer than half a second."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{listener.getsockname()[1]}")
        monkeypatch.setenv("AWS_DEFAULT_REGION", pretend.REGION)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
        started: list[tuple[Slow, threading.Thread]] = []

        def over(slow: Slow) -> Incoming:
            started.append((slow, threading.Thread(target=slow.serve, args=(listener,))))
            started[-1][1].start()
            client = clients.s3(clients.JOINING.merge(Config(read_timeout=0.3)))
            return Incoming(client, BUCKET, join_seconds=0.5)

        yield over
        for slow, thread in started:
            slow.hung_up = True
            thread.join()


LANDED = [LandedPart(1, 1, "e")]
REFUSED = b"<?xml version='1.0'?><Error><Code>%s</Code><Message>m</Message></Error>"


def test_no_blanks_make_joining_last_for_ever(joining: Callable[[Slow], Incoming]) -> None:
    began = time.monotonic()
    with pytest.raises(StorageUnavailable, match="complete the upload again"):
        joining(Slow()).join_parts(KEY, "u", LANDED)
    assert 0.5 <= time.monotonic() - began < 5


@pytest.mark.parametrize("code", ["PreconditionFailed", "InvalidPart"])
def test_an_error_behind_a_200_has_its_name_too(
    joining: Callable[[Slow], Incoming], code: str
) -> None:
    with pytest.raises(SourceChanged):
        joining(Slow(0, REFUSED % code.encode())).join_parts(KEY, "u", LANDED)


def test_a_listing_that_breaks_off_is_no_listing(incoming: Incoming, stub: Stubber) -> None:
    stub.add_response("list_parts", {"Parts": [{"PartNumber": 1, "Size": 1}]})
    with pytest.raises(StorageUnavailable):
        incoming.parts(KEY, "u")


def test_the_signature_of_a_part_covers_its_length(incoming: Incoming) -> None:
    signed = incoming.presign_part(KEY, "u/1", 7, 8_388_608, 60)
    query = parse_qs(urlsplit(signed.url).query)

    assert (signed.method, signed.headers) == ("PUT", {"content-length": "8388608"})
    assert (query["uploadId"], query["partNumber"]) == (["u/1"], ["7"])
    assert query["X-Amz-SignedHeaders"] == ["content-length;host"]
    assert query["X-Amz-Expires"] == ["60"]


def test_a_signed_request_says_until_when(incoming: Incoming) -> None:
    now = timestamp(utc_now())
    for seconds, is_over in ((3600, False), (-3600, True)):
        put = incoming.presign_put(KEY, 1, "audio/wav", seconds)
        part = incoming.presign_part(KEY, "u", 1, 1, seconds)
        assert (put.expires_at < now, part.expires_at < now) == (is_over, is_over)
