"""What a job made, brought here: the output, and the waveform saved beside it."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path, PurePath

from rich.filesize import decimal

from client.answers import Job, Output
from client.destination import Destination
from client.errors import JobCancelled, JobStillRunning, Refused, UnexpectedAnswer
from client.moment import Meter, Moment, clock
from client.service import Service
from client.source import without_controls

# All of an output's name that we take from afar unseen: it must never lead out of the folder.
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,10}")
# What is saved beside an output that has a waveform, and what the API calls it.
_WAVEFORM = {".waveform.json": "waveform.json", ".waveform.png": "waveform.png"}
# What leads elsewhere on some system, or means something to one (Windows: `a:b` is a stream).
_NOT_IN_A_NAME = re.compile(r'[/\\:*?"<>|]')
# A file's name has 255 bytes on most file systems; the rest is for ` (999).waveform.json`.
_LONGEST_STEM = 230


async def save_output(
    service: Service,
    job: Job,
    destination: Destination,
    stem: str,
    number: int,
    shown: Callable[[Moment], None],
) -> list[Path]:
    """The output and what comes with it, named once all of it is there. Raises a ClientError."""
    made = output_of(job)
    meter = Meter("downloading", made.bytes)
    shown(meter.at(0))
    with ExitStack() as open_parts:
        parts = {
            suffix: open_parts.enter_context(destination.part())
            for suffix in (_suffix(job, made), *(_WAVEFORM if made.has_waveform else ()))
        }
        for suffix, part in reversed(parts.items()):
            beside = _WAVEFORM.get(suffix)
            await service.storage.fetch(
                partial(service.api.url_of, job.job_id, beside or "output"),
                part.file,
                None if beside else made.bytes,
                _unseen if beside else lambda done: shown(meter.at(done)),
            )
        return destination.place(parts, stem, number)


def output_of(job: Job) -> Output:
    """Raises Refused with the job's own code when it has no output."""
    if job.status == "cancelled":
        raise JobCancelled(f"Job {job.job_id} was cancelled.")
    if job.failure is not None:
        raise Refused(job.failure.message, job.failure.code)
    if not job.is_over:
        raise JobStillRunning(f"Job {job.job_id} is {job.status}: `sluice watch` waits for it.")
    if job.output is None:
        raise UnexpectedAnswer(f"Job {job.job_id} is {job.status} but names no output.")
    return job.output


def facts(made: Output) -> list[str]:
    """How long and how large it is, to be read by people."""
    seconds = made.duration_seconds
    return [*([] if seconds is None else [clock(seconds)]), decimal(made.bytes)]


def stem_of(job: Job) -> str:
    """What an output is called by the deployment, less its suffix, as a name that stays in its
    folder, is seen there, and fits."""
    made = output_of(job)
    told = without_controls(made.file_name).removesuffix(_suffix(job, made))
    return _plain(told) or _plain(job.job_id) or "output"


def _plain(stem: str) -> str:
    name = _NOT_IN_A_NAME.sub("_", stem).strip(". ").encode("utf-8", "replace")
    return name[:_LONGEST_STEM].decode("utf-8", "ignore").rstrip(". ")


def _suffix(job: Job, made: Output) -> str:
    """The one the deployment gives the format. What is no suffix, and could lead elsewhere, is left
    out."""
    told = (PurePath(made.file_name).suffix, f".{job.format}")
    return next((each for each in told if _SUFFIX.fullmatch(each)), "")


def _unseen(_: int) -> None:
    """A waveform is downloaded in no time."""
