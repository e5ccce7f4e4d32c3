"""One upload becomes one converted file: presigned URL, S3 event, queue, execution, converter,
record, download. Nothing here knows Python code of ours: it is HTTP, S3 and Step Functions."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from local.ffmpeg import Ffmpeg
from tests.end_to_end import journey
from tests.end_to_end.conftest import Pipeline

ASL = json.loads((Path(__file__).parents[2] / "statemachine" / "conversion.asl.json").read_text())
GOOD_WAY = ["Begin", "Convert", "ReadOutcome", "Outcome", "Completed"]


def convert(pipeline: Pipeline, source: Path, **conversion: object) -> dict[str, object]:
    file_id = journey.send(pipeline.api, source, conversion)
    [job] = journey.jobs_of(pipeline.api, file_id)
    return journey.finished(pipeline.api, job["jobId"])


def test_a_lossless_round_trip_keeps_every_sample(
    pipeline: Pipeline, ffmpeg: Ffmpeg, music: dict[str, Path], tmp_path: Path
) -> None:
    to_flac = convert(pipeline, music["wav"], format="flac")
    assert to_flac["status"] == "completed", to_flac["error"]
    flac = tmp_path / "music.flac"
    journey.download(pipeline.api, str(to_flac["jobId"]), flac)
    back = convert(pipeline, flac, format="wav")
    wav = tmp_path / "back.wav"
    journey.download(pipeline.api, str(back["jobId"]), wav)
    source = journey.pcm(ffmpeg, music["wav"])
    assert journey.pcm(ffmpeg, flac) == source
    assert journey.pcm(ffmpeg, wav) == source


def test_exactly_one_execution_ran_and_its_states_are_the_asl_s(
    pipeline: Pipeline, music: dict[str, Path]
) -> None:
    job = convert(pipeline, music["wav"], format="mp3", bitrateKbps=128)
    job_id = str(job["jobId"])
    assert pipeline.executions_named(job_id) == 1
    assert pipeline.states(job_id) == GOOD_WAY
    assert set(GOOD_WAY) <= set(ASL["States"])
    described = pipeline.ended(job_id)
    assert described["status"] == "SUCCEEDED"
    assert json.loads(described["input"]).keys() == {"jobId", "traceHeader"}
    assert json.loads(described["input"])["jobId"] == job_id
    assert job["attempt"] == 1


@pytest.mark.parametrize(
    "target",
    [
        "mp3",
        "ogg",
        *(pytest.param(each, marks=pytest.mark.long) for each in ("m4a", "flac", "opus", "wav")),
    ],
)
def test_an_m4a_with_moov_last_becomes_every_format(
    pipeline: Pipeline, ffmpeg: Ffmpeg, music: dict[str, Path], tmp_path: Path, target: str
) -> None:
    data = music["m4a"].read_bytes()
    assert data.index(b"mdat") < data.index(b"moov"), "the input must be the hard case"
    job = convert(pipeline, music["m4a"], format=target)
    assert job["status"] == "completed", job["error"]
    assert job["output"]["mode"] == "stream"  # type: ignore[index]
    path = tmp_path / f"out.{target}"
    answer = journey.download(pipeline.api, str(job["jobId"]), path)
    assert int(answer.headers["content-length"]) == path.stat().st_size
    assert f'filename="music.{target}"' in answer.headers["content-disposition"]
    assert journey.decoded_seconds(ffmpeg, path) == pytest.approx(
        journey.decoded_seconds(ffmpeg, music["m4a"]), abs=0.06
    )
    tags = probe_tags(ffmpeg, path)
    if target != "wav":
        assert (tags["title"], tags["artist"]) == ("First Light", "Sluice")
    pictures = [
        each for each in journey.probe(ffmpeg, path)["streams"] if each["codec_type"] == "video"
    ]
    assert len(pictures) == (1 if target in ("mp3", "m4a", "flac") else 0)


def probe_tags(ffmpeg: Ffmpeg, path: Path) -> dict[str, str]:
    """Tags of the file or, in Ogg, of its stream; names in lower case."""
    found = journey.probe(ffmpeg, path)
    tags = dict(found["format"].get("tags", {}))
    for stream in found["streams"]:
        tags |= stream.get("tags", {}) if stream["codec_type"] == "audio" else {}
    return {name.lower(): value for name, value in tags.items()}


def test_several_conversions_asked_for_with_one_upload_are_several_jobs(
    pipeline: Pipeline, music: dict[str, Path]
) -> None:
    wanted = [{"format": "mp3"}, {"format": "opus", "bitrateKbps": 96}, {"format": "flac"}]
    file_id = journey.send(pipeline.api, music["wav"], *wanted)
    jobs = journey.jobs_of(pipeline.api, file_id, how_many=3)
    done = [journey.finished(pipeline.api, job["jobId"]) for job in jobs]
    assert {job["status"] for job in done} == {"completed"}
    assert {job["conversion"]["format"] for job in done} == {"mp3", "opus", "flac"}
    assert len({job["jobId"] for job in done}) == 3


def test_an_object_dropped_into_uploads_gets_the_default_conversions(
    pipeline: Pipeline, music: dict[str, Path]
) -> None:
    s3 = pipeline.client("s3")
    s3.upload_file(str(music["flac"]), pipeline.bucket, "uploads/by hand/tune.flac")
    [job] = journey.jobs_of(pipeline.api, "by hand/tune")
    done = journey.finished(pipeline.api, job["jobId"])
    assert (done["status"], done["conversion"]["format"]) == ("completed", "mp3")
    assert done["output"]["fileName"] == "tune.mp3"


def test_a_conversion_asked_for_later_is_a_job_of_its_own(
    pipeline: Pipeline, music: dict[str, Path]
) -> None:
    file_id = journey.send(pipeline.api, music["wav"])
    body = {"fileId": file_id, "conversion": {"format": "ogg"}}
    answer = httpx.post(f"{pipeline.api}/jobs", json=body, timeout=30)
    assert answer.status_code == 202, answer.text
    job_id = answer.json()["jobId"]
    assert answer.headers["location"].endswith(f"/jobs/{job_id}")
    assert "retry-after" in answer.headers
    assert journey.finished(pipeline.api, job_id)["status"] == "completed"
    assert pipeline.executions_named(job_id) == 1


def test_the_same_event_delivered_again_starts_nothing(
    pipeline: Pipeline, music: dict[str, Path]
) -> None:
    file_id = journey.send(pipeline.api, music["wav"], {"format": "opus"})
    [job] = journey.jobs_of(pipeline.api, file_id)
    done = journey.finished(pipeline.api, job["jobId"])
    key = f"uploads/{file_id}.wav"
    head = pipeline.client("s3").head_object(Bucket=pipeline.bucket, Key=key)
    event = {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {
            "bucket": {"name": pipeline.bucket},
            "object": {"key": key, "etag": head["ETag"].strip('"'), "size": head["ContentLength"]},
        },
    }
    marker = journey.send(pipeline.api, music["wav"], {"format": "mp3"})
    sqs = pipeline.client("sqs")
    [queue] = [url for url in sqs.list_queues()["QueueUrls"] if "ArrivalsQueue" in url]
    for _ in range(3):
        sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(event))
    [after] = journey.jobs_of(pipeline.api, marker)
    journey.finished(pipeline.api, after["jobId"])
    assert [each["jobId"] for each in journey.jobs_of(pipeline.api, file_id)] == [job["jobId"]]
    assert pipeline.executions_named(job["jobId"]) == 1
    assert journey.finished(pipeline.api, job["jobId"]) == done


def test_a_job_is_announced_when_it_is_made_and_when_it_is_over(
    pipeline: Pipeline, music: dict[str, Path]
) -> None:
    events, queues = pipeline.client("events"), pipeline.client("sqs")
    heard = queues.create_queue(QueueName="heard")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=heard, AttributeNames=["QueueArn"])["Attributes"]
    events.put_rule(Name="ours", EventPattern=json.dumps({"source": ["sluice"]}))
    events.put_targets(Rule="ours", Targets=[{"Id": "queue", "Arn": arn["QueueArn"]}])

    job_id = convert(pipeline, music["wav"], format="mp3")["jobId"]

    told: list[str] = []
    while len(told) < 2:
        found = queues.receive_message(QueueUrl=heard, WaitTimeSeconds=10, MaxNumberOfMessages=10)
        assert found.get("Messages"), told
        for message in found["Messages"]:
            event = json.loads(message["Body"])
            if event["detail"]["jobId"] == job_id:  # others' jobs may end meanwhile
                told.append(event["detail-type"])
            queues.delete_message(QueueUrl=heard, ReceiptHandle=message["ReceiptHandle"])
    assert told == ["Conversion Created", "Conversion Completed"]
    events.remove_targets(Rule="ours", Ids=["queue"])
    events.delete_rule(Name="ours")


def test_progress_rises_to_100_and_is_never_cached(
    pipeline: Pipeline, music: dict[str, Path]
) -> None:
    file_id = journey.send(pipeline.api, music["flac"], {"format": "m4a"})
    [job] = journey.jobs_of(pipeline.api, file_id)
    seen: list[float] = []
    journey.finished(pipeline.api, job["jobId"], seen)
    assert seen == sorted(seen)
    assert seen[-1] == 100
    answer = httpx.get(f"{pipeline.api}/jobs/{job['jobId']}/progress", timeout=30)
    assert answer.headers["cache-control"] == "no-store"
    assert (answer.json()["stage"], answer.json()["percent"]) == ("completed", 100)


def test_a_download_before_its_time_is_409_and_a_second_put_is_refused(
    pipeline: Pipeline, music: dict[str, Path]
) -> None:
    content = music["wav"].read_bytes()
    answer = journey.ask_for_upload(pipeline.api, "a.wav", len(content), {"format": "flac"})
    upload = answer.json()
    assert journey.put(upload, content).status_code == 200
    assert journey.put(upload, content).status_code == 412
    [job] = journey.jobs_of(pipeline.api, upload["fileId"])
    early = httpx.get(f"{pipeline.api}/jobs/{job['jobId']}/output", timeout=30)
    assert early.status_code in (303, 409)  # 303 where the conversion won the race
    if early.status_code == 409:
        assert early.json()["code"] == "JOB_NOT_READY"
    journey.finished(pipeline.api, job["jobId"])
