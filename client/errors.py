"""Every way a file can fail on the client's side, named by what happens next.

    ClientError
    ├── FileNotReadable, FileChanged          the input, here: nothing was or will be converted
    ├── Refused                               the API or the job said no; the code is theirs
    │   ├── JobCancelled
    │   └── NotAllowed                        401 or 403: it does not know us, or we may not
    ├── StorageRefused                        S3 said no to a URL the API had signed
    ├── JobNotStarted, UnexpectedAnswer       the deployment is broken, or not a Sluice at all
    ├── NotAsPromised                         it answers, but not with what it promises (smoke)
    ├── JobStalled                            its record moves no more: it may be lost, or late
    ├── OutputNotWritable                     the output, here: the job itself is done
    ├── NoCredentials                         none that could be used: nothing was sent
    ├── PipelineNotStarted                    no local pipeline: nothing can be converted
    ├── Interrupted, InternalError
    └── PassingError                          worth another try, after `retry_after` if given
        ├── ApiUnreachable, JobStillRunning
        ├── ApiBusy
        │   └── ApiFull                       it has more to do than it takes on: wait for longer
        ├── UploadBroken, DownloadBroken
        └── SignatureExpired              S3 takes the URL no more: have it signed anew

A `code` is part of what `--json` promises: scripts match on it, so it never changes. Codes of
Refused and ApiBusy come from the API (conversion/errors.py lists those).
"""

from __future__ import annotations


class ClientError(Exception):
    code: str = "INTERNAL_ERROR"

    def __init__(self, message: str, code: str | None = None) -> None:
        """The message may come from afar and ends on a terminal: nothing in it moves a cursor."""
        super().__init__("".join(each if each.isprintable() else " " for each in message))
        if code is not None:
            self.code = code

    @property
    def message(self) -> str:
        return str(self)


class FileNotReadable(ClientError):
    code = "FILE_NOT_READABLE"


class FileChanged(ClientError):
    code = "FILE_CHANGED"


class Refused(ClientError):
    code = "REQUEST_REFUSED"


class JobCancelled(Refused):
    code = "JOB_CANCELLED"


class NotAllowed(Refused):
    """The message says what would let us in."""


class StorageRefused(ClientError):
    code = "STORAGE_REFUSED"


class JobNotStarted(ClientError):
    code = "JOB_NOT_STARTED"


class NotAsPromised(ClientError):
    code = "NOT_AS_PROMISED"


class JobStalled(ClientError):
    code = "JOB_STALLED"


class UnexpectedAnswer(ClientError):
    code = "UNEXPECTED_ANSWER"


class OutputNotWritable(ClientError):
    code = "OUTPUT_NOT_WRITABLE"


class NoCredentials(ClientError):
    code = "NO_CREDENTIALS"


class PipelineNotStarted(ClientError):
    code = "PIPELINE_NOT_STARTED"


class Interrupted(ClientError):
    code = "INTERRUPTED"


class InternalError(ClientError):
    """A mistake of this program's own, caught so that it costs one file and not all of them."""


class PassingError(ClientError):
    def __init__(
        self, message: str, code: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, code)
        self.retry_after = retry_after


class ApiUnreachable(PassingError):
    code = "API_UNREACHABLE"


class ApiBusy(PassingError):
    code = "API_UNAVAILABLE"


class ApiFull(ApiBusy):
    """429: nothing is broken, and waiting helps."""


class JobStillRunning(PassingError):
    """One read of the records says the job is over and another, older one does not yet."""

    code = "JOB_NOT_READY"


class UploadBroken(PassingError):
    code = "UPLOAD_FAILED"


class DownloadBroken(PassingError):
    code = "DOWNLOAD_FAILED"


class SignatureExpired(PassingError):
    code = "STORAGE_REFUSED"
