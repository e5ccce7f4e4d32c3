"""What a client is told of uploads, jobs and progress: the schemas of lambdas/represent.py."""

from __future__ import annotations

from conversion.formats import FORMATS
from conversion.job import Status
from conversion.outcome import Mode
from conversion.progress import Stage
from conversion.uploads import UploadStatus
from lambdas.openapi.shapes import (
    Schema,
    array,
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

_SIGNED_URL = text("A key to the object: send it, never log it.", format="uri")
_SIGNED_HEADERS: Schema = {
    "type": "object",
    "description": "Part of the signature: send each as it is, or S3 answers 403.",
    "additionalProperties": {"type": "string"},
}
_SIGNED_UNTIL = moment("The PUT must begin before; ask again for another URL.")
_EXPIRES = moment("When it is removed, with all that belongs to it.")

_CONVERSION: Schema = {
    "type": "object",
    "description": "What was asked for, with the preset's part in it, and no field beside.",
    "required": ["format"],
    "properties": {
        "format": one_of(FORMATS),
        "bitrateKbps": whole(),
        "quality": whole(least=None),
        "sampleRate": whole(),
        "channels": whole(least=1),
        "bitDepth": whole(),
        "startSeconds": number(),
        "endSeconds": number(),
        "fadeInSeconds": number(),
        "fadeOutSeconds": number(),
        "loudness": record(
            "A target of EBU R 128.",
            integratedLufs=number(least=None),
            truePeakDbtp=number(least=None),
        ),
        "metadata": one_of(("keep", "drop")),
        "tags": {"type": "object", "additionalProperties": {"type": "string"}},
        "cover": one_of(("keep", "drop")),
        "waveform": record("Peaks.", samplesPerPixel=whole()),
    },
}

_MEASURED = record(
    "As EBU R 128 measures it; null for silence.",
    integratedLufs=nullable(number(least=None)),
    rangeLu=nullable(number()),
    truePeakDbtp=nullable(number(least=None)),
)

_OUTPUT = record(
    "What was made. Fetched by GET /v1/jobs/{jobId}/output.",
    bytes=whole(),
    mediaType=text(),
    fileName=text("The name it is downloaded under."),
    durationSeconds=number(),
    mode=one_of(Mode, "How it was written: streamed, or by way of a file."),
    loudness=nullable(record("The source's, and the output's.", before=_MEASURED, after=_MEASURED)),
    waveform=nullable(
        record(
            "Where its peaks are fetched.",
            json=text(format="uri-reference"),
            png=text(format="uri-reference"),
        )
    ),
)

_COST = record(
    "At the list prices of us-east-1.",
    vcpuSeconds=number(),
    gbSeconds=number(),
    transitions=whole(),
    requests=whole(),
    usd=number("US dollars for all of it."),
)

_PERCENT = number("Never falls.", 0, 100)

TOLD: dict[str, Schema] = {
    "Conversion": _CONVERSION,
    "Upload": record(
        "A file on its way. Small ones have `upload`, one signed PUT; larger ones have "
        "`multipart`, a plan of parts; what has arrived, or will not, has no `upload`.",
        fileId=identifier("What POST /v1/jobs takes."),
        fileName=text(),
        bytes=whole(),
        contentType=text(),
        status=one_of(UploadStatus),
        bytesReceived=whole(),
        percent=number("By bytes; 100 only when the file is whole.", 0, 100),
        createdAt=moment(),
        expiresAt=_EXPIRES,
        deleteAfterDownload=flag(),
        conversions=array(ref("Conversion")),
        upload=nullable(ref("SignedPut")),
        multipart=nullable(ref("MultipartPlan")),
    ),
    "SignedPut": record(
        "A request that S3 takes as it is: this method, this URL, these headers, and the bytes as "
        "its body. No `Authorization` beside it.",
        method=one_of(("PUT",)),
        url=_SIGNED_URL,
        headers=_SIGNED_HEADERS,
        expiresAt=_SIGNED_UNTIL,
    ),
    "MultipartPlan": record(
        "Cut the file into `partCount` parts of `partBytes` bytes, the last one shorter; number "
        "them from 1.",
        partBytes=whole(least=1),
        partCount=whole(least=1),
        partsDone=array(
            whole(least=1), "Those that were told to be there; GET …/parts asks S3 itself."
        ),
    ),
    "SignedParts": record("Parts to PUT.", parts=array(ref("SignedPart"))),
    "SignedPart": record(
        "As SignedPut, for `bytes` bytes of the file from `offset` on.",
        partNumber=whole(least=1),
        offset=whole(),
        bytes=whole(least=1),
        method=one_of(("PUT",)),
        url=_SIGNED_URL,
        headers=_SIGNED_HEADERS,
        expiresAt=_SIGNED_UNTIL,
    ),
    "Parts": record(
        "What S3 has of the file, and what is `missing` still.",
        partBytes=whole(least=1),
        partCount=whole(least=1),
        parts=array(
            record("A part.", partNumber=whole(least=1), bytes=whole(), etag=text("Of S3."))
        ),
        missing=array(whole(least=1), "Their numbers."),
    ),
    "Remark": record(
        "Something to know. `code` never changes its meaning; the message is for people.",
        code=text(),
        message=text(),
    ),
    "Job": record(
        "One conversion of one file.",
        jobId=identifier("Names its execution too."),
        fileId=text(),
        fileName=text(),
        status=one_of(Status, "The last three are final."),
        attempt=whole("How often a converter has begun."),
        conversion=ref("Conversion"),
        createdAt=moment(),
        updatedAt=moment(),
        expiresAt=_EXPIRES,
        deleteAfterDownload=flag(),
        source=record("The file.", bytes=whole()),
        output=nullable(_OUTPUT),
        warnings=array(ref("Remark"), "What to know of the output."),
        error=nullable(ref("Remark")),
        estimate=nullable(_COST),
        cost=nullable(_COST),
    ),
    "Jobs": record(
        "A page, newest first.",
        jobs=array(ref("Job")),
        cursor=nullable(text("Ask with it for the next page; null on the last.")),
    ),
    "Progress": record(
        "How far a job is.",
        jobId=identifier("The job's."),
        status=one_of(Status),
        stage=one_of(Stage),
        percent=_PERCENT,
        speed=nullable(number("Seconds of audio in a second.")),
        etaSeconds=nullable(number()),
        secondsDone=nullable(number("Of audio.")),
        durationSeconds=nullable(number("Of audio.")),
        bytesIn=whole(),
        bytesOut=whole(),
        attempt=whole(),
        updatedAt=moment(),
        error=nullable(ref("Remark")),
    ),
    "ManyProgress": record(
        "How far each of several jobs is.",
        progress=array(ref("Progress")),
        notFound=array(text(), "Ids without a job, or with one that has expired."),
    ),
}
