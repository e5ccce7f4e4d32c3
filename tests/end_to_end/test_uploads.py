"""Uploads by plain HTTP: one signed PUT, or parts that survive whoever sends them."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.end_to_end import journey, records
from tests.end_to_end.conftest import Pipeline

MIB = 1024 * 1024
PART = 8 * MIB


def begun(pipeline: Pipeline, content: bytes, *conversions: dict[str, Any]) -> dict[str, Any]:
    answer = journey.ask_for_upload(pipeline.api, "concert.wav", len(content), *conversions)
    assert answer.status_code == 201, answer.text
    return answer.json()


def state(pipeline: Pipeline, file_id: str) -> dict[str, Any]:
    answer = httpx.get(f"{pipeline.api}/uploads/{file_id}", timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


def parts_of(pipeline: Pipeline, file_id: str) -> dict[str, Any]:
    answer = httpx.get(f"{pipeline.api}/uploads/{file_id}/parts", timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


def complete(pipeline: Pipeline, file_id: str) -> httpx.Response:
    return httpx.post(f"{pipeline.api}/uploads/{file_id}/complete", timeout=60)


def abort(pipeline: Pipeline, file_id: str) -> httpx.Response:
    return httpx.delete(f"{pipeline.api}/uploads/{file_id}", timeout=30)


def open_in_s3(pipeline: Pipeline, file_id: str) -> list[str]:
    """S3's ids of the multipart uploads for this file."""
    listed = pipeline.client("s3").list_multipart_uploads(Bucket=pipeline.bucket)
    found = listed.get("Uploads", [])
    return [each["UploadId"] for each in found if each["Key"] == f"uploads/{file_id}.wav"]


@pytest.fixture(scope="module")
def content(concert: Path) -> bytes:
    return concert.read_bytes()


def test_a_file_of_up_to_16_mib_is_one_put_and_is_done_when_it_has_arrived(
    pipeline: Pipeline, music: dict[str, Path]
) -> None:
    small = music["wav"].read_bytes()
    upload = begun(pipeline, small)
    assert (upload["status"], upload["percent"], upload["multipart"]) == ("uploading", 0, None)
    waiting = state(pipeline, upload["fileId"])
    assert (waiting["status"], waiting["bytesReceived"]) == ("uploading", 0)
    assert journey.put(waiting, small).status_code == 200  # as any GET signs it, not the POST alone
    done = state(pipeline, upload["fileId"])
    assert (done["status"], done["percent"], done["upload"]) == ("completed", 100, None)
    assert done["bytesReceived"] == done["bytes"] == len(small)


@pytest.mark.parametrize(("size", "parts"), [(16 * MIB, 0), (16 * MIB + 1, 3)])
def test_above_16_mib_a_file_goes_in_parts(pipeline: Pipeline, size: int, parts: int) -> None:
    upload = journey.ask_for_upload(pipeline.api, "a.wav", size).json()
    assert (upload["upload"] is None) == bool(parts)
    assert (upload["multipart"] or {"partCount": 0})["partCount"] == parts
    assert abort(pipeline, upload["fileId"]).status_code == 204


def test_the_percent_of_a_large_file_is_that_of_its_bytes_and_100_only_when_completed(
    pipeline: Pipeline, content: bytes
) -> None:
    upload = begun(pipeline, content, {"format": "flac"})
    plan = upload["multipart"]
    assert (plan["partBytes"], plan["partCount"], plan["partsDone"]) == (PART, 3, [])
    seen = [upload["percent"]]
    for number in (3, 1, 2):
        journey.send_parts(pipeline.api, upload, content, [number])
        seen.append(state(pipeline, upload["fileId"])["percent"])
    last = len(content) - 2 * PART
    shares = [0, last, last + PART]
    assert seen[:3] == [pytest.approx(100 * each / len(content), abs=0.1) for each in shares]
    assert 99 < seen[3] < 100
    answer = complete(pipeline, upload["fileId"])
    assert (answer.status_code, answer.json()["percent"]) == (200, 100)
    [job] = journey.jobs_of(pipeline.api, upload["fileId"])
    done = journey.finished(pipeline.api, job["jobId"])
    assert (done["status"], done["source"]["bytes"]) == ("completed", len(content))


def test_after_a_reload_only_what_is_missing_is_sent(pipeline: Pipeline, content: bytes) -> None:
    """The page was closed behind a part that S3 had taken and nobody had acknowledged."""
    file_id = begun(pipeline, content)["fileId"]
    [second] = journey.sign(pipeline.api, file_id, [2])
    stored = journey.put_signed(second, journey.slice_of(content, second))
    assert state(pipeline, file_id)["multipart"]["partsDone"] == []

    listed = parts_of(pipeline, file_id)
    assert (listed["partBytes"], listed["partCount"], listed["missing"]) == (PART, 3, [1, 3])
    [there] = listed["parts"]
    assert (there["partNumber"], there["bytes"]) == (2, PART)
    assert there["etag"].strip('"') == stored.headers["etag"].strip('"')
    upload = state(pipeline, file_id)
    assert upload["multipart"]["partsDone"] == [2]
    assert upload["bytesReceived"] == PART

    journey.send_parts(pipeline.api, upload, content, listed["missing"])
    assert complete(pipeline, file_id).json()["status"] == "completed"
    stored_object = pipeline.client("s3").get_object(
        Bucket=pipeline.bucket, Key=f"uploads/{file_id}.wav"
    )
    assert stored_object["Body"].read() == content


def test_a_part_of_another_length_is_refused_by_its_signature(
    pipeline: Pipeline, content: bytes
) -> None:
    file_id = begun(pipeline, content)["fileId"]
    [first] = journey.sign(pipeline.api, file_id, [1])
    assert first["headers"]["content-length"] == str(PART)
    first["headers"]["content-length"] = str(PART - 1)
    assert journey.put_signed(first, content[: PART - 1]).status_code == 403
    assert parts_of(pipeline, file_id)["missing"] == [1, 2, 3]
    assert abort(pipeline, file_id).status_code == 204


def test_an_upload_is_not_completed_before_its_parts_are_there_and_are_as_long_as_they_should(
    pipeline: Pipeline, content: bytes
) -> None:
    upload = begun(pipeline, content)
    journey.send_parts(pipeline.api, upload, content, [1])
    [upload_id] = open_in_s3(pipeline, upload["fileId"])
    pipeline.client("s3").upload_part(
        Bucket=pipeline.bucket,
        Key=f"uploads/{upload['fileId']}.wav",
        UploadId=upload_id,
        PartNumber=2,
        Body=b"somebody with the account's keys",
    )
    early = complete(pipeline, upload["fileId"])
    assert journey.refused(early) == (409, "PARTS_MISSING")
    assert "2" in early.json()["detail"]
    assert "3" in early.json()["detail"]
    assert parts_of(pipeline, upload["fileId"])["missing"] == [2, 3]
    assert state(pipeline, upload["fileId"])["status"] == "uploading"
    journey.send_parts(pipeline.api, upload, content, [2, 3])
    assert complete(pipeline, upload["fileId"]).json()["status"] == "completed"


def test_completing_twice_is_as_once(pipeline: Pipeline, content: bytes) -> None:
    upload = begun(pipeline, content, {"format": "mp3"})
    journey.send_parts(pipeline.api, upload, content, [1, 2, 3])
    first, second = (complete(pipeline, upload["fileId"]) for _ in range(2))
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert first.status_code == 200
    [job] = journey.jobs_of(pipeline.api, upload["fileId"])
    assert journey.finished(pipeline.api, job["jobId"])["status"] == "completed"
    assert len(journey.jobs_of(pipeline.api, upload["fileId"])) == 1
    late = abort(pipeline, upload["fileId"])
    assert journey.refused(late) == (409, "UPLOAD_FINISHED")


def test_an_aborted_upload_leaves_nothing_and_takes_nothing_more(
    pipeline: Pipeline, content: bytes
) -> None:
    upload = begun(pipeline, content, {"format": "mp3"})
    file_id = upload["fileId"]
    [first, second] = journey.sign(pipeline.api, file_id, [1, 2])
    assert journey.put_signed(first, journey.slice_of(content, first)).status_code == 200
    assert [abort(pipeline, file_id).status_code for _ in range(2)] == [204, 204]

    assert open_in_s3(pipeline, file_id) == []
    assert journey.put_signed(second, journey.slice_of(content, second)).status_code == 404
    assert state(pipeline, file_id)["status"] == "aborted"
    body = {"partNumbers": [2]}
    signing = httpx.post(f"{pipeline.api}/uploads/{file_id}/parts", json=body, timeout=30)
    for answer in (signing, complete(pipeline, file_id)):
        assert journey.refused(answer) == (409, "UPLOAD_FINISHED")


def test_a_signature_that_has_expired_in_the_middle_is_made_anew(
    pipeline: Pipeline, content: bytes
) -> None:
    upload = begun(pipeline, content)
    file_id = upload["fileId"]
    journey.send_parts(pipeline.api, upload, content, [1])
    with records.set_up(pipeline, "ReceiveUpload", SLUICE_UPLOAD_URL_SECONDS="1"):
        [short] = journey.sign(pipeline.api, file_id, [2])
    wait_until_behind(short["expiresAt"])
    assert journey.put_signed(short, journey.slice_of(content, short)).status_code == 403

    missing = parts_of(pipeline, file_id)["missing"]
    assert missing == [2, 3]
    journey.send_parts(pipeline.api, upload, content, missing)
    assert complete(pipeline, file_id).json()["status"] == "completed"


@pytest.mark.long
def test_a_single_put_whose_signature_has_expired_is_signed_anew(
    pipeline: Pipeline, music: dict[str, Path]
) -> None:
    small = music["flac"].read_bytes()
    with records.set_up(pipeline, "CreateUpload", SLUICE_UPLOAD_URL_SECONDS="1"):
        upload = journey.ask_for_upload(pipeline.api, "a.flac", len(small)).json()
    wait_until_behind(upload["upload"]["expiresAt"])
    assert journey.put(upload, small).status_code == 403
    again = state(pipeline, upload["fileId"])
    assert journey.put(again, small).status_code == 200
    assert state(pipeline, upload["fileId"])["status"] == "completed"


def wait_until_behind(moment: str) -> None:
    """S3 refuses what is past its time by its own clock, in whole seconds."""
    while datetime.now(UTC).timestamp() < datetime.fromisoformat(moment).timestamp() + 2:
        time.sleep(0.1)


def test_a_file_of_one_put_has_no_parts(pipeline: Pipeline) -> None:
    file_id = journey.ask_for_upload(pipeline.api, "a.wav", 1000).json()["fileId"]
    address = f"{pipeline.api}/uploads/{file_id}"
    signing = httpx.post(f"{address}/parts", json={"partNumbers": [1]}, timeout=30)
    assert journey.refused(signing) == (409, "NOT_MULTIPART")
    assert journey.refused(complete(pipeline, file_id)) == (409, "PARTS_MISSING")
    assert abort(pipeline, file_id).status_code == 204


@pytest.mark.parametrize("numbers", [[], [0], [4], [1, "2"], "1", None, list(range(1, 102))])
def test_parts_that_there_are_not_cannot_be_signed(
    pipeline: Pipeline, content: bytes, numbers: object
) -> None:
    file_id = begun(pipeline, content)["fileId"]
    body = {"partNumbers": numbers}
    answer = httpx.post(f"{pipeline.api}/uploads/{file_id}/parts", json=body, timeout=30)
    assert journey.refused(answer) == (400, "INVALID_REQUEST")
    assert abort(pipeline, file_id).status_code == 204


def test_what_has_arrived_otherwise_than_declared_is_told(pipeline: Pipeline) -> None:
    file_id = journey.ask_for_upload(pipeline.api, "a.wav", 1000).json()["fileId"]
    key = f"uploads/{file_id}.wav"
    pipeline.client("s3").put_object(Bucket=pipeline.bucket, Key=key, Body=b"too short")
    answer = httpx.get(f"{pipeline.api}/uploads/{file_id}", timeout=30)
    assert journey.refused(answer) == (409, "UPLOAD_MISMATCH")


def test_both_forms_of_every_route_give_the_same(
    pipeline: Pipeline, music: dict[str, Path]
) -> None:
    old = pipeline.api.removesuffix("/v1") + "/api"
    content = music["wav"].read_bytes()
    body = {"fileName": "music.wav", "bytes": len(content)}
    uploads = [
        httpx.post(url, json=body, timeout=30)
        for url in (f"{pipeline.api}/uploads", f"{old}/upload-audio")
    ]
    assert [each.status_code for each in uploads] == [201, 201]
    assert uploads[0].json().keys() == uploads[1].json().keys()
    upload = uploads[1].json()
    assert journey.put(upload, content).status_code == 200
    file_id = upload["fileId"]
    asked = {"fileId": file_id, "conversion": {"format": "flac"}}
    answer = httpx.post(f"{old}/convert-audio", json=asked, timeout=30)
    assert answer.status_code == 202, answer.text
    job_id = answer.json()["jobId"]
    assert journey.finished(pipeline.api, job_id)["status"] == "completed"
    for new_form, old_form in (
        (f"/uploads/{file_id}", f"/upload-progress?fileId={file_id}"),
        (f"/jobs/{job_id}", f"/jobs/{job_id}"),
        (f"/jobs/{job_id}/progress", f"/progress?jobId={job_id}"),
    ):
        one = httpx.get(f"{pipeline.api}{new_form}", timeout=30)
        other = httpx.get(f"{old}{old_form}", timeout=30)
        assert (one.status_code, one.json()) == (other.status_code, other.json()), old_form
        assert one.status_code == 200
    download = httpx.get(f"{old}/download", params={"jobId": job_id}, timeout=30)
    assert download.status_code == 303
    there = httpx.URL(journey.link(pipeline.api, job_id)).path
    assert httpx.URL(download.headers["location"]).path == there
    both = [httpx.get(f"{each}/health", timeout=30) for each in (pipeline.api, old)]
    assert both[0].json().keys() == both[1].json().keys()
