"""Objects in S3: what goes in comes out, and each way it can fail has its name."""

from __future__ import annotations

import base64
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from botocore.stub import Stubber

from conversion import stores
from conversion.clock import utc_now
from conversion.errors import SourceChanged, SourceMissing, StorageUnavailable
from conversion.leftovers import Listed, NotDeleted
from conversion.stores import clients
from conversion.stores.objects import Objects, crc32, s3_errors
from tests.contract import pretend
from tests.contract.examples import BUCKET

KEY = "uploads/a.wav"
BODY = bytes(range(256)) * 64
PART = 5 * 1024**2  # S3's least part but for the last


@pytest.fixture
def client(aws: None) -> Any:
    made = clients.s3()
    made.create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": pretend.REGION}
    )
    return made


@pytest.fixture
def objects(client: Any) -> Objects:
    return Objects(client, BUCKET)


def test_an_object_is_described(objects: Objects) -> None:
    etag = objects.put(KEY, BODY, "audio/wav")
    head = objects.head(KEY)

    assert (head.etag, head.bytes, head.media_type) == (etag, len(BODY), "audio/wav")
    assert '"' not in etag


def test_a_range_is_read_exactly(objects: Objects) -> None:
    etag = objects.put(KEY, BODY, "audio/wav")

    assert objects.read(KEY, etag, 0, 10) == BODY[:10]
    assert objects.read(KEY, etag, 1000, 3000) == BODY[1000:3000]
    assert objects.read(KEY, etag, len(BODY) - 5, len(BODY)) == BODY[-5:]


def test_a_range_beyond_the_end_gives_what_there_is(objects: Objects) -> None:
    etag = objects.put(KEY, BODY, "audio/wav")
    assert objects.read(KEY, etag, len(BODY) - 5, len(BODY) + 100) == BODY[-5:]


def test_another_object_under_the_key_is_noticed(objects: Objects) -> None:
    etag = objects.put(KEY, BODY, "audio/wav")
    objects.put(KEY, b"another", "audio/wav")

    with pytest.raises(SourceChanged):
        objects.read(KEY, etag, 0, 10)


def test_what_is_not_there_is_missing(objects: Objects) -> None:
    with pytest.raises(SourceMissing):
        objects.head(KEY)
    with pytest.raises(SourceMissing):
        objects.read(KEY, "etag", 0, 10)
    objects.delete(KEY)  # S3 calls that a success


def test_a_deleted_object_is_gone(objects: Objects) -> None:
    objects.put(KEY, BODY, "audio/wav")
    objects.delete(KEY)
    with pytest.raises(SourceMissing):
        objects.head(KEY)


def test_parts_become_one_object_and_nothing_is_left(objects: Objects, client: Any) -> None:
    upload_id = objects.start_multipart(KEY, "audio/flac")
    bodies = [b"a" * PART, b"b" * 10]
    parts = [objects.put_part(KEY, upload_id, n, body) for n, body in enumerate(bodies, 1)]
    with pytest.raises(SourceMissing):
        objects.head(KEY)  # not before it is whole

    etag = objects.complete_multipart(KEY, upload_id, parts)

    head = objects.head(KEY)
    assert (head.etag, head.bytes, head.media_type) == (etag, PART + 10, "audio/flac")
    assert objects.read(KEY, etag, PART - 1, PART + 1) == b"ab"
    assert "Uploads" not in client.list_multipart_uploads(Bucket=BUCKET)


def test_an_aborted_upload_leaves_nothing_and_aborting_again_is_no_error(
    objects: Objects, client: Any
) -> None:
    upload_id = objects.start_multipart(KEY, "audio/flac")
    objects.put_part(KEY, upload_id, 1, b"a")
    objects.abort_multipart(KEY, upload_id)
    objects.abort_multipart(KEY, upload_id)

    assert "Uploads" not in client.list_multipart_uploads(Bucket=BUCKET)


def test_completing_an_unknown_upload_is_something_missing(client: Any) -> None:
    with Stubber(client) as s3:
        s3.add_client_error("complete_multipart_upload", "NoSuchUpload", http_status_code=404)
        with pytest.raises(SourceMissing):
            Objects(client, BUCKET).complete_multipart(KEY, "u" * 10, [])


def test_parts_and_objects_are_sent_with_their_checksum(client: Any) -> None:
    """S3 refuses bytes that were damaged on the way only if it is told what they were."""
    with Stubber(client) as s3:
        sent = {"Bucket": BUCKET, "Key": KEY, "Body": BODY, "ChecksumCRC32": crc32(BODY)}
        s3.add_response(
            "upload_part", {"ETag": '"e"'}, {**sent, "UploadId": "u" * 10, "PartNumber": 3}
        )
        s3.add_response("put_object", {"ETag": '"f"'}, {**sent, "ContentType": "audio/wav"})
        part = Objects(client, BUCKET).put_part(KEY, "u" * 10, 3, BODY)
        assert part.to_request() == {"PartNumber": 3, "ETag": "e", "ChecksumCRC32": crc32(BODY)}
        assert Objects(client, BUCKET).put(KEY, BODY, "audio/wav") == "f"


def test_a_checksum_is_written_as_s3_writes_it() -> None:
    assert crc32(b"123456789") == "y/Q5Jg=="  # CRC-32's published check value, 0xCBF43926
    assert base64.b64decode(crc32(BODY)) == zlib.crc32(BODY).to_bytes(4, "big")


def error(code: str, status: int) -> ClientError:
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "GetObject")


@pytest.mark.parametrize(
    ("raised", "becomes"),
    [
        (error("404", 404), SourceMissing),
        (error("NoSuchKey", 404), SourceMissing),
        (error("NoSuchUpload", 404), SourceMissing),
        (error("PreconditionFailed", 412), SourceChanged),
        (error("412", 412), SourceChanged),
        (error("PreconditionFailed", 200), SourceChanged),
        (error("PreconditionFailed", 500), SourceChanged),
        (error("InternalError", 500), StorageUnavailable),
        (error("503", 503), StorageUnavailable),
        (error("SlowDown", 503), StorageUnavailable),
        (error("RequestTimeout", 400), StorageUnavailable),
        (EndpointConnectionError(endpoint_url="x"), StorageUnavailable),
        (ReadTimeoutError(endpoint_url="x"), StorageUnavailable),
        (ConnectionResetError(), StorageUnavailable),
    ],
    ids=str,
)
def test_each_failure_has_its_name(raised: Exception, becomes: type[Exception]) -> None:
    with pytest.raises(becomes) as seen, s3_errors():
        raise raised
    assert seen.value.__cause__ is raised
    assert KEY not in str(seen.value)


@pytest.mark.parametrize(
    "raised", [error("AccessDenied", 403), error("NoSuchBucket", 404), error("InvalidRange", 416)]
)
def test_what_is_our_own_fault_stays_as_it_is(raised: ClientError) -> None:
    with pytest.raises(ClientError) as seen, s3_errors():
        raise raised
    assert seen.value is raised


@pytest.fixture
def breaking(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], Objects]]:
    """An S3 that promises 1,000 bytes and hangs up after so many of them, over real sockets."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{listener.getsockname()[1]}")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
        servers: list[threading.Thread] = []

        def serve(sent: int) -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(
                    b"HTTP/1.1 206 Partial Content\r\nContent-Length: 1000\r\n"
                    b'ETag: "e"\r\nContent-Range: bytes 0-999/5000\r\n\r\n' + BODY[:sent]
                )

        def after(sent: int) -> Objects:
            servers.append(threading.Thread(target=serve, args=(sent,)))
            servers[-1].start()
            return Objects(clients.s3(), BUCKET)

        yield after
        for each in servers:
            each.join()


@pytest.mark.parametrize("sent", [1, 400, 999])
def test_a_body_cut_short_gives_what_arrived(breaking, sent: int) -> None:
    assert breaking(sent).read(KEY, "e", 0, 1000) == BODY[:sent]


def test_a_whole_body_is_whole(breaking) -> None:
    assert breaking(1000).read(KEY, "e", 0, 1000) == BODY[:1000]


def test_a_body_of_which_nothing_arrived_is_unavailable_storage(breaking) -> None:
    with pytest.raises(StorageUnavailable):
        breaking(0).read(KEY, "e", 0, 1000)


def test_a_listing_tells_of_every_object_under_its_prefix_in_order(
    client: Any, objects: Objects
) -> None:
    asked: list[object] = []

    def of_two(params: dict[str, Any], **_: object) -> dict[str, Any]:
        asked.append(params)
        return params | {"MaxKeys": 2}

    client.meta.events.register("provide-client-params.s3.ListObjectsV2", of_two)
    keys = [f"uploads/{number:04}.wav" for number in range(5)]
    for key in reversed(keys):
        client.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    etag = objects.put("conversions/out.mp3", BODY, "audio/mpeg")

    assert [each.key for each in objects.list("uploads/")] == keys
    assert len(asked) == 3
    (only,) = objects.list("conversions/")
    assert (only.key, only.bytes, only.etag) == ("conversions/out.mp3", len(BODY), etag)
    assert abs(utc_now() - only.modified) < timedelta(minutes=1)
    assert list(objects.list("elsewhere/")) == []


def test_a_listing_is_read_as_far_as_it_is_asked_for(client: Any, objects: Objects) -> None:
    for number in range(3):
        objects.put(f"uploads/{number}.wav", b"x", "audio/wav")
    asked: list[str] = []
    client.meta.events.register(
        "before-call.s3.ListObjectsV2", lambda model, **_: asked.append(model.name)
    )
    listing = objects.list("uploads/")
    assert asked == []
    assert next(listing).key == "uploads/0.wav"
    assert asked == ["ListObjectsV2"]


def test_open_uploads_are_listed_with_their_beginning(objects: Objects) -> None:
    ours = objects.start_multipart("conversions/a", "audio/mpeg")
    objects.start_multipart("uploads/b", "audio/mpeg")

    (only,) = objects.multipart_uploads("conversions/")

    assert (only.key, only.upload_id) == ("conversions/a", ours)
    assert only.initiated.tzinfo is not None
    objects.abort_multipart(only.key, only.upload_id)
    assert list(objects.multipart_uploads("conversions/")) == []


def test_many_are_deleted_and_one_that_is_gone_already_is_deleted(
    client: Any, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores.objects, "_MOST_DELETED_AT_ONCE", 2)
    keys = [f"uploads/{number:04}.wav" for number in range(5)]
    for key in keys:
        client.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    objects.put("conversions/out.mp3", BODY, "audio/mpeg")

    assert objects.delete_many([*keys, "uploads/nothing.wav"]) == []

    assert [each.key for each in objects.list("")] == ["conversions/out.mp3"]
    assert objects.delete_many([]) == []


def test_what_s3_would_not_delete_is_told(client: Any, objects: Objects) -> None:
    with Stubber(client) as stub:
        stub.add_response(
            "delete_objects", {"Errors": [{"Key": "a", "Code": "AccessDenied", "Message": "no"}]}
        )
        assert objects.delete_many(["a", "b"]) == [NotDeleted("a", "AccessDenied")]


def test_what_was_listed_is_deleted_only_while_it_is_that(client: Any, objects: Objects) -> None:
    etag = objects.put(KEY, BODY, "audio/wav")
    listed = Listed(KEY, len(BODY), utc_now(), etag)
    with Stubber(client) as stub:
        condition = {"Objects": [{"Key": KEY, "ETag": f'"{etag}"'}], "Quiet": True}
        stub.add_response("delete_objects", {}, {"Bucket": BUCKET, "Delete": condition})
        assert objects.delete_many([listed]) == []
    assert objects.delete_many([listed]) == []
    assert list(objects.list("")) == []


@pytest.mark.parametrize("method", ["list", "multipart_uploads"])
def test_a_listing_that_fails_is_storage_unavailable(
    client: Any, objects: Objects, method: str
) -> None:
    operation = {"list": "list_objects_v2", "multipart_uploads": "list_multipart_uploads"}[method]
    with Stubber(client) as stub:
        stub.add_client_error(operation, "SlowDown", http_status_code=503)
        with pytest.raises(StorageUnavailable):
            list(getattr(objects, method)("uploads/"))
