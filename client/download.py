"""`sluice download`: outputs of jobs that are completed, brought here."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click

from client.answers import Job
from client.deployment import Deployment, on_deployment
from client.destination import Destination
from client.errors import ClientError
from client.options import an_id
from client.out import make_folder, out_option
from client.outputs import facts, output_of, save_output, stem_of
from client.service import Service
from client.show import Display, display_for
from client.surroundings import Surroundings, in_surroundings
from client.visit import DONE, code_of, error_json, stopped, visit

# Downloads side by side: more would only share the line.
SIDE_BY_SIDE = 4


@dataclass(frozen=True)
class Saved:
    """The files of one job; exactly one of `files` and `error` is there."""

    job_id: str
    job: Job | None
    files: Sequence[Path] = ()
    error: ClientError | None = None

    def to_json(self) -> dict[str, Any]:
        output, *waveform = (*self.files,) or (None,)
        made = self.job and self.job.output
        return {
            "jobId": self.job_id,
            "status": self.job and self.job.status,
            "output": None if output is None else str(output),
            "bytes": made and made.bytes,
            "waveform": [str(each) for each in waveform],
            "error": self.error and error_json(self.error),
        }

    def __str__(self) -> str:
        if self.error is not None:
            return f"{self.job_id}: {self.error.code}: {self.error.message}"
        assert self.job is not None
        told = ", ".join(facts(output_of(self.job)))
        return f"{self.job_id} -> {', '.join(map(str, self.files))} ({told})"


@click.command("download")
@click.argument("job_ids", metavar="JOB...", nargs=-1, required=True, type=an_id)
@out_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a job on stdout.")
@on_deployment
@in_surroundings
def download(
    surroundings: Surroundings,
    job_ids: tuple[str, ...],
    out: Path,
    as_json: bool,
    deployment: Deployment,
) -> None:
    """Download what each JOB has made.

    Its waveform comes with it if it has one. An output is called as the deployment calls it.
    Nothing is ever overwritten: if the name is taken, it is numbered: talk (1).mp3. A download that
    breaks off is gone on with where it was; under its name stands a whole output or none.

    Standard output has a line a job: where its output is, or with --json an object with jobId,
    status, output, bytes, waveform (the files saved) and error (null, or code and message).

    \b
    Example:
      sluice download 7c9e6679f7a349c8a1e0f5d2b6c4a813 --out converted

    \b
    Exit codes:
      0    every output is here
      1    some is not: the job is not over, failed, or is not there
      2    wrong usage
      3    the API did not answer
      130  interrupted by Ctrl-C (143: terminated)
    """
    make_folder(out)
    names = list(dict.fromkeys(job_ids))
    display = display_for(names)

    async def work(service: Service) -> int:
        return await _Bringing(service, Destination(out), display, as_json).all(names)

    with display:
        code = visit(deployment, surroundings.patience, work)
    sys.exit(code)


class _Bringing:
    def __init__(
        self, service: Service, destination: Destination, display: Display, as_json: bool
    ) -> None:
        self._service = service
        self._destination = destination
        self._display = display
        self._as_json = as_json
        self._places = asyncio.Semaphore(SIDE_BY_SIDE)
        self._left: dict[str, int] = {}

    async def all(self, names: Sequence[str]) -> int:
        """The exit code: the worst. However it ends, every job is told of."""
        self._left = {name: row for row, name in enumerate(names)}
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._bring(*each)) for each in self._left.items()]
        except asyncio.CancelledError:
            for name in list(self._left):
                self._report(Saved(name, None, error=stopped()))
            raise
        return max(each.result() for each in tasks)

    async def _bring(self, name: str, row: int) -> int:
        async with self._places:
            saved = await self._save(row, name)
        self._report(saved)
        return code_of(saved.error) if saved.error else DONE

    def _report(self, saved: Saved) -> None:
        row, error = self._left.pop(saved.job_id), saved.error
        self._display.drop(row, f"failed ({error.code})" if error else "downloaded 100 %")
        if self._as_json:
            self._display.result(json.dumps(saved.to_json()))
        elif error:
            self._display.note(str(saved))
        else:
            self._display.result(str(saved))

    async def _save(self, row: int, name: str) -> Saved:
        job: Job | None = None
        try:
            job = await self._service.api.job(name)
            shown = partial(self._display.show, row)
            files = await save_output(self._service, job, self._destination, stem_of(job), 0, shown)
        except ClientError as error:
            return Saved(name, job, error=error)
        return Saved(name, job, files)
