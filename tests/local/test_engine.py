"""What the project relies on the engine for, and it does as AWS does, without any correction."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.child import Engine
from tests.local.conftest import Machines, eventually

SIGV4 = Config(signature_version="s3v4", request_checksum_calculation="when_required")
PART = 5 * 1024 * 1024


@pytest.fixture
def s3(engine: Engine) -> Any:
    return engine.client("s3", config=SIGV4)


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"bucket-{uuid4().hex[:8]}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def upload(s3: Any, bucket: str) -> tuple[str, dict[str, str]]:
    """A URL to PUT four bytes of audio/wav to once, and the headers it was signed with."""
    signed = {"ContentLength": 4, "ContentType": "audio/wav", "IfNoneMatch": "*"}
    url = s3.generate_presigned_url(
        "put_object", Params={"Bucket": bucket, "Key": "uploads/a.wav", **signed}
    )
    return url, {"content-type": "audio/wav", "if-none-match": "*"}


def test_a_presigned_put_is_taken_once(upload: tuple[str, dict[str, str]]) -> None:
    url, headers = upload

    assert httpx.put(url, content=b"RIFF", headers=headers).status_code == 200
    second = httpx.put(url, content=b"RIFX", headers=headers)

    assert (second.status_code, "PreconditionFailed" in second.text) == (412, True)


@pytest.mark.parametrize(
    ("content", "change"),
    [
        (b"RIFF and more", {}),
        (b"RIF", {}),
        (b"RIFF", {"content-type": "text/html"}),
        (b"RIFF", {"if-none-match": "x"}),
    ],
)
def test_a_presigned_put_is_held_to_what_was_signed(
    upload: tuple[str, dict[str, str]], content: bytes, change: dict[str, str]
) -> None:
    url, headers = upload

    answer = httpx.put(url, content=content, headers={**headers, **change})

    assert (answer.status_code, "SignatureDoesNotMatch" in answer.text) == (403, True)


def test_a_presigned_put_without_a_signed_header_is_refused(
    upload: tuple[str, dict[str, str]],
) -> None:
    url, headers = upload
    del headers["if-none-match"]

    assert httpx.put(url, content=b"RIFF", headers=headers).status_code == 403


def test_a_presigned_get_carries_its_name_and_type_and_ranges(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    name = "attachment; filename*=UTF-8''" + quote("Käse.mp3")
    url = s3.generate_presigned_url(
        "get_object",
        Params={
            "Bucket": bucket,
            "Key": "k",
            "ResponseContentType": "audio/mpeg",
            "ResponseContentDisposition": name,
        },
    )

    answer = httpx.get(url, headers={"range": "bytes=2-4"})

    assert (answer.status_code, answer.content) == (206, b"234")
    assert answer.headers["content-range"] == "bytes 2-4/10"
    assert answer.headers["content-type"] == "audio/mpeg"
    assert answer.headers["content-disposition"] == name
    assert httpx.get(url.replace("X-Amz-Signature=", "X-Amz-Signature=0")).status_code == 403


def test_a_ranged_read_is_held_to_the_etag(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"first")["ETag"]
    read = {"Bucket": bucket, "Key": "k", "Range": "bytes=0-1", "IfMatch": etag}
    assert s3.get_object(**read)["Body"].read() == b"fi"

    s3.put_object(Bucket=bucket, Key="k", Body=b"second")

    with pytest.raises(ClientError) as refused:
        s3.get_object(**read)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412


def test_a_part_with_a_wrong_checksum_is_refused_and_a_right_one_kept(s3: Any, bucket: str) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm="CRC32")
    part = {"Bucket": bucket, "Key": "k", "UploadId": upload["UploadId"], "PartNumber": 1}
    body = bytes(PART)

    with pytest.raises(ClientError):
        s3.upload_part(**part, Body=body, ChecksumCRC32=crc32(b"other"))
    kept = s3.upload_part(**part, Body=body, ChecksumCRC32=crc32(body))

    named = {"PartNumber": 1, "ETag": kept["ETag"], "ChecksumCRC32": kept["ChecksumCRC32"]}
    del part["PartNumber"]
    s3.complete_multipart_upload(**part, MultipartUpload={"Parts": [named]})
    assert s3.head_object(Bucket=bucket, Key="k")["ContentLength"] == PART
    with pytest.raises(ClientError) as gone:
        s3.complete_multipart_upload(**{**part, "Key": "j"}, MultipartUpload={"Parts": [named]})
    assert gone.value.response["Error"]["Code"] == "NoSuchUpload"


def test_an_object_that_arrives_is_an_event_with_what_a_job_id_is_made_of(
    engine: Engine, s3: Any, bucket: str
) -> None:
    queue = event_queue(
        engine,
        {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": detail(bucket)},
    )
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )

    s3.put_object(Bucket=bucket, Key="elsewhere/a.wav", Body=b"ignored")
    etag = s3.put_object(Bucket=bucket, Key="uploads/ä b.wav", Body=b"RIFF")["ETag"].strip('"')

    found = event_of(engine, queue)
    assert found["detail"]["bucket"] == {"name": bucket}
    assert found["detail"]["object"].items() >= {
        ("key", "uploads/ä b.wav"),
        ("size", 4),
        ("etag", etag),
    }
    assert "sequencer" in found["detail"]["object"]
    assert "version-id" not in found["detail"]["object"]
    assert found["detail"]["reason"] == "PutObject"


def test_only_the_failed_messages_of_a_batch_come_again_and_end_in_the_dead_letter_queue(
    engine: Engine, function: Callable[..., str]
) -> None:
    sqs = engine.client("sqs")
    dead = sqs.create_queue(QueueName=f"d{uuid4().hex[:8]}")["QueueUrl"]
    policy = {"deadLetterTargetArn": arn_of(sqs, dead), "maxReceiveCount": "2"}
    queue = sqs.create_queue(
        QueueName=f"q{uuid4().hex[:8]}",
        Attributes={"VisibilityTimeout": "2", "RedrivePolicy": json.dumps(policy)},
    )["QueueUrl"]
    name = function(
        "def handler(event, context):\n"
        "    bad = [r['messageId'] for r in event['Records'] if r['body'] == 'bad']\n"
        "    return {'batchItemFailures': [{'itemIdentifier': each} for each in bad]}\n"
    )
    functions = engine.client("lambda")
    functions.create_event_source_mapping(
        FunctionName=name,
        EventSourceArn=arn_of(sqs, queue),
        FunctionResponseTypes=["ReportBatchItemFailures"],
        BatchSize=10,
    )
    # Its cold start on a busy machine may take longer than the messages stay hidden.
    functions.invoke(FunctionName=name, Payload=b'{"Records": []}')

    for body in ("good", "bad", "fine"):
        sqs.send_message(QueueUrl=queue, MessageBody=body)

    assert [each["Body"] for each in eventually(lambda: received(sqs, dead), 30)] == ["bad"]
    assert not received(sqs, queue)


def test_a_fail_states_error_and_cause_may_be_expressions(machines: Machines) -> None:
    fail = {"Type": "Fail", "Error": "{% $states.input.code %}", "Cause": "{% 'do ' & 'this' %}"}

    ended = machines.run({"Failed": fail}, {"code": "TRUNCATED_INPUT"})

    assert (ended["status"], ended["error"], ended["cause"]) == (
        "FAILED",
        "TRUNCATED_INPUT",
        "do this",
    )
    assert "output" not in ended


def event_queue(engine: Engine, pattern: dict[str, Any]) -> str:
    events, sqs = engine.client("events"), engine.client("sqs")
    name = f"e{uuid4().hex[:8]}"
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "q", "Arn": arn_of(sqs, queue)}])
    return queue


def event_of(engine: Engine, queue: str) -> dict[str, Any]:
    [message] = eventually(lambda: received(engine.client("sqs"), queue))
    return json.loads(message["Body"])


def detail(bucket: str) -> dict[str, Any]:
    return {"bucket": {"name": [bucket]}, "object": {"key": [{"prefix": "uploads/"}]}}


def received(sqs: Any, queue: str) -> list[dict[str, Any]]:
    return sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])


def arn_of(sqs: Any, queue: str) -> str:
    asked = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    return asked["Attributes"]["QueueArn"]


def crc32(body: bytes) -> str:
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
