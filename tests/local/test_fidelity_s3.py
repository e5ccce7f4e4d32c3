"""S3's events and reads as AWS has them: see local/fidelity/s3.py."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

from local.child import Engine
from local.ffmpeg import Ffmpeg
from tests.local.conftest import eventually


def test_the_event_of_a_versioned_bucket_names_the_version(engine: Engine) -> None:
    s3, sqs, events = (engine.client(name) for name in ("s3", "sqs", "events"))
    name = f"versions-{uuid4().hex[:8]}"
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(
        Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:000000000000:{name}"
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [name]}}}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "q", "Arn": arn}])

    version = s3.put_object(Bucket=name, Key="uploads/a.wav", Body=b"RIFF")["VersionId"]

    [message] = eventually(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"))
    assert json.loads(message["Body"])["detail"]["object"]["version-id"] == version


def test_objects_kept_on_disk_are_read_in_ranges(ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    with Engine(data=tmp_path, ffmpeg=ffmpeg) as engine:
        s3 = engine.client("s3")
        s3.create_bucket(Bucket="kept")
        s3.put_object(Bucket="kept", Key="k", Body=b"0123456789")
        s3.put_object(Bucket="kept", Key="empty", Body=b"")

        part = s3.get_object(Bucket="kept", Key="k", Range="bytes=7-")

        assert part["Body"].read() == b"789"
        assert part["ContentRange"] == "bytes 7-9/10"
        assert s3.get_object(Bucket="kept", Key="k")["Body"].read() == b"0123456789"
        assert s3.get_object(Bucket="kept", Key="empty")["Body"].read() == b""
