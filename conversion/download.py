"""A finished job's output, handed out under the name a person expects."""

from __future__ import annotations

from typing import Protocol
from urllib.parse import quote

from conversion.errors import JobNotReady, NoOutput
from conversion.job import Job, Status


class DownloadSigner(Protocol):
    def presign_get(self, key: str, media_type: str, disposition: str, seconds: int) -> str:
        """A URL that gives the object with this type and disposition for so many seconds."""
        ...


def download_url(job: Job, objects: DownloadSigner, seconds: int) -> str:
    """Raises JobNotReady while the job runs, NoOutput when it failed or was cancelled."""
    if not job.status.is_terminal:
        raise JobNotReady(
            f"Job {job.job_id} is {job.status}; poll its progress and ask again when it is "
            "completed."
        )
    if job.status is not Status.COMPLETED or job.output is None:
        why = f" ({job.failure.code}: {job.failure.message})" if job.failure else ""
        raise NoOutput(f"Job {job.job_id} is {job.status} and has no output{why}.")
    return objects.presign_get(
        job.output.key, job.output.media_type, attachment(job.output.file_name), seconds
    )


def attachment(file_name: str) -> str:
    """A Content-Disposition (RFC 6266 §4): an ASCII `filename` for old clients and the real name
    as `filename*` in UTF-8 (RFC 8187 §3.2). Nothing of the name can end the header or the quotes.
    """
    plain = "".join(each if _is_plain(each) else "_" for each in file_name)
    real = quote(file_name, safe="", errors="replace")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{real}"


def _is_plain(character: str) -> bool:
    return " " <= character <= "~" and character not in '"\\%/'
