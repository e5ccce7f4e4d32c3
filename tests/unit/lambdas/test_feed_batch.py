"""feed_batch: what becomes of the files of a batch, the first time and each time after."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from conversion.batches.found import MOST_COPIED_BYTES
from conversion.clock import timestamp, utc_now
from conversion.conversion import Conversion
from conversion.errors import RecordsUnavailable, StorageUnavailable, TooManyJobs
from conversion.job import Status, job_id_for
from conversion.outcome import Failure
from conversion.settings import FeedBatchSettings
from conversion.uploads import Upload, UploadStatus
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
    max_waiting_jobs=20,
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
    batch = asked.pop("batch", {"batchId": "b1", "startedAt": timestamp(utc_now())})
    given = {"BatchInput": batch | {"asked": usual | asked}, "Items": list(rows)}
    return world.invoke(FUNCTION, given)["files"]


def land(world: Deployment, event: Any, key: str) -> None:
    """What S3 tells of an object under `uploads/`."""
    landed = event("s3_object_created")
    head = world.s3.head_object(Bucket=BUCKET, Key=key)
    landed["detail"]["object"] |= {
        "key": key,
        "size": head["ContentLength"],
        "etag": head["ETag"].strip('"'),
    }
    landed["detail"]["object"].pop("version-id", None)
    landed["detail"]["bucket"]["name"] = BUCKET
    body = json.dumps(landed)
    world.invoke("start_jobs", {"Records": [{"messageId": "1", "body": body}]})


@pytest.fixture
def fed(world: Deployment, event: Any) -> Callable[..., dict[str, Any]]:
    """One file, fed to its end: its copy has landed."""

    def fed(row: Any, **asked: Any) -> dict[str, Any]:
        (file,) = feed(world, row, **asked)
        upload = world.uploads.find(file["fileId"])
        assert upload is not None
        land(world, event, upload.key)
        return file

    return fed


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

    land(world, event, upload.key)

    assert {job.job_id for job in world.jobs.of_file(upload.file_id)} == set(file["jobs"])
    assert {job.owner for job in world.jobs.of_file(upload.file_id)} == {OWNER}


def test_a_batch_that_is_repeated_copies_nothing_twice(
    world: Deployment, module: Any, monkeypatch: pytest.MonkeyPatch, fed: Any
) -> None:
    row = put(world, "talks/one.wav")
    first = fed(row)
    later(monkeypatch)
    monkeypatch.setattr(module.feeder.sources, "copy", _must_not_be_called)

    (again,) = feed(world, row)

    assert again == first | {"isNew": False, "usd": 0}
    assert len(uploads_there(world)) == 1


BATCHES = ({"batchId": "b2"}, {"batchId": "b3"})
MP3 = [{"format": "mp3"}]


def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was made before now, this module's next batch finds."""
    pause = timestamp(utc_now() + timedelta(seconds=5))
    monkeypatch.setattr(f"{__name__}.timestamp", lambda _: pause)


def end(world: Deployment, job_id: str, code: str | None) -> None:
    """Cancelled, or failed with this code."""
    if code is None:
        world.jobs.cancel(job_id)
    else:
        assert world.jobs.give_up(job_id, 0, Failure(code, "It did not work."))


@pytest.mark.parametrize("is_own", [False, True])
@pytest.mark.parametrize("code", [None, "CONVERTER_CRASHED", "TASK_NOT_STARTED"])
def test_what_was_cancelled_or_failed_through_us_is_made_again_by_the_next_batch(
    world: Deployment, fed: Any, monkeypatch: pytest.MonkeyPatch, code: str | None, is_own: bool
) -> None:
    if is_own:
        row, asked = put(world, "uploads/a.wav", bucket=BUCKET), {"bucket": BUCKET}
        (first,) = feed(world, row, conversions=MP3, **asked)
    else:
        row, asked = put(world, "talks/a.wav"), {}
        first = fed(row, conversions=MP3)
    (lost,) = first["jobs"]
    end(world, lost, code)
    later(monkeypatch)

    files = [feed(world, row, conversions=MP3, batch=BATCHES[0], **asked)[0] for _ in range(2)]
    (again,) = files[0]["jobs"]
    (known,) = feed(world, row, conversions=MP3, batch=BATCHES[1], **asked)

    assert again != lost
    assert files[0]["usd"] == first["usd"] > 0
    assert list(files[1]["jobs"]) == list(known["jobs"]) == [again]
    assert (files[0]["isNew"], known["isNew"], known["usd"]) == (True, False, 0)
    assert world.jobs.get(again).status is Status.CREATED


@pytest.mark.parametrize("code", ["CORRUPT_INPUT", "NO_AUDIO_STREAM"])
def test_what_failed_through_its_file_is_not_tried_again(
    world: Deployment, fed: Any, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    row = put(world, "talks/a.wav")
    first = fed(row, conversions=MP3)
    end(world, *first["jobs"], code)
    later(monkeypatch)
    (again,) = feed(world, row, conversions=MP3, batch=BATCHES[0])
    assert again == first | {"isNew": False, "usd": 0}


def test_what_somebody_cancels_meanwhile_is_not_made_again_by_the_same_batch(
    world: Deployment, fed: Any
) -> None:
    batch = {"batchId": "b2", "startedAt": timestamp(utc_now())}
    row = put(world, "talks/a.wav")
    first = fed(row, conversions=MP3, batch=batch)
    end(world, *first["jobs"], None)
    assert feed(world, row, conversions=MP3, batch=batch) == [first]


def test_a_second_try_of_a_batch_counts_what_the_first_has_fed(world: Deployment, fed: Any) -> None:
    batch = {"batchId": "b2", "startedAt": timestamp(utc_now())}
    row = put(world, "talks/a.wav")
    first = fed(row, batch=batch)
    assert first["isNew"]
    assert feed(world, row, batch=batch) == [first]


def test_a_batch_of_an_older_version_is_fed_without_its_start(world: Deployment) -> None:
    (file,) = feed(world, put(world, "talks/a.wav"), batch={"batchId": "b2"})
    assert file["isNew"]


def test_a_copy_that_landed_unheard_begins_when_it_is_found(world: Deployment) -> None:
    """As when its record has expired, and the event of its landing is long over."""
    row = put(world, "talks/a.wav")
    (first,) = feed(world, row)
    world.dynamodb.delete_item(TableName=tables.UPLOADS, Key={"fileId": {"S": first["fileId"]}})

    (again,) = feed(world, row)

    assert again == first
    assert {job.job_id for job in world.jobs.of_file(first["fileId"])} == set(first["jobs"])
    assert len(world.executions()) == 1  # the one slot there is


def test_a_job_that_has_expired_and_is_not_removed_yet_is_no_obstacle(
    world: Deployment, fed: Any
) -> None:
    row = put(world, "talks/a.wav")
    (gone,) = fed(row, conversions=MP3)["jobs"]
    world.dynamodb.update_item(
        TableName=tables.JOBS,
        Key={"jobId": {"S": gone}},
        UpdateExpression="SET expiresAt = :past",
        ExpressionAttributeValues={":past": {"N": "1"}},
    )
    (again,) = feed(world, row, conversions=MP3)[0]["jobs"]
    assert again != gone
    assert world.jobs.get(again).status is Status.CREATED


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


def test_the_same_conversions_in_another_order_are_the_same_file(world: Deployment) -> None:
    row, ways = put(world, "talks/one.wav"), [{"format": "mp3"}, {"format": "flac"}]
    first, again = (feed(world, row, conversions=each)[0] for each in (ways, ways[::-1]))
    assert first["fileId"] == again["fileId"]


@pytest.mark.parametrize("key", ["talks/one.wav ", "talks/folder\\one.wav"])
def test_its_name_is_what_an_uploads_would_be(world: Deployment, key: str) -> None:
    (file,) = feed(world, put(world, key))
    upload = world.uploads.find(file["fileId"])
    assert upload is not None
    assert (upload.file_name, upload.key) == ("one.wav", f"uploads/{upload.file_id}.wav")


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


def test_what_lies_where_it_is_needs_no_copy(
    world: Deployment, module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = replace(module.feeder.limits, max_bytes=2**50)
    monkeypatch.setattr(module, "feeder", replace(module.feeder, limits=wide))
    row = put(world, "uploads/one.wav", bucket=BUCKET) | {"Size": MOST_COPIED_BYTES + 1}
    assert feed(world, row, bucket=BUCKET)[0]["skipped"] is None


def test_what_is_gone_is_skipped(world: Deployment) -> None:
    gone = put(world, "talks/c.wav")
    world.s3.delete_object(Bucket=SOURCE, Key="talks/c.wav")
    assert feed(world, gone)[0]["skipped"] == "SOURCE_MISSING"


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("reader", ["listing", "keys"])
def test_what_is_archived_is_skipped_until_it_is_restored(
    world: Deployment, dry_run: bool, reader: str
) -> None:
    """Its class stays what it is then: a listing alone does not tell."""
    given = {"Bucket": SOURCE, "Key": "talks/a.wav"}
    world.s3.put_object(**given, Body=b"RIFF1234", StorageClass="GLACIER")
    etag = world.s3.head_object(**given)["ETag"]
    row = {"Key": "talks/a.wav", "Size": 8, "Etag": etag, "StorageClass": "GLACIER"}
    row = given if reader == "keys" else row

    (archived,) = feed(world, row, dryRun=dry_run, reader=reader)
    assert (archived["skipped"], archived["isNew"]) == ("SOURCE_ARCHIVED", False)
    assert uploads_there(world) == []
    assert world.uploads.count_open(10) == 0

    world.s3.restore_object(**given, RestoreRequest={"Days": 1})
    (restored,) = feed(world, row, dryRun=dry_run, reader=reader)
    assert (restored["skipped"], restored["isNew"]) == (None, True)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ((412, "PreconditionFailed"), "SOURCE_CHANGED"),
        ((403, "InvalidObjectState"), "SOURCE_ARCHIVED"),
        ((400, "InvalidRequest"), "SOURCE_FORBIDDEN"),  # encrypted with a key of its owner's
        ((400, "KMS.DisabledException"), "SOURCE_FORBIDDEN"),
        ((400, "KMS.KMSInvalidStateException"), "SOURCE_FORBIDDEN"),
        ((301, "PermanentRedirect"), "SOURCE_FORBIDDEN"),
    ],
)
def test_what_s3_will_not_copy_is_skipped_and_the_next_is_fed(
    world: Deployment, module: Any, answer: tuple[int, str], code: str
) -> None:
    rows = [put(world, "talks/one.wav"), put(world, "talks/two.jpg")]
    with refused(module.copying, "CopyObject", answer):
        files = feed(world, *rows)
    assert [each["skipped"] for each in files] == [code, "UNSUPPORTED_MEDIA_TYPE"]


DENIED = (403, "AccessDenied")


def test_what_we_may_not_read_is_skipped(world: Deployment, module: Any) -> None:
    row = put(world, "talks/one.wav")
    denied = refused(module.copying, "CopyObject", DENIED)
    with denied, refused(module.copying, "GetObject", DENIED):
        (file,) = feed(world, row)
    assert file["skipped"] == "SOURCE_FORBIDDEN"


def test_where_we_may_read_it_and_not_write_it_the_deployment_is_broken(
    world: Deployment, module: Any
) -> None:
    row = put(world, "talks/one.wav")
    denied = refused(module.copying, "CopyObject", DENIED)
    with denied, pytest.raises(ClientError, match="AccessDenied"):
        feed(world, row)


@pytest.mark.parametrize(
    "answer",
    [(400, "ExpiredToken"), (403, "RequestTimeTooSkewed"), (400, "KMS.ThrottlingException")],
)
def test_what_is_refused_for_a_moment_is_tried_again(
    world: Deployment, module: Any, answer: tuple[int, str]
) -> None:
    row = put(world, "talks/one.wav")
    with refused(module.copying, "CopyObject", answer), pytest.raises(StorageUnavailable):
        feed(world, row)


def test_a_bare_400_is_asked_for_its_reason(world: Deployment, module: Any) -> None:
    """A HEAD has no body: of a file that wants its owner's key it says as much as of a token that
    has expired."""
    put(world, "talks/one.wav")
    row, bare = {"Bucket": SOURCE, "Key": "talks/one.wav"}, (400, "400")
    with refused(module.copying, "HeadObject", bare):
        with refused(module.copying, "GetObject", (400, "InvalidRequest")):
            assert feed(world, row, reader="keys")[0]["skipped"] == "SOURCE_FORBIDDEN"
        expired = refused(module.copying, "GetObject", (400, "ExpiredToken"))
        with expired, pytest.raises(StorageUnavailable):
            feed(world, row, reader="keys")
        with pytest.raises(StorageUnavailable):  # readable by now: HEAD will say so, too
            feed(world, row, reader="keys")


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


def test_a_dry_run_writes_nothing_and_says_what_it_would_cost(world: Deployment, fed: Any) -> None:
    row = put(world, "talks/one.wav")

    (file,) = feed(world, row, dryRun=True)

    assert (file["isNew"], file["jobs"]) == (True, {})
    assert 0 < file["usd"] < 0.01
    assert world.uploads.find(file["fileId"]) is None
    assert uploads_there(world) == []
    assert fed(row)["usd"] == file["usd"]
    (known,) = feed(world, row, dryRun=True)
    assert (known["isNew"], known["usd"]) == (False, 0)


def test_batches_leave_half_of_the_places_to_others(module: Any) -> None:
    settings = replace(SETTINGS, max_waiting_jobs=1000)
    with pretend.aws():
        assert load(FUNCTION, settings.to_env()).feeder.limits.max_waiting == 500


def test_nothing_is_fed_while_too_many_jobs_wait(
    world: Deployment, module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = put(world, "talks/one.wav")
    narrow = replace(module.feeder.limits, max_waiting=0)
    monkeypatch.setattr(module, "feeder", replace(module.feeder, limits=narrow))
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


def upload_there(world: Deployment, **declared: Any) -> Any:
    """An upload of a client's, of 8 bytes, and the row that a listing has of it."""
    usual = {"fileName": "Mein Lied.wav", "bytes": 8}
    upload = Upload.from_request(usual | declared, 1000, 1, owner="a client")
    world.uploads.put(upload)
    return upload, put(world, upload.key, bucket=BUCKET)


def test_a_clients_upload_keeps_its_name_and_its_wish_to_be_deleted(world: Deployment) -> None:
    upload, row = upload_there(world, deleteAfterDownload=True)

    (file,) = feed(world, row, bucket=BUCKET, conversions=MP3)

    (job,) = world.jobs.of_file(upload.file_id)
    assert (list(file["jobs"]), job.source.file_name) == ([job.job_id], "Mein Lied.wav")
    assert job.delete_after_download
    completed = world.uploads.find(upload.file_id)
    assert completed is not None  # and so cannot be aborted any more
    assert completed.status is UploadStatus.COMPLETED


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_clients_upload_that_is_aborted_or_not_whole_is_skipped(
    world: Deployment, dry_run: bool
) -> None:
    aborted, row_of_aborted = upload_there(world)
    world.uploads.abort(aborted.file_id)
    half, row_of_half = upload_there(world, bytes=16)

    files = feed(world, row_of_aborted, row_of_half, bucket=BUCKET, dryRun=dry_run)

    assert [each["skipped"] for each in files] == ["UPLOAD_FINISHED", "UPLOAD_MISMATCH"]
    assert world.jobs.of_file(aborted.file_id) + world.jobs.of_file(half.file_id) == []


def test_an_own_files_job_is_its_callers(world: Deployment) -> None:
    row = put(world, "uploads/dropped.wav", bucket=BUCKET)
    (first,) = feed(world, row, bucket=BUCKET, conversions=MP3)
    world.dynamodb.delete_item(
        TableName=tables.JOBS, Key={"jobId": {"S": next(iter(first["jobs"]))}}
    )
    (other,) = feed(world, row, bucket=BUCKET, conversions=MP3, owner="somebody else")
    assert first["jobs"].keys() != other["jobs"].keys()


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
