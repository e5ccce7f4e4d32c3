"""The routes of jobs: asking for one, following it, fetching what it made."""

from __future__ import annotations

from conversion.errors import (
    FileExpired,
    FileNotFound,
    IdempotencyKeyReused,
    InvalidRequest,
    JobExpired,
    JobFinished,
    JobNotFound,
    JobNotReady,
    NoIdentity,
    NoOutput,
    NoWaveform,
    RequestInProgress,
    TooManyJobs,
    UnsupportedOutputFormat,
    UploadFinished,
    UploadMismatch,
)
from conversion.job import Status
from conversion.listing import MOST_JOBS, USUAL_JOBS
from lambdas.openapi import examples
from lambdas.openapi.answers import answered
from lambdas.openapi.operations import Operation, in_path, in_query, shared_parameter
from lambdas.openapi.shapes import identifier, one_of, text, whole
from lambdas.problems import RouteNotFound

_ID = identifier("The job's id.")
_JOB_ID = in_path("jobId", _ID)
_ASKED = in_query("jobId", _ID, "Which job.", required=True)
_GONE = (NoIdentity, JobNotFound, RouteNotFound, JobExpired)
_SEE_OTHER = answered(
    "GET the `Location`, without `Authorization`: S3 answers with the bytes, their type and their "
    "name. It ends within the hour; ask here for another. Range requests work there.",
    None,
    "Location",
)
_IF_NONE_MATCH = shared_parameter("IfNoneMatch")
_PROGRESS = answered("How far it is.", "Progress", "RetryAfter", example=examples.PROGRESS)
_SAME = answered("Nothing has changed.", None, "ETag")

JOBS = (
    Operation(
        method="post",
        path="/v1/jobs",
        also="/api/convert-audio",
        name="createJob",
        tag="jobs",
        summary="Convert a file that is there",
        told="Once more, or into something else. A job that is accepted starts at once, or waits "
        "for its turn; ask `GET /v1/jobs/{jobId}/progress` as often as Retry-After says.",
        parameters=(shared_parameter("IdempotencyKey"),),
        body="JobRequest",
        example=examples.JOB_REQUEST,
        answers={
            202: answered(
                "It is under way.", "Job", "Location", "RetryAfter", example=examples.JOB
            ),
        },
        refusals=(
            InvalidRequest,
            UnsupportedOutputFormat,
            NoIdentity,
            FileNotFound,
            JobNotFound,
            RequestInProgress,
            UploadMismatch,
            UploadFinished,
            FileExpired,
            JobExpired,
            IdempotencyKeyReused,
            TooManyJobs,
        ),
    ),
    Operation(
        method="get",
        path="/v1/jobs",
        name="listJobs",
        tag="jobs",
        summary="Your jobs, newest first",
        parameters=(
            in_query("fileId", text(), "Of this file alone."),
            in_query("status", one_of(Status), "In this status alone."),
            in_query(
                "limit", whole("", 1, MOST_JOBS), f"Jobs a page; {USUAL_JOBS} unless asked for."
            ),
            in_query("cursor", text(), "What the page before was answered with."),
        ),
        answers={200: answered("A page of them.", "Jobs", example=examples.JOBS)},
        refusals=(InvalidRequest, NoIdentity),
    ),
    Operation(
        method="get",
        path="/v1/jobs/{jobId}",
        also="/api/jobs/{jobId}",
        name="getJob",
        tag="jobs",
        summary="All there is to say of a job",
        parameters=(_JOB_ID, _IF_NONE_MATCH),
        answers={
            200: answered("The job.", "Job", "RetryAfter", "ETag", example=examples.JOB),
            304: _SAME,
        },
        refusals=_GONE,
    ),
    Operation(
        method="get",
        path="/v1/jobs/{jobId}/progress",
        also="/api/progress",
        also_parameters=(_ASKED,),
        name="getProgress",
        tag="jobs",
        summary="How far a job is",
        told="What to poll, as often as Retry-After says. Without one, the job is over.",
        parameters=(_JOB_ID,),
        answers={200: _PROGRESS},
        refusals=(InvalidRequest, *_GONE),
    ),
    Operation(
        method="get",
        path="/v1/progress",
        name="getManyProgress",
        tag="jobs",
        summary="How far many jobs are",
        parameters=(
            {
                **in_query("jobId", {}, f"Up to {MOST_JOBS} ids, with commas.", required=True),
                "schema": {
                    "type": "array",
                    "items": text(minLength=1),
                    "minItems": 1,
                    "maxItems": MOST_JOBS,
                },
                "style": "form",
                "explode": False,
            },
        ),
        answers={
            200: answered("Those there are.", "ManyProgress", "RetryAfter", example=examples.MANY)
        },
        refusals=(InvalidRequest, NoIdentity),
    ),
    Operation(
        method="get",
        path="/v1/jobs/{jobId}/output",
        also="/api/download",
        also_parameters=(_ASKED,),
        name="getOutput",
        tag="jobs",
        summary="Fetch what a job made",
        told="With `deleteAfterDownload` it is removed soon after the first link has ended.",
        parameters=(_JOB_ID,),
        answers={303: _SEE_OTHER},
        refusals=(InvalidRequest, *_GONE, JobNotReady, NoOutput),
    ),
    *(
        Operation(
            method="get",
            path=f"/v1/jobs/{{jobId}}/waveform.{suffix}",
            name=f"getWaveform{suffix.capitalize()}",
            tag="jobs",
            summary=f"Fetch its waveform, as {told}",
            parameters=(_JOB_ID,),
            answers={303: _SEE_OTHER},
            refusals=(*_GONE, JobNotReady, NoOutput, NoWaveform),
        )
        for suffix, told in (("json", "audiowaveform's JSON"), ("png", "a picture"))
    ),
    Operation(
        method="delete",
        path="/v1/jobs/{jobId}",
        name="cancelJob",
        tag="jobs",
        summary="Cancel a job that is not over",
        told="Twice is as once.",
        parameters=(_JOB_ID,),
        answers={202: answered("It is cancelled.", "Job", example=examples.JOB)},
        refusals=(*_GONE, JobFinished),
    ),
    Operation(
        method="get",
        path="/v1/jobs/{jobId}/history",
        name="getHistory",
        tag="jobs",
        summary="A job's whole story",
        told="Its states with their times, the converters that worked at it, and their log.",
        parameters=(_JOB_ID,),
        answers={200: answered("The story.", "History", "RetryAfter")},
        refusals=_GONE,
    ),
)
