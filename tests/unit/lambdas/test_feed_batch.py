"""feed_batch: what becomes of the files of a batch, the first time and each time after."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from conversion.batches.found import MOST_COPIED_BYTES
from conversion.conversion import Conversion
from conversion.errors import RecordsUnavailable, StorageUnavailable, TooManyJobs
from conversion.job import Status, job_id_for
from conversion.settings import FeedBatchSettings
from conversion.uploads import UploadStatus
from tests.contract import pretend, tables
from tests.contract.examples import BUCKET, JOB
from tests.contract.throttled import DOWN, refused
from tests.unit.lambdas.conftest import STATE_MACHINE, Deployment, load

FUNCTION = "feed_batch"
OWNER = "arn:aws:sts::123456789012:assumed-role/Operators"
SOURCE = "archive"
SETTINGS = FeedBatchSettings(
    BUCKET,
    tables.UPLOADS,
    tables.JOBS,
    tables.SLOTS,
    STATE_MACHINE,
    batch_sources="archive/talks/,other",
    max_upload_bytes=1000,
    max_running_jobs=1,
    max_waiting_jobs=0,
)


@pytest.fixture(scope="module")
def module() -> Any:
    with pretend.aws():
        return load(FUNCTION, SETTINGS.to_env())


@pytest.fixture
def world(deployment: Deployment, module: Any) -> Deployment:
    deployment.functions = deployment.functions | {FUNCTION: module}
    where = {"LocationConstraint": pretend.REGION}
    deployment.s3.create_bucket(Bucket=SOURCE, CreateBucketConfiguration=where)
    return deployment


def put(world: Deployment, key: str, body: bytes = b"RIFF1234", bucket: str = SOURCE) -> Any:
    """The row that a listing has of it."""
    etag = world.s3.put_object(Bucket=bucket, Key=key, Body=body, Tagging="a=b")["ETag"]
    return {"Etag": etag, "Key": key, "Size": len(body), "StorageClass": "STANDARD"}


def feed(world: Deployment, *rows: Any, **asked: Any) -> list[dict[str, Any]]:
    usual = {
        "bucket": SOURCE,
        "reader": "listing",
        "conversions": [{"format": "mp3"}, {"format": "opus", "bitrateKbps": 96}],
        "dryRun": False,
        "owner": OWNER,
    }
    given = {"BatchInput": {"batchId": "b1", "asked": usual | asked}, "Items": list(rows)}
    return world.invoke(FUNCTION, given)["files"]


def uploads_there(world: Deployment) -> list[str]:
    found = world.s3.list_objects_v2(Bucket=BUCKET, Prefix="uploads/")
    return [each["Key"] for each in found.get("Contents", [])]


def test_a_file_becomes_an_upload_like_any_other(world: Deployment) -> None:
    row = put(world, "talks/Ärzte – live.wav")

    (file,) = feed(world, row)

    upload = world.uploads.find(file["fileId"])
    assert upload is not None
    assert (upload.file_name, upload.bytes, upload.owner) == ("Ärzte – live.wav", 8, OWNER)
    assert upload.conversions == (Conversion("mp3"), Conversion("opus", 96))
    assert upload.status is UploadStatus.COMPLETED  # and so none of the open ones
    there = world.s3.get_object(Bucket=BUCKET, Key=upload.key)
    assert (there["Body"].read(), there["ContentType"]) == (b"RIFF1234", upload.media_type)
    assert (file["isNew"], file["skipped"]) == (True, None)


def test_its_jobs_are_those_that_its_landing_starts(world: Deployment, event: Any) -> None:
    (file,) = feed(world, put(world, "talks/one.wav"))
    upload = world.uploads.find(file["fileId"])
    assert upload is not None
    landed = event("s3_object_created")
    head = world.s3.head_object(Bucket=BUCKET, Key=upload.key)
    landed["detail"]["object"] |= {"key": upload.key, "size": 8, "etag": head["ETag"].strip('"')}
    landed["detail"]["object"].pop("version-id", None)
    landed["detail"]["bucket"]["name"] = BUCKET

    body = json.dumps(landed)
    world.invoke("start_jobs", {"Records": [{"messageId": "1", "body": body}]})

    assert {job.job_id for job in world.jobs.of_file(upload.file_id)} == set(file["jobs"])
    assert {job.owner for job in world.jobs.of_file(upload.file_id)} == {OWNER}


def test_a_batch_that_is_repeated_copies_nothing_twice(
    world: Deployment, module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = put(world, "talks/one.wav")
    (first,) = feed(world, row)
    monkeypatch.setattr(module.feeder.sources, "copy", _must_not_be_called)

    (again,) = feed(world, row)

    assert again == first | {"isNew": False, "usd": 0}
    assert len(uploads_there(world)) == 1


def test_other_bytes_another_caller_or_another_conversion_is_another_file(
    world: Deployment,
) -> None:
    row = put(world, "talks/one.wav")
    ids = {
        feed(world, row)[0]["fileId"],
        feed(world, row, owner="somebody else")[0]["fileId"],
        feed(world, row, conversions=[{"format": "flac"}])[0]["fileId"],
        feed(world, put(world, "talks/one.wav", b"RIFF5678"))[0]["fileId"],
    }
    assert len(ids) == 4


def test_what_died_between_record_and_copy_is_copied_by_the_next_try(
    world: Deployment, module: Any
) -> None:
    row = put(world, "talks/one.wav")
    with refused(module.copying, "CopyObject", DOWN), pytest.raises(StorageUnavailable):
        feed(world, row)
    assert uploads_there(world) == []

    (file,) = feed(world, row)

    assert len(uploads_there(world)) == 1
    assert (len(file["jobs"]), file["isNew"]) == (2, True)


SKIPPED = [
    ("talks/cover.jpg", b"x", "UNSUPPORTED_MEDIA_TYPE"),
    ("talks/none.wav", b"", "EMPTY_INPUT"),
    ("talks/folder/", b"", "EMPTY_INPUT"),
    ("talks/long.wav", b"x" * 1001, "INPUT_TOO_LARGE"),
    ("private/one.wav", b"x", "SOURCE_NOT_ALLOWED"),
    ("talks/a\x07.wav", b"x", "INVALID_REQUEST"),
]


@pytest.mark.parametrize(("key", "body", "code"), SKIPPED)
@pytest.mark.parametrize("dry_run", [False, True])
def test_what_cannot_be_converted_is_skipped_with_its_code(
    world: Deployment, key: str, body: bytes, code: str, dry_run: bool
) -> None:
    good = put(world, "talks/one.wav")
    skipped, fed = feed(world, put(world, key, body), good, dryRun=dry_run)
    assert (skipped["skipped"], skipped["jobs"], skipped["isNew"]) == (code, {}, False)
    assert fed["skipped"] is None


def test_what_one_copy_cannot_hold_is_skipped(
    world: Deployment, module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = replace(module.feeder.limits, max_bytes=2**50)
    monkeypatch.setattr(module, "feeder", replace(module.feeder, limits=wide))
    row = put(world, "talks/one.wav") | {"Size": MOST_COPIED_BYTES + 1}
    assert feed(world, row)[0]["skipped"] == "INPUT_TOO_LARGE"


def test_what_is_archived_or_gone_is_skipped(world: Deployment) -> None:
    archived = put(world, "talks/a.wav") | {"StorageClass": "GLACIER"}
    gone = put(world, "talks/c.wav")
    world.s3.delete_object(Bucket=SOURCE, Key="talks/c.wav")

    files = feed(world, archived, gone)

    assert [each["skipped"] for each in files] == ["SOURCE_ARCHIVED", "SOURCE_MISSING"]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ((412, "PreconditionFailed"), "SOURCE_CHANGED"),
        ((403, "AccessDenied"), "SOURCE_FORBIDDEN"),
        ((403, "InvalidObjectState"), "SOURCE_ARCHIVED"),
    ],
)
def test_what_s3_will_not_copy_is_skipped_and_the_next_is_fed(
    world: Deployment, module: Any, answer: tuple[int, str], code: str
) -> None:
    rows = [put(world, "talks/one.wav"), put(world, "talks/two.jpg")]
    with refused(module.copying, "CopyObject", answer):
        files = feed(world, *rows)
    assert [each["skipped"] for each in files] == [code, "UNSUPPORTED_MEDIA_TYPE"]


def test_a_copy_is_of_the_very_file_that_was_listed(world: Deployment, module: Any) -> None:
    row, asked = put(world, "talks/one.wav"), []

    def note(params: Any, **_: Any) -> None:
        asked.append(params["headers"]["x-amz-copy-source-if-match"])

    module.copying.meta.events.register("before-call.s3.CopyObject", note)
    feed(world, row)
    module.copying.meta.events.unregister("before-call.s3.CopyObject", note)

    assert asked == [row["Etag"]]


def test_a_list_of_keys_is_measured_and_its_keys_decoded(world: Deployment) -> None:
    put(world, "one talk+.wav", bucket=BUCKET)  # outside of uploads/, and so none of a batch's
    world.s3.create_bucket(
        Bucket="other", CreateBucketConfiguration={"LocationConstraint": pretend.REGION}
    )
    put(world, "ä talk+.wav", bucket="other")
    rows = [
        {"Bucket": BUCKET, "Key": "one+talk%2B.wav"},
        {"Bucket": "other", "Key": "%C3%A4+talk%2B.wav"},
        {"Bucket": "other", "Key": "none.wav"},
    ]

    ours, fed, missing = feed(world, *rows, reader="keys", bucket="lists")

    assert ours["skipped"] == "SOURCE_NOT_ALLOWED"
    assert (fed["key"], fed["bytes"], fed["skipped"]) == ("ä talk+.wav", 8, None)
    assert missing["skipped"] == "SOURCE_MISSING"


def test_an_inventorys_old_versions_are_skipped(world: Deployment) -> None:
    row = {"Bucket": SOURCE, "Key": "talks/one.wav", "Size": "8", "ETag": "0"}
    files = feed(
        world,
        row | {"IsLatest": "false"},
        row | {"IsLatest": "true", "IsDeleteMarker": "true"},
        reader="inventory",
    )
    assert [each["skipped"] for each in files] == ["NOT_CURRENT", "NOT_CURRENT"]


def test_a_dry_run_writes_nothing_and_says_what_it_would_cost(world: Deployment) -> None:
    row = put(world, "talks/one.wav")

    (file,) = feed(world, row, dryRun=True)

    assert (file["isNew"], file["jobs"]) == (True, {})
    assert 0 < file["usd"] < 0.01
    assert world.uploads.find(file["fileId"]) is None
    assert uploads_there(world) == []
    assert feed(world, row)[0]["usd"] == file["usd"]
    (known,) = feed(world, row, dryRun=True)
    assert (known["isNew"], known["usd"]) == (False, 0)


def test_nothing_is_fed_while_too_many_jobs_wait(world: Deployment, module: Any) -> None:
    row = put(world, "talks/one.wav")
    module.feeder.slots.take(JOB.job_id)

    with pytest.raises(TooManyJobs):
        feed(world, row)

    assert uploads_there(world) == []
    assert feed(world, row, dryRun=True)[0]["isNew"]


def test_what_lies_under_uploads_is_converted_where_it_is(world: Deployment) -> None:
    row = put(world, "uploads/dropped.wav", bucket=BUCKET)

    (file,) = feed(world, row, bucket=BUCKET)

    jobs = world.jobs.of_file("dropped")
    assert {job.job_id for job in jobs} == set(file["jobs"])
    assert {job.source.key for job in jobs} == {"uploads/dropped.wav"}
    assert len(world.executions()) == 1  # the one slot there is
    assert uploads_there(world) == ["uploads/dropped.wav"]
    world_again = feed(world, row, bucket=BUCKET, dryRun=True)
    assert world_again[0]["isNew"] is False


def test_a_job_that_its_landing_has_made_is_the_batchs_too(world: Deployment) -> None:
    row = put(world, "uploads/dropped.wav", bucket=BUCKET)
    etag = row["Etag"].strip('"')
    source = replace(
        JOB.source, key=row["Key"], etag=etag, bytes=8, version_id=None, file_name="dropped.wav"
    )
    made = replace(
        JOB,
        job_id=job_id_for(source, Conversion("mp3"), "sequencer"),
        file_id="dropped",
        source=source,
        conversion=Conversion("mp3"),
        status=Status.COMPLETED,
    )
    world.jobs.put_if_absent(made)

    (file,) = feed(world, row, bucket=BUCKET, conversions=[{"format": "mp3"}])

    assert (list(file["jobs"]), file["isNew"]) == ([made.job_id], False)
    assert world.executions() == []


def test_a_store_that_is_away_is_an_error_to_be_tried_again(world: Deployment, module: Any) -> None:
    row = put(world, "talks/one.wav")
    with refused(module.dynamodb, "GetItem", DOWN), pytest.raises(RecordsUnavailable):
        feed(world, row)


def test_no_line_of_the_log_has_a_key(world: Deployment, log: Any) -> None:
    feed(world, put(world, "talks/geheim.wav"), put(world, "talks/geheim.jpg"))
    assert "geheim" not in str(log())
    (line,) = [each for each in log() if each["message"] == "files fed"]
    assert (line["files"], line["new"], line["skipped"]) == (2, 1, 1)


def _must_not_be_called(*_: Any) -> str:
    raise AssertionError("it was copied before")


def test_an_upload_that_its_owner_has_aborted_is_not_copied_again(
    world: Deployment, module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = put(world, "talks/one.wav")
    with refused(module.copying, "CopyObject", DOWN), pytest.raises(StorageUnavailable):
        feed(world, row)
    (aborted,) = feed(world, row, dryRun=True)
    world.uploads.abort(aborted["fileId"])
    monkeypatch.setattr(module.feeder.sources, "copy", _must_not_be_called)

    assert feed(world, row)[0]["skipped"] == "UPLOAD_FINISHED"
