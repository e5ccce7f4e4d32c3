"""The routes of batches: over files that are in S3 already. For operators."""

from __future__ import annotations

from conversion.batches.request import Reader
from conversion.batches.runs import BatchStatus
from conversion.declared import MOST_CONVERSIONS
from conversion.errors import (
    BatchFinished,
    BatchNotFound,
    IdempotencyKeyReused,
    InvalidRequest,
    NoBatches,
    OperatorsOnly,
    RequestInProgress,
    SourceNotAllowed,
    UnsupportedOutputFormat,
)
from lambdas.openapi.answers import answered
from lambdas.openapi.operations import OPERATORS, Operation, in_path, shared_parameter
from lambdas.openapi.shapes import (
    Schema,
    array,
    asked,
    flag,
    identifier,
    moment,
    nullable,
    number,
    one_of,
    record,
    ref,
    text,
    whole,
)

_BATCH_ID = "3f2b8c1e9a7d4f60b5c3e1a2d4f6b8c0"
_ID = in_path("batchId", identifier("What POST /v1/batches answered with."))
_TOLD = (
    "Only where the deployment has `batchSources`. For operators alone: always signed with SigV4."
)


def _counts(told: str) -> Schema:
    """By code."""
    return {"type": "object", "description": told, "additionalProperties": whole(least=1)}


_JOBS = record(
    "What became of the jobs.",
    total=whole(),
    completed=whole(),
    cancelled=whole(),
    failed=_counts("How many, by their codes."),
    unfinished=whole(
        "That were not over when the batch ceased to look, after some two and a half days."
    ),
)

_SUMMARY = record(
    "What the whole batch came to.",
    files=whole("That were found."),
    bytes=whole("Of all that were found."),
    newFiles=whole("That no earlier batch has made the same of; in a dry run: would have."),
    estimatedUsd=number("What converting the new files costs, about."),
    skipped=_counts("Files that were not converted, by the reason."),
    jobs=_JOBS,
    examples=array(
        record("One that was skipped, or whose job failed.", key=text(), code=text()),
        "The first 20; the results have all.",
    ),
    results=text("The manifest of the results, in the deployment's bucket."),
)

BATCH_SCHEMAS: dict[str, Schema] = {
    "BatchRequest": asked(
        "Files that are in S3 already. Either `source` or `manifest`.",
        required=("conversions",),
        source=text("All under this prefix, like `s3://bucket/prefix/`."),
        manifest=text(
            "The `manifest.json` of an S3 Inventory in CSV, or a `.csv` with a bucket and a "
            "URL-encoded key a line."
        ),
        conversions=array(
            ref("ConversionRequest"), "What to make of each.", minItems=1, maxItems=MOST_CONVERSIONS
        ),
        dryRun=nullable(flag("Count, and estimate what it costs; convert nothing.")),
    ),
    "Batch": record(
        "A batch.",
        batchId=identifier("The name of its execution, too."),
        status=one_of(BatchStatus),
        dryRun=flag(),
        reader=one_of(Reader, "What the files are read from."),
        source=text("The prefix, or the manifest."),
        conversions=array(ref("Conversion")),
        createdAt=moment(),
        endedAt=nullable(moment()),
        files=record(
            "How many files are how far; more are found while the source is being read.",
            total=whole(),
            pending=whole(),
            running=whole(),
            done=whole(),
        ),
        summary=nullable(_SUMMARY),
        error=nullable(record("Why the batch itself failed.", code=text(), message=text())),
    ),
}

_EXAMPLE = {
    "batchId": _BATCH_ID,
    "status": "running",
    "dryRun": False,
    "reader": "listing",
    "source": "s3://archive/music/",
    "conversions": [{"format": "mp3"}],
    "createdAt": "2026-11-22T02:00:00.000Z",
    "endedAt": None,
    "files": {"total": 1000, "pending": 800, "running": 100, "done": 100},
    "summary": None,
    "error": None,
}

BATCHES = (
    Operation(
        method="post",
        path="/v1/batches",
        name="createBatch",
        tag="batches",
        summary="Convert files that are in S3 already",
        told=f"{_TOLD} A file that an earlier batch has made the same of is not converted again.",
        parameters=(shared_parameter("IdempotencyKey"),),
        body="BatchRequest",
        example={"source": "s3://archive/music/", "conversions": [{"format": "mp3"}]},
        answers={202: answered("It has begun.", "Batch", "Location", example=_EXAMPLE)},
        refusals=(
            *(InvalidRequest, UnsupportedOutputFormat, SourceNotAllowed, OperatorsOnly, NoBatches),
            *(RequestInProgress, IdempotencyKeyReused),
        ),
        security=OPERATORS,
    ),
    Operation(
        method="get",
        path="/v1/batches/{batchId}",
        name="getBatch",
        tag="batches",
        summary="How far a batch is, and what came of it",
        told=_TOLD,
        parameters=(_ID,),
        answers={200: answered("The batch.", "Batch", example=_EXAMPLE)},
        refusals=(OperatorsOnly, BatchNotFound, NoBatches),
        security=OPERATORS,
    ),
    Operation(
        method="delete",
        path="/v1/batches/{batchId}",
        name="cancelBatch",
        tag="batches",
        summary="Feed no further file",
        told=(
            f"{_TOLD} What is being fed at this moment is fed to its end. Jobs that are there go "
            "on; each can be cancelled by itself."
        ),
        parameters=(_ID,),
        answers={202: answered("It is cancelled.", "Batch", example=_EXAMPLE)},
        refusals=(OperatorsOnly, BatchNotFound, BatchFinished, NoBatches),
        security=OPERATORS,
    ),
)
