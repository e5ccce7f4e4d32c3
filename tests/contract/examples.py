"""One of each thing that crosses a border, to be varied by the test that needs it otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conversion.conversion import Conversion
from conversion.cost import Cost
from conversion.job import Job, Source, Status
from conversion.outcome import Failure, Mode, Output
from conversion.progress import Progress, Stage
from conversion.uploads import Upload

JOB_ID = "7c9e6679f7a349c8a1e0f5d2b6c4a813"
FILE_ID = "0f8fad5bd9cb469fa16570867728950e"
BUCKET = "sluice-data"

# Far enough ahead that no test outlives it: 2100-01-01.
LATER = 4102444800
LONG_AGO = 1_000_000_000

SOURCE = Source(
    bucket=BUCKET,
    key=f"uploads/{FILE_ID}.wav",
    etag="5d41402abc4b2a76b9719d911017c592",
    bytes=5292044,
    file_name="Ärzte – live.wav",
    version_id="IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
)

JOB = Job(
    job_id=JOB_ID,
    file_id=FILE_ID,
    source=SOURCE,
    conversion=Conversion("mp3", 192),
    status=Status.CREATED,
    created_at="2026-11-21T09:30:12.000Z",
    updated_at="2026-11-21T09:30:12.000Z",
    expires_at=LATER,
)

OUTPUT = Output(
    key=JOB.output_key(1),
    bytes=1_440_417,
    media_type="audio/mpeg",
    file_name="Ärzte – live.mp3",
    duration_seconds=60.024,
    mode=Mode.STREAM,
)

FAILURE = Failure("CORRUPT_INPUT", "The file cannot be decoded; export it again.")

COST = Cost(vcpu_seconds=12.5, gb_seconds=25.0, transitions=6, requests=41, usd=0.000312)

PROGRESS = Progress(
    attempt=1,
    stage=Stage.CONVERTING,
    percent=42.5,
    speed=31.2,
    eta_seconds=1.1,
    seconds_done=25.5,
    duration_seconds=60.0,
    bytes_in=2_250_000,
    bytes_out=612_000,
    updated_at="2026-11-21T09:30:14.512Z",
)

UPLOAD = Upload(
    file_id=FILE_ID,
    file_name="Ärzte – live.wav",
    bytes=5292044,
    media_type="audio/wav",
    conversions=(Conversion("mp3", 192), Conversion("flac")),
    created_at="2026-11-21T09:30:11.000Z",
    expires_at=LATER,
)


def a_job(**changes: Any) -> Job:
    return replace(JOB, **changes)


def completed(**changes: Any) -> Job:
    return a_job(**{"status": Status.COMPLETED, "attempt": 1, "output": OUTPUT, **changes})


def failed(**changes: Any) -> Job:
    return a_job(**{"status": Status.FAILED, "attempt": 1, "failure": FAILURE, **changes})


def cancelled(**changes: Any) -> Job:
    return a_job(**{"status": Status.CANCELLED, **changes})
