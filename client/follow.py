"""`sluice watch`: jobs of a deployment, live, until all of them are over."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from functools import partial

import click

from client.answers import Job, Progress
from client.deployment import Deployment, on_deployment
from client.errors import ClientError, Interrupted
from client.moment import Moment
from client.options import an_id
from client.outputs import facts, output_of
from client.service import Service
from client.show import Display, display_for
from client.surroundings import Surroundings, in_surroundings
from client.together import Together
from client.visit import DONE, code_of, error_json, visit
from client.watch import until_over


@click.command()
@click.argument("job_ids", metavar="JOB...", nargs=-1, required=True, type=an_id)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a job, when it is over.")
@on_deployment
@in_surroundings
def watch(
    surroundings: Surroundings, job_ids: tuple[str, ...], as_json: bool, deployment: Deployment
) -> None:
    """Show how far each JOB is, until it is over.

    It ends when all of them are. Standard output has a line a job, as each is over; its way there
    is on standard error. Ctrl-C ends the watching alone: the jobs run on.

    \b
    Example:
      sluice watch 7c9e6679f7a349c8a1e0f5d2b6c4a813

    \b
    Exit codes:
      0    every job is completed
      1    some job failed, was cancelled, is not there or moves no more
      2    wrong usage
      3    the API did not answer
      130  interrupted by Ctrl-C (143: terminated)
    """
    names = list(dict.fromkeys(job_ids))
    display = display_for(names)

    async def work(service: Service) -> int:
        return await _Looking(service, display, as_json).until_all_are_over(names)

    with display:
        code = visit(deployment, surroundings.patience, work)
    sys.exit(code)


class _Looking:
    def __init__(self, service: Service, display: Display, as_json: bool) -> None:
        self._service = service
        self._display = display
        self._as_json = as_json
        self._asked = Together(service.steady)
        self._left: list[str] = []

    async def until_all_are_over(self, names: Sequence[str]) -> int:
        """The exit code: the worst. However it ends, every job is told of."""
        self._left = list(names)
        try:
            looks = (self._see(row, each) for row, each in enumerate(names))
            return max(await asyncio.gather(*looks))
        except asyncio.CancelledError:
            for name in list(self._left):
                self._report(name, None, Interrupted("No longer watched; the job itself runs on."))
            raise

    async def _see(self, row: int, name: str) -> int:
        job: Job | None = None
        try:
            job = await until_over(
                self._asked, name, self._service.patience, partial(self._show, row)
            )
            output_of(job)
        except ClientError as error:
            self._display.drop(row, f"failed ({error.code})" if job is None else job.status)
            self._report(name, job, error)
            return code_of(error)
        self._display.drop(row, "completed 100 %")
        self._report(name, job, None)
        return DONE

    def _show(self, row: int, progress: Progress) -> None:
        self._display.show(row, Moment.of(progress))

    def _report(self, name: str, job: Job | None, error: ClientError | None) -> None:
        self._left.remove(name)
        if self._as_json:
            told = {"jobId": name, "status": job and job.status, "job": job and job.told}
            self._display.result(json.dumps(told | {"error": error and error_json(error)}))
        elif error is not None:
            self._display.note(f"{name}: {error.code}: {error.message}")
        else:
            assert job is not None
            self._display.result(f"{name}: {job.status} ({', '.join(facts(output_of(job)))})")
