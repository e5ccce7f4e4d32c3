"""The events that cross our border."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from conversion import events
from conversion.conversion import Conversion
from conversion.cost import Cost
from conversion.errors import InvalidRequest
from conversion.events import ConversionCompleted, ConversionEvent, ObjectCreated
from conversion.job import Job, Status
from conversion.outcome import Mode
from tests.contract.examples import (
    FAILURE,
    FILE_ID,
    JOB_ID,
    OUTPUT,
    SOURCE,
    a_job,
    completed,
    failed,
)

SCHEMAS = Path(__file__).parents[3] / "docs" / "events"


def test_s3s_event_is_read(event) -> None:
    assert ObjectCreated.from_event(event("s3_object_created")) == ObjectCreated(
        SOURCE.bucket,
        SOURCE.key,
        SOURCE.etag,
        SOURCE.bytes,
        SOURCE.version_id,
        "00673EFD8299329D18",
    )


def test_a_bucket_without_versions_gives_none(event) -> None:
    told = event("s3_object_created")
    del told["detail"]["object"]["version-id"]
    assert ObjectCreated.from_event(told).version_id is None


@pytest.mark.parametrize("name", ["key", "size", "etag"])
def test_an_event_without_what_we_need_is_refused(event, name) -> None:
    told = event("s3_object_created")
    del told["detail"]["object"][name]
    with pytest.raises(InvalidRequest, match=name):
        ObjectCreated.from_event(told)


@pytest.mark.parametrize("told", [None, [], "x", 3, {}, {"source": "aws.s3"}])
def test_what_is_no_event_is_refused(told) -> None:
    with pytest.raises(InvalidRequest):
        ObjectCreated.from_event(told)


@pytest.mark.parametrize(
    "change", [{"source": "aws.ec2"}, {"detail-type": "Object Deleted"}, {"detail": []}]
)
def test_another_event_is_refused(event, change) -> None:
    with pytest.raises(InvalidRequest):
        ObjectCreated.from_event(event("s3_object_created") | change)


def test_an_etag_that_is_no_text_is_refused(event) -> None:
    told = copy.deepcopy(event("s3_object_created"))
    told["detail"]["object"]["etag"] = 7
    with pytest.raises(InvalidRequest):
        ObjectCreated.from_event(told)


@pytest.mark.parametrize(
    ("key", "size", "folder"),
    [
        ("uploads/", 0, True),
        ("uploads/a/", 0, True),
        ("uploads/a/", 5, False),
        ("uploads/a", 0, False),
    ],
)
def test_folders(key: str, size: int, folder: bool) -> None:
    assert ObjectCreated("bucket", key, "etag", size).is_folder is folder


def test_what_we_announce_has_one_name_each() -> None:
    announced = ConversionEvent.__subclasses__()
    assert {each.source for each in announced} == {"sluice"}
    assert len({each.detail_type for each in announced}) == len(announced) == 4
    assert all(each.__module__ == events.__name__ for each in announced)


CANCELLED = a_job(status=Status.CANCELLED, attempt=2, updated_at="2026-11-21T09:31:00.000Z")
PROCESSING = a_job(status=Status.PROCESSING, attempt=1)
COST = Cost(vcpu_seconds=12.5, gb_seconds=25, transitions=4, requests=31, usd=0.00021)
# A job of each status that is announced, as bare and as full as it can be.
ANNOUNCED = [
    a_job(),
    a_job(file_id="Rede am Abend", conversion=Conversion("mp3", tags=(("title", "Mein Tag"),))),
    completed(),
    completed(attempt=3, cost=COST, output=replace(OUTPUT, mode=Mode.FILE, duration_seconds=3)),
    failed(),
    failed(attempt=0, cost=COST),
    CANCELLED,
    replace(CANCELLED, attempt=0, cost=COST),
]


def test_every_change_of_a_status_is_announced_or_not() -> None:
    announced = {
        (before, after): event.detail_type
        for before in (None, *Status)
        for after in Status
        if (
            event := ConversionEvent.of_change(before and a_job(status=before), a_job(status=after))
        )
    }
    others = {None, *Status}
    assert announced == {
        **{(each, Status.CREATED): "Conversion Created" for each in others - {Status.CREATED}},
        **{
            (each, Status.COMPLETED): "Conversion Completed" for each in others - {Status.COMPLETED}
        },
        **{(each, Status.FAILED): "Conversion Failed" for each in others - {Status.FAILED}},
        **{
            (each, Status.CANCELLED): "Conversion Cancelled" for each in others - {Status.CANCELLED}
        },
    }


def test_a_claim_a_restart_and_a_redrive_are_not_announced() -> None:
    assert ConversionEvent.of_change(a_job(), PROCESSING) is None
    assert ConversionEvent.of_change(PROCESSING, replace(PROCESSING, attempt=2)) is None
    assert ConversionEvent.of_change(failed(), replace(PROCESSING, attempt=2, redrive=1)) is None


def test_a_record_that_is_kept_alive_is_not_announced() -> None:
    for job in ANNOUNCED:
        assert ConversionEvent.of_change(job, replace(job, expires_at=job.expires_at + 60)) is None


def test_an_event_tells_of_the_job_as_it_stands() -> None:
    event = ConversionEvent.of_change(PROCESSING, completed(cost=COST))
    assert isinstance(event, ConversionCompleted)
    assert event.detail == {
        "version": "1",
        "jobId": JOB_ID,
        "fileId": FILE_ID,
        "status": "completed",
        "attempt": 1,
        "conversion": {"format": "mp3", "bitrateKbps": 192},
        "createdAt": "2026-11-21T09:30:12.000Z",
        "updatedAt": "2026-11-21T09:30:12.000Z",
        "source": {"bytes": 5292044},
        "output": {
            "bytes": 1_440_417,
            "mediaType": "audio/mpeg",
            "durationSeconds": 60.024,
            "mode": "stream",
            "key": OUTPUT.key,
        },
        "error": None,
        "cost": {
            "vcpuSeconds": 12.5,
            "gbSeconds": 25,
            "transitions": 4,
            "requests": 31,
            "usd": 0.00021,
        },
    }
    failure = ConversionEvent.of_change(PROCESSING, failed())
    assert failure is not None
    assert failure.detail["error"] == {"code": FAILURE.code, "message": FAILURE.message}


@pytest.mark.parametrize("job", ANNOUNCED)
def test_no_event_carries_a_file_name_or_a_tag(job: Job) -> None:
    told = json.dumps(announcement(job).detail, ensure_ascii=False)
    assert "Ärzte" not in told
    assert "Mein Tag" not in told


def announcement(job: Job) -> ConversionEvent:
    event = ConversionEvent.of_change(None, job)
    assert event is not None
    return event


def schema_of(event: type[ConversionEvent] | ConversionEvent) -> Any:
    name = event.detail_type.lower().replace(" ", "-")
    return json.loads((SCHEMAS / f"{name}.json").read_text())


def test_there_is_a_schema_for_each_event_and_no_other() -> None:
    schemas = {each.name: json.loads(each.read_text()) for each in SCHEMAS.glob("*.json")}
    assert {each["title"] for each in schemas.values()} == {
        each.detail_type for each in ConversionEvent.__subclasses__()
    }
    for name, schema in schemas.items():
        Draft202012Validator.check_schema(schema)
        assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
        stem = name.removesuffix(".json")
        assert schema["$id"] == f"urn:sluice:events:{stem}:{ConversionEvent.version}"


@pytest.mark.parametrize("job", ANNOUNCED)
def test_every_event_keeps_its_schema_and_says_nothing_beyond_it(job: Job) -> None:
    event = announcement(job)
    schema = schema_of(event)
    Draft202012Validator(schema).validate(json.loads(json.dumps(event.detail)))
    assert event.detail.keys() == schema["properties"].keys() == set(schema["required"])
    for name in ("output", "error", "cost"):
        if told := event.detail[name]:
            assert told.keys() == schema["properties"][name]["properties"].keys()


@pytest.mark.parametrize("job", ANNOUNCED)
def test_no_event_passes_for_another(job: Job) -> None:
    event = announcement(job)
    for other in ConversionEvent.__subclasses__():
        if other is not type(event):
            assert not Draft202012Validator(schema_of(other)).is_valid(event.detail)


OUTPUT_TOLD = announcement(completed()).detail["output"]
WRONG: dict[str, dict[str, Any]] = {
    "another version": {"version": "2"},
    "a version that is a number": {"version": 1},
    "an id of another kind": {"jobId": "../7c9e6679"},
    "no file": {"fileId": ""},
    "an attempt in words": {"attempt": "1"},
    "no attempt at all": {"attempt": 0},
    "a conversion into nothing": {"conversion": {"bitrateKbps": 192}},
    "a person's own words": {"conversion": {"format": "mp3", "tags": {"title": "Mein Tag"}}},
    "a time without a zone": {"updatedAt": "2026-11-21T09:30:12.000"},
    "a time to the second": {"createdAt": "2026-11-21T09:30:12Z"},
    "bytes below none": {"source": {"bytes": -1}},
    "a source without bytes": {"source": {}},
    "no output": {"output": None},
    "an output of no bytes": {"output": {**OUTPUT_TOLD, "bytes": 0}},
    "an output elsewhere": {"output": {**OUTPUT_TOLD, "key": "uploads/a.wav"}},
    "another mode": {"output": {**OUTPUT_TOLD, "mode": "tape"}},
    "an output without a key": {"output": {x: y for x, y in OUTPUT_TOLD.items() if x != "key"}},
    "an error of a completed job": {"error": FAILURE.to_item()},
    "half a cost": {"cost": {"usd": 0.1}},
    "a cost below nothing": {"cost": {**COST.to_item(), "usd": -0.1}},
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_refused(change: dict[str, Any]) -> None:
    detail = announcement(completed()).detail
    schema = Draft202012Validator(schema_of(ConversionCompleted))
    assert schema.is_valid(detail)
    assert not schema.is_valid(detail | change)


@pytest.mark.parametrize("job", ANNOUNCED)
def test_what_is_left_out_is_refused(job: Job) -> None:
    event = announcement(job)
    schema = Draft202012Validator(schema_of(event))
    for name in event.detail:
        assert not schema.is_valid({x: y for x, y in event.detail.items() if x != name}), name


def test_a_failure_without_its_code_is_refused() -> None:
    event = announcement(failed())
    schema = Draft202012Validator(schema_of(event))
    for error in (None, {}, {"code": "CORRUPT_INPUT"}, {"code": "broken", "message": "It is."}):
        assert not schema.is_valid(event.detail | {"error": error}), error


def test_a_field_may_be_added_without_another_version() -> None:
    event = announcement(completed())
    Draft202012Validator(schema_of(event)).validate(event.detail | {"more": 1})


def test_the_rule_in_the_documentation_is_met_by_what_it_is_said_to_match() -> None:
    text = (SCHEMAS / "README.md").read_text()
    (pattern,) = re.findall(r"```json\n(\{\n.*?\n\})\n```", text, re.DOTALL)[:1]
    rule = json.loads(pattern)
    event = announcement(completed())
    assert event.source in rule["source"]
    assert event.detail_type in rule["detail-type"]
    assert event.detail["conversion"]["format"] in rule["detail"]["conversion"]["format"]
