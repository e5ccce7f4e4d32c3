"""What holds data: private, encrypted, restorable, and rid of what has expired."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conversion.batches.request import PREFIX as BATCHES
from conversion.conversion import Conversion
from conversion.job import OUTPUTS, Job, Source
from conversion.stores.job_indexes import BY_FILE, BY_LEAVING, BY_OWNER, BY_STATUS
from conversion.stores.uploads import BY_STATUS as UPLOADS_BY_STATUS
from conversion.uploads import PREFIX, Upload
from infra.constructs.table import EXPIRES_AT
from tests.infra.assembly import Assembly
from tests.infra.conftest import synthesise

JOB = Job.new(
    "j", "f", Source("b", f"{PREFIX}f.wav", "e", 1, "a.wav"), Conversion("mp3"), 7, owner="alice"
)
# What the store adds to a job that is let go (conversion/stores/job_changes.py).
LEAVING = {**JOB.to_item(), BY_LEAVING.key: "downloaded"}
UPLOAD = Upload.from_request({"fileName": "a.wav", "bytes": 1}, 10, 7)


def test_nothing_in_the_bucket_is_public(assembly: Assembly) -> None:
    bucket = bucket_of(assembly)
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]


def test_objects_are_encrypted_at_rest(assembly: Assembly) -> None:
    (rule,) = bucket_of(assembly)["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}


def test_the_bucket_refuses_what_is_not_tls(assembly: Assembly) -> None:
    statements = policy(assembly)["Statement"]
    assert all(each["Effect"] == "Deny" and each["Action"] == "s3:*" for each in statements)
    assert [each["Condition"] for each in statements] == [
        {"Bool": {"aws:SecureTransport": "false"}},
        {"NumericLessThan": {"s3:TlsVersion": 1.2}},
    ]
    assert all(each["Resource"] == ["${Bucket.Arn}", "${Bucket.Arn}/*"] for each in statements)


def test_eventbridge_hears_of_objects_without_a_function_to_arrange_it(assembly: Assembly) -> None:
    notifications = bucket_of(assembly)["NotificationConfiguration"]
    assert notifications == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert not [name for name in assembly.resources if "NotificationsHandler" in name]


@pytest.mark.parametrize(("name", "days"), [("assembly", 7), ("other_assembly", 30)])
def test_objects_expire(name: str, days: int, request: pytest.FixtureRequest) -> None:
    rules = bucket_of(request.getfixturevalue(name))["LifecycleConfiguration"]["Rules"]
    assert all(rule["Status"] == "Enabled" for rule in rules)
    # A fortnight behind the records, with which they go: a job may wait for a slot for that long.
    expired = {
        rule["Prefix"]: rule["ExpirationInDays"] for rule in rules if "ExpirationInDays" in rule
    }
    assert expired == dict.fromkeys((PREFIX, OUTPUTS, BATCHES), days + 14)


@pytest.mark.parametrize(("name", "days"), [("assembly", 7), ("other_assembly", 30)])
def test_an_upload_can_be_taken_up_again_for_as_long_as_it_is_kept_and_no_output_can(
    name: str, days: int, request: pytest.FixtureRequest
) -> None:
    rules = bucket_of(request.getfixturevalue(name))["LifecycleConfiguration"]["Rules"]
    dropped = {
        rule["Prefix"]: rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
        for rule in rules
        if "AbortIncompleteMultipartUpload" in rule
    }
    assert dropped == {PREFIX: days, OUTPUTS: 1, BATCHES: 1}


def test_what_is_kept_for_long_is_tiered_and_nothing_else(
    assembly: Assembly, functions: Path, tmp_path: Path
) -> None:
    """30 days are what Intelligent-Tiering waits for; the batches' few kB are not worth it."""
    kept = synthesise(functions, tmp_path / "cdk.out", {"retentionDays": "31"})

    tiered = {
        rule["Prefix"]: rule["Transitions"]
        for rule in bucket_of(kept)["LifecycleConfiguration"]["Rules"]
        if "Transitions" in rule
    }
    at_once = {"StorageClass": "INTELLIGENT_TIERING", "TransitionInDays": 0}
    assert tiered == {PREFIX: [at_once], OUTPUTS: [at_once]}
    assert "Transitions" not in str(bucket_of(assembly))


def test_who_asked_for_an_object_is_logged_beside_the_bucket_and_forgotten(
    assembly: Assembly,
) -> None:
    logs = assembly.of("AWS::S3::Bucket")["BucketLogs"]
    assert bucket_of(assembly)["LoggingConfiguration"] == {
        "DestinationBucketName": "${BucketLogs}",
        "LogFilePrefix": "requests/",
    }
    assert set(logs["PublicAccessBlockConfiguration"].values()) == {True}
    assert logs["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    (rule,) = logs["LifecycleConfiguration"]["Rules"]
    assert (rule["ExpirationInDays"], rule["Status"]) == (30, "Enabled")


def test_the_logs_are_delivered_by_s3_for_this_bucket_over_tls_alone(assembly: Assembly) -> None:
    *refused, delivered = policy(assembly, "BucketLogsPolicy")["Statement"]
    assert [each["Effect"] for each in refused] == ["Deny", "Deny"]
    assert delivered["Principal"] == {"Service": "logging.s3.amazonaws.com"}
    assert delivered["Action"] == "s3:PutObject"
    assert delivered["Resource"] == "${BucketLogs.Arn}/requests/*"
    assert delivered["Condition"] == {
        "ArnLike": {"aws:SourceArn": "${Bucket.Arn}"},
        "StringEquals": {"aws:SourceAccount": "${AWS::AccountId}"},
    }


def test_the_prefixes_are_those_of_the_keys() -> None:
    assert JOB.output_key(1).startswith(OUTPUTS)
    assert UPLOAD.key.startswith(PREFIX)


def test_a_page_may_put_and_get_and_read_what_it_needs_and_nothing_else(
    assembly: Assembly,
) -> None:
    (rule,) = bucket_of(assembly)["CorsConfiguration"]["CorsRules"]
    # content-length is not here: a browser sends it by itself and never asks leave for it.
    assert rule == {
        "AllowedOrigins": ["*"],
        "AllowedMethods": ["GET", "HEAD", "PUT"],
        "AllowedHeaders": ["content-type", "if-none-match", "range"],
        "ExposedHeaders": ["Accept-Ranges", "Content-Disposition", "Content-Range", "ETag"],
        "MaxAge": 3600,
    }


def test_where_origins_are_chosen_no_other_page_may(other_assembly: Assembly) -> None:
    (rule,) = bucket_of(other_assembly)["CorsConfiguration"]["CorsRules"]
    assert rule["AllowedOrigins"] == ["https://example.com", "http://localhost:5173"]


def test_every_table_is_on_demand_restorable_and_forgets(assembly: Assembly) -> None:
    tables = assembly.of("AWS::DynamoDB::Table")
    assert set(tables) == {"Idempotency", "Jobs", "Progress", "Slots", "Uploads"}
    for table in tables.values():
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert table["TimeToLiveSpecification"] == {"AttributeName": EXPIRES_AT, "Enabled": True}


def test_the_keys_are_attributes_of_the_records(assembly: Assembly) -> None:
    tables = assembly.of("AWS::DynamoDB::Table")
    assert keys(tables["Jobs"]) == ["jobId"]
    assert keys(tables["Progress"]) == ["jobId"]
    assert keys(tables["Uploads"]) == ["fileId"]
    assert keys(tables["Slots"]) == ["name"]
    assert keys(tables["Idempotency"]) == ["id"]
    for name, record in {"Jobs": LEAVING, "Uploads": UPLOAD.to_item()}.items():
        attributes = {each["AttributeName"] for each in tables[name]["AttributeDefinitions"]}
        assert attributes | {EXPIRES_AT} <= record.keys()


def test_jobs_are_found_by_all_that_they_are_asked_for_by(assembly: Assembly) -> None:
    indexes = assembly.of("AWS::DynamoDB::Table")["Jobs"]["GlobalSecondaryIndexes"]
    assert {each["IndexName"]: keys(each) for each in indexes} == {
        index.name: [index.key, "createdAt"] for index in (BY_FILE, BY_STATUS, BY_OWNER, BY_LEAVING)
    }
    assert all(each["Projection"] == {"ProjectionType": "ALL"} for each in indexes)


def test_uploads_are_counted_by_status_without_their_names(assembly: Assembly) -> None:
    (index,) = assembly.of("AWS::DynamoDB::Table")["Uploads"]["GlobalSecondaryIndexes"]
    assert (index["IndexName"], keys(index)) == (UPLOADS_BY_STATUS, ["status", "createdAt"])
    assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}


def test_each_change_of_a_job_can_be_read_as_it_was_and_as_it_is(assembly: Assembly) -> None:
    streams = {
        name: each.get("StreamSpecification")
        for name, each in assembly.of("AWS::DynamoDB::Table").items()
    }
    assert streams.pop("Jobs") == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert set(streams.values()) == {None}


def test_data_outlives_the_stacks_unless_told_otherwise(
    assembly: Assembly, other_assembly: Assembly
) -> None:
    assert removal(assembly) == {"Retain"}
    assert removal(other_assembly) == {"Delete"}
    assert "Custom::S3AutoDeleteObjects" in kinds(other_assembly)  # else a full bucket would stay
    assert "Custom::S3AutoDeleteObjects" not in kinds(assembly)


def bucket_of(assembly: Assembly) -> Any:
    return assembly.of("AWS::S3::Bucket")["Bucket"]


def policy(assembly: Assembly, name: str = "BucketPolicy") -> Any:
    return assembly.of("AWS::S3::BucketPolicy")[name]["PolicyDocument"]


def keys(schema: dict[str, list[dict[str, str]]]) -> list[str]:
    return [each["AttributeName"] for each in schema["KeySchema"]]


def removal(assembly: Assembly) -> set[str]:
    return {
        each[policy]
        for each in assembly.resources.values()
        if each["Type"] in ("AWS::DynamoDB::Table", "AWS::S3::Bucket")
        for policy in ("DeletionPolicy", "UpdateReplacePolicy")
    }


def kinds(assembly: Assembly) -> set[str]:
    return {each["Type"] for each in assembly.resources.values()}
