"""What a client is told of the service itself, of a job's history, and of what can be asked for."""

from __future__ import annotations

from conversion.cleaned import Kind
from conversion.formats import FORMATS
from conversion.presets import PRESETS
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

_FORMAT = record(
    "An output format, and what it takes.",
    name=one_of(FORMATS),
    title=text(),
    suffix=text(),
    mediaType=text(),
    lossless=flag(),
    bitratesKbps=nullable(array(whole(), "To choose from; null for lossless formats.")),
    anyBitrate=flag("Any whole number between the first and the last of them will do as well."),
    quality=nullable(record("The scale's ends.", best=whole(least=None), worst=whole(least=None))),
    sampleRates=array(whole()),
    anySampleRateTo=whole("Any rate from 4000 Hz up to this one will do as well; 0 for none."),
    channels=array(whole(least=1)),
    bitDepths=array(whole()),
    tags=flag("Whether it holds tags."),
    cover=flag("Whether it holds a picture."),
    chapters=flag("Whether it holds chapters."),
)

_FAILURE = nullable(record("Why it ended badly.", code=text(), message=text()))
_CHECKS = ("s3", "dynamodb", "stepFunctions", "ecs", "redis")

OBSERVED: dict[str, Schema] = {
    "Formats": record(
        "What this deployment can be asked for.",
        formats=array(_FORMAT),
        presets=array(
            record("A conversion with a name.", name=one_of(PRESETS), conversion=ref("Conversion"))
        ),
        inputs=record(
            "Names and types that are taken.", suffixes=array(text()), mediaTypes=array(text())
        ),
        limits=record(
            "What is refused beyond.",
            maxUploadBytes=whole(),
            singlePutBytes=whole("Above, a file is sent in parts."),
            maxConversions=whole("Of one upload."),
            maxNameCharacters=whole(),
            retentionDays=whole("How long files and jobs are kept."),
        ),
    ),
    "Health": record(
        "`degraded` still converts, or will; `down` cannot take anything in.",
        status=one_of(("ok", "degraded", "down")),
        checks=array(
            record(
                "One thing that the service needs.",
                name=one_of(_CHECKS),
                status=one_of(("ok", "failed")),
                milliseconds=number("Until it answered."),
                problem=nullable(text("What to do about it.")),
            )
        ),
        capacity=record(
            "How full it is; null while the records do not answer. Waiting jobs start when running "
            "ones are done.",
            runningJobs=nullable(whole()),
            mostRunningJobs=whole(),
            waitingJobs=nullable(whole()),
            mostWaitingJobs=whole(),
            openUploads=nullable(whole()),
            mostOpenUploads=whole(),
        ),
        time=moment(),
    ),
    "History": record(
        "A job's whole story.",
        jobId=identifier("The job's."),
        job=ref("Job"),
        execution=nullable(
            record(
                "Its execution in Step Functions, once there is one.",
                status=text(),
                startedAt=moment(),
                stoppedAt=nullable(moment()),
                redrives=whole(),
            )
        ),
        states=array(
            record(
                "A state it was in.",
                name=text(),
                enteredAt=moment(),
                leftAt=nullable(moment()),
                seconds=nullable(number()),
                error=_FAILURE,
            )
        ),
        statesAreWhole=flag("False where the beginning of a very long story is left out."),
        attempts=array(
            record(
                "A converter that worked at it.",
                number=whole(least=1),
                startedAt=nullable(moment()),
                stoppedAt=nullable(moment()),
                seconds=nullable(number()),
                exitCode=nullable(whole(least=None)),
                reason=nullable(text()),
            )
        ),
        log=array(
            record(
                "A line of its log.",
                at=moment(),
                level=text(),
                message=text(),
                fields={"type": "object"},
            )
        ),
        logIsWhole=flag("False where there are more lines, or the log could not be read."),
    ),
    "CleanedUp": record(
        "What was removed, or would be.",
        dryRun=flag(),
        complete=flag("False: ask again, there is more to do."),
        removed=record(
            "By what it was.",
            **{kind.value: record("So many.", count=whole(), bytes=whole()) for kind in Kind},
        ),
        failures=whole("What could not be removed; the log says why."),
    ),
}
