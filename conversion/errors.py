"""Every way a conversion can go wrong, named by what the caller does next.

    SluiceError
    ├── SettingsError        the process was started without what it needs: mend the deployment
    ├── RequestError         the request cannot be served as asked: change it (4xx, RFC 9457)
    │   ├── InvalidRequest, UnsupportedOutputFormat, UnsupportedMediaType
    │   ├── EmptyUpload, UploadTooLarge
    │   ├── FileNotFound, FileExpired, JobNotFound, JobExpired, JobNotReady, NoOutput, NoWaveform
    │   ├── NotMultipart, PartsMissing, UploadMismatch, UploadFinished
    │   ├── JobFinished          a cancel came too late
    │   ├── NoIdentity           the token says nothing of who calls
    │   ├── RequestInProgress, IdempotencyKeyReused
    │   ├── OperatorsOnly        the caller is none of them
    │   ├── NoBatches, SourceNotAllowed, BatchNotFound, BatchFinished
    │   └── TooManyJobs, TooManyUploads     come back later: it says when
    ├── PermanentError       this input never becomes this output: the job fails for good
    │   ├── SourceMissing, SourceChanged, EmptyInput, InputTooLarge, InputTooLong, InputOutOfRange
    │   ├── UnsupportedInput, NoAudioStream, TruncatedInput, CorruptInput, TrimOutOfRange
    │   ├── EncoderRefused, OutputTooLarge, OutputBroken, ConverterStalled
    │   ├── ConverterCrashed, ConverterInterrupted, TaskNotStarted, TimedOut   (written by the flow)
    │   └── ExecutionStopped, ExecutionLost                                (written by the recovery)
    ├── TransientError       trying again can succeed: the task exits 75 and Step Functions retries
    │   └── StorageUnavailable, RecordsUnavailable, EventsUnavailable, Interrupted
    ├── FenceError           this worker no longer speaks for the job: stop, write nothing more
    │   └── SupersededAttempt, JobOver
    └── PatchOutOfReach      the output cannot be streamed: use the file fallback

A `code` is part of the API: clients and runbooks match on it, so it never changes.
Each message says what was wrong and what to do about it.
"""

from __future__ import annotations

from typing import ClassVar


class SluiceError(Exception):
    """Root of the tree. `code` is stable; the message is for people."""

    code: ClassVar[str] = "INTERNAL_ERROR"

    @property
    def message(self) -> str:
        return str(self)


class SettingsError(SluiceError):
    code = "SETTINGS_ERROR"


class RequestError(SluiceError):
    """The caller has to change something; `http_status` is the answer's status (RFC 9110 §15.5)."""

    http_status: ClassVar[int] = 400


class InvalidRequest(RequestError):
    code = "INVALID_REQUEST"


class UnsupportedOutputFormat(RequestError):
    code = "UNSUPPORTED_OUTPUT_FORMAT"


class UnsupportedMediaType(RequestError):
    code = "UNSUPPORTED_MEDIA_TYPE"
    http_status = 415


class EmptyUpload(RequestError):
    code = "EMPTY_INPUT"


class UploadTooLarge(RequestError):
    code = "INPUT_TOO_LARGE"
    http_status = 413


class FileNotFound(RequestError):
    code = "FILE_NOT_FOUND"
    http_status = 404


class FileExpired(RequestError):
    code = "FILE_EXPIRED"
    http_status = 410


class NotMultipart(RequestError):
    """The file is small enough to be sent by one PUT, and has no parts."""

    code = "NOT_MULTIPART"
    http_status = 409


class PartsMissing(RequestError):
    """An upload cannot be completed before all its parts are there; the message names them."""

    code = "PARTS_MISSING"
    http_status = 409


class UploadMismatch(RequestError):
    """What arrived is not what was declared: another length, or another media type."""

    code = "UPLOAD_MISMATCH"
    http_status = 409


class UploadFinished(RequestError):
    """The upload is completed or aborted: nothing more can be sent, or taken back."""

    code = "UPLOAD_FINISHED"
    http_status = 409


class JobNotFound(RequestError):
    code = "JOB_NOT_FOUND"
    http_status = 404


class JobExpired(RequestError):
    code = "JOB_EXPIRED"
    http_status = 410


class JobNotReady(RequestError):
    code = "JOB_NOT_READY"
    http_status = 409


class NoOutput(RequestError):
    code = "NO_OUTPUT"
    http_status = 409


class NoWaveform(RequestError):
    """None was asked for, so that waiting would not help."""

    code = "NO_WAVEFORM"
    http_status = 404


class JobFinished(RequestError):
    """A job that has completed or failed cannot be cancelled any more."""

    code = "JOB_FINISHED"
    http_status = 409


class TooManyJobs(RequestError):
    """As many jobs wait as this deployment lets wait (RFC 6585 §4)."""

    code = "TOO_MANY_JOBS"
    http_status = 429


class TooManyUploads(RequestError):
    """As many uploads are open as this deployment lets be open (RFC 6585 §4)."""

    code = "TOO_MANY_UPLOADS"
    http_status = 429


class NoIdentity(RequestError):
    code = "NO_IDENTITY"
    http_status = 403


class OperatorsOnly(RequestError):
    """The route tends the whole deployment, and the caller is none of its operators."""

    code = "OPERATORS_ONLY"
    http_status = 403


class RequestInProgress(RequestError):
    """Another request with this Idempotency-Key is being answered
    (draft-ietf-httpapi-idempotency-key-header §2.6)."""

    code = "REQUEST_IN_PROGRESS"
    http_status = 409


class IdempotencyKeyReused(RequestError):
    """This Idempotency-Key was sent before, with another body (ibid.)."""

    code = "IDEMPOTENCY_KEY_REUSED"
    http_status = 422


class NoBatches(RequestError):
    """The deployment was given no `batchSources`, and so has no batches."""

    code = "NO_BATCHES"
    http_status = 404


class SourceNotAllowed(RequestError):
    """A batch may read what the deployment was given with `batchSources`, and nothing else."""

    code = "SOURCE_NOT_ALLOWED"
    http_status = 403


class BatchNotFound(RequestError):
    code = "BATCH_NOT_FOUND"
    http_status = 404


class BatchFinished(RequestError):
    """A batch that is over cannot be cancelled any more."""

    code = "BATCH_FINISHED"
    http_status = 409


class PermanentError(SluiceError):
    """The job fails with this code; the same input would fail again."""


class SourceMissing(PermanentError):
    code = "SOURCE_MISSING"


class SourceChanged(PermanentError):
    code = "SOURCE_CHANGED"


class EmptyInput(PermanentError):
    code = "EMPTY_INPUT"


class InputTooLarge(PermanentError):
    code = "INPUT_TOO_LARGE"


class InputTooLong(PermanentError):
    code = "INPUT_TOO_LONG"


class InputOutOfRange(PermanentError):
    code = "INPUT_OUT_OF_RANGE"


class UnsupportedInput(PermanentError):
    code = "UNSUPPORTED_INPUT"


class NoAudioStream(PermanentError):
    code = "NO_AUDIO_STREAM"


class TruncatedInput(PermanentError):
    code = "TRUNCATED_INPUT"


class CorruptInput(PermanentError):
    code = "CORRUPT_INPUT"


class TrimOutOfRange(PermanentError):
    """The file is shorter than where the trim begins or ends."""

    code = "TRIM_OUT_OF_RANGE"


class EncoderRefused(PermanentError):
    code = "ENCODER_REFUSED"


class OutputTooLarge(PermanentError):
    code = "OUTPUT_TOO_LARGE"


class OutputBroken(PermanentError):
    code = "OUTPUT_BROKEN"


class ConverterStalled(PermanentError):
    code = "CONVERTER_STALLED"


class ConverterCrashed(PermanentError):
    """The task died without recording an outcome, and the retries are used up."""

    code = "CONVERTER_CRASHED"


class ConverterInterrupted(PermanentError):
    """The task was interrupted (exit 75) more often than the flow retries."""

    code = "CONVERTER_INTERRUPTED"


class TaskNotStarted(PermanentError):
    code = "TASK_NOT_STARTED"


class TimedOut(PermanentError):
    code = "TIMED_OUT"


class ExecutionStopped(PermanentError):
    """Somebody stopped the execution without cancelling the job."""

    code = "EXECUTION_STOPPED"


class ExecutionLost(PermanentError):
    """The execution ended without leaving an outcome."""

    code = "EXECUTION_LOST"


class TransientError(SluiceError):
    """Nothing is wrong with the job; what it needs is not there just now."""


class StorageUnavailable(TransientError):
    code = "STORAGE_UNAVAILABLE"


class RecordsUnavailable(TransientError):
    code = "RECORDS_UNAVAILABLE"


class EventsUnavailable(TransientError):
    """EventBridge did not take an event."""

    code = "EVENTS_UNAVAILABLE"


class Interrupted(TransientError):
    code = "INTERRUPTED"


class FenceError(SluiceError):
    """A newer attempt, a cancel or an outcome has taken the job out of this worker's hands."""


class SupersededAttempt(FenceError):
    code = "SUPERSEDED_ATTEMPT"


class JobOver(FenceError):
    code = "JOB_OVER"


class PatchOutOfReach(SluiceError):
    """The muxer went back to bytes that have already left for S3."""

    code = "PATCH_OUT_OF_REACH"
