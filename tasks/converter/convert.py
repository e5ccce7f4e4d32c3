"""The run: claim the job, convert, verify, and write down how it ended.

    claim → probe → ffmpeg between gate and sink → verify input → complete the upload
          → verify output → finish

An output is there whole, checked and recorded, or not at all: whatever goes wrong before `finish`
takes the object back, and so does a job that turns out to be over, gone or another attempt's. It
stays only where DynamoDB does not say whether the outcome was written, since it may be the recorded
one then; the clean-up removes what no record names.

The source's key and name are a person's own words and stand in no log line.
"""

from __future__ import annotations

import logging
from dataclasses import asdict

from conversion.cost import Cost, spent
from conversion.errors import (
    EmptyInput,
    InputTooLarge,
    PermanentError,
    RecordsUnavailable,
)
from conversion.job import Job
from conversion.outcome import Failure, Output
from conversion.progress import Stage
from conversion.stores.calls import calls
from tasks.converter.gate import SourceGate
from tasks.converter.probe import probe
from tasks.converter.publish import take_back
from tasks.converter.reporter import Reporter
from tasks.converter.surroundings import Surroundings
from tasks.converter.transcode import Transcode

log = logging.getLogger(__name__)


def run(job_id: str, around: Surroundings, redrive: int = 0) -> None:
    """Convert one job and record its outcome; a newer `redrive` reopens one that has failed.

    Raises TransientError when it should be tried again, FenceError when the job is over or another
    attempt's.
    """
    around.trace.annotate(jobId=job_id)
    with around.trace.sent(f"{around.settings.deployment}-converter"):
        try:
            _attempt(job_id, around, redrive)
        finally:
            log.info("services called", extra={"calls": calls.take()})


def _attempt(job_id: str, around: Surroundings, redrive: int) -> None:
    with around.trace.step("claim"):
        job = around.jobs.claim(job_id, around.settings.retention_days, redrive)
    around.trace.annotate(attempt=job.attempt, format=job.conversion.target.name)
    log.info("claimed", extra={"attempt": job.attempt, "conversion": str(job.conversion)})
    if job.attempt > 1:
        log.warning("takes over from an attempt that ended early", extra={"attempt": job.attempt})
    with around.usage.told(job.attempt, around.settings):
        _run(job, around)


def _run(job: Job, around: Surroundings) -> None:
    reporter = Reporter(around.progress, job.job_id, job.attempt, around.seconds_between_reports)
    try:
        with reporter:
            output = _converted(job, around, reporter)
            _finish(job, around, output, _cost(job, around, reporter, output.bytes))
    except PermanentError as error:
        log.warning("failed", extra={"code": error.code, "reason": error.message})
        around.trace.failed(error)
        failure = Failure(error.code, error.message)
        around.jobs.fail(job.job_id, job.attempt, failure, _cost(job, around, reporter, 0))
    else:
        log.info("completed", extra=_loggable(output))


def _converted(job: Job, around: Surroundings, reporter: Reporter) -> Output:
    """Make, check and describe the output; nothing is left in the bucket when this raises."""
    source = job.source
    _check_size(source.bytes, around.settings.max_input_bytes)
    reporter.stage(Stage.PROBING)
    with SourceGate(around.objects(source.bucket), source.key, source.etag, source.bytes) as gate:
        with around.trace.step("probe"):
            sound = probe(around.settings.ffprobe, gate, around.stop)
        log.info("probed", extra={"sound": asdict(sound)})
        sound.check(around.settings.max_duration_seconds)
        made = Transcode(job, sound, gate, around, reporter).made()
    return Output(
        key=job.output_key(job.attempt),
        bytes=made.bytes,
        media_type=job.conversion.target.media_type,
        file_name=job.output_name,
        duration_seconds=round(made.seconds, 3),
        mode=made.mode,
        warnings=made.warnings,
        loudness=made.loudness,
        waveform=made.waveform,
    )


def _cost(job: Job, around: Surroundings, reporter: Reporter, bytes_out: int) -> Cost:
    """Of all attempts so far; each is counted as if it had read the whole source."""
    read = job.attempt * job.source.bytes
    return spent(reporter.seconds, job.attempt, read, bytes_out, around.settings.task)


def _finish(job: Job, around: Surroundings, output: Output, cost: Cost) -> None:
    try:
        with around.trace.step("record"):
            around.jobs.complete(job.job_id, job.attempt, output, cost)
    except RecordsUnavailable:
        raise
    except Exception:
        _take_back(output, around)
        raise


def _take_back(output: Output, around: Surroundings) -> None:
    """The keys are this attempt's own: no other attempt's output is touched."""
    drawn = (output.waveform.json, output.waveform.png) if output.waveform else ()
    take_back(around.objects(around.settings.bucket), output.key, *drawn)


def _loggable(output: Output) -> dict[str, object]:
    return {
        "key": output.key,
        "bytes": output.bytes,
        "seconds": output.duration_seconds,
        "mode": output.mode.value,
        "warnings": [each.code for each in output.warnings],
    }


def _check_size(size: int, most: int) -> None:
    if size == 0:
        raise EmptyInput("The file is empty; upload one that has audio in it.")
    if size > most:
        raise InputTooLarge(f"The file has {size} bytes; at most {most} are converted.")
