"""A finished job's output and its waveform, handed out under the names a person expects.

Each is a signed URL for so many seconds at most: of a job that leaves (conversion/leaving.py) none
outlives the job.
"""

from __future__ import annotations

from typing import Protocol
from urllib.parse import quote

from conversion.errors import JobNotReady, NoOutput, NoWaveform
from conversion.job import Job, Status
from conversion.leaving import seconds_left
from conversion.outcome import Output, WaveformKeys


class DownloadSigner(Protocol):
    def presign_get(self, key: str, media_type: str, disposition: str, seconds: int) -> str:
        """A URL that gives the object with this type and disposition for so many seconds."""
        ...


def download_url(job: Job, objects: DownloadSigner, seconds: int) -> str:
    """Raises JobNotReady while the job runs, NoOutput when it failed or was cancelled, JobExpired
    when it has just left."""
    output = _output_of(job)
    disposition = attachment(output.file_name)
    return objects.presign_get(
        output.key, output.media_type, disposition, seconds_left(job, seconds)
    )


def waveform_json_url(job: Job, objects: DownloadSigner, seconds: int) -> str:
    """Raises what `download_url` does, and NoWaveform when none was asked for."""
    keys, name = _drawn(job)
    disposition = attachment(f"{name}.json")
    return objects.presign_get(
        keys.json, "application/json", disposition, seconds_left(job, seconds)
    )


def waveform_png_url(job: Job, objects: DownloadSigner, seconds: int) -> str:
    """Raises what `waveform_json_url` does. The picture is shown where it is opened."""
    keys, name = _drawn(job)
    disposition = inline(f"{name}.png")
    return objects.presign_get(keys.png, "image/png", disposition, seconds_left(job, seconds))


def _output_of(job: Job) -> Output:
    if not job.status.is_terminal:
        raise JobNotReady(
            f"Job {job.job_id} is {job.status}; poll its progress and ask again when it is "
            "completed."
        )
    if job.status is not Status.COMPLETED or job.output is None:
        why = f" ({job.failure.code}: {job.failure.message})" if job.failure else ""
        raise NoOutput(f"Job {job.job_id} is {job.status} and has no output{why}.")
    return job.output


def _drawn(job: Job) -> tuple[WaveformKeys, str]:
    """Where the waveform is, and what its files are called, less their suffixes."""
    if job.conversion.waveform is None:
        raise NoWaveform(
            f'Job {job.job_id} was not asked for a waveform; convert again with "waveform": true.'
        )
    output = _output_of(job)
    if output.waveform is None:
        raise NoWaveform(f"Job {job.job_id} has made no waveform; convert again.")
    return output.waveform, f"{output.file_name.rpartition('.')[0]}.waveform"


def attachment(file_name: str) -> str:
    """A Content-Disposition that saves the file."""
    return _disposition("attachment", file_name)


def inline(file_name: str) -> str:
    """A Content-Disposition that shows it, and names it should it be saved."""
    return _disposition("inline", file_name)


def _disposition(kind: str, file_name: str) -> str:
    """RFC 6266 §4: an ASCII `filename` for old clients and the real name as `filename*` in UTF-8
    (RFC 8187 §3.2). Nothing of the name can end the header or the quotes."""
    plain = "".join(each if _is_plain(each) else "_" for each in file_name)
    real = quote(file_name, safe="", errors="replace")
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{real}"


def _is_plain(character: str) -> bool:
    """A semicolon is allowed within quotes, but readers that split at each lose the header."""
    return " " <= character <= "~" and character not in '"\\%/;'
