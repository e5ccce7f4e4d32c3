"""`sluice jobs`: what a deployment has done, does, and is to do, newest first."""

from __future__ import annotations

import sys

import click

from client.answers import Job
from client.api import Api
from client.columns import show_rows
from client.deployment import Deployment, on_deployment
from client.moment import utc
from client.options import an_id
from client.outputs import facts
from client.service import Service
from client.surroundings import Surroundings, in_surroundings
from client.visit import DONE, lines, tell, visit

STATUSES = ("created", "processing", "completed", "failed", "cancelled")
_HEADINGS = ("JOB", "STATUS", "CREATED", "TO", "RESULT", "FILE")


@click.command()
@click.option("--file", "file_id", metavar="ID", type=an_id, help="Only those of this file.")
@click.option(
    "--status", type=click.Choice(STATUSES, case_sensitive=False), help="Only those of this status."
)
@click.option(
    "--limit",
    metavar="N",
    default=50,
    show_default=True,
    type=click.IntRange(1),
    help="No more than so many, the newest.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a job, as the API has it.")
@on_deployment
@in_surroundings
def jobs(
    surroundings: Surroundings,
    file_id: str | None,
    status: str | None,
    limit: int,
    as_json: bool,
    deployment: Deployment,
) -> None:
    """List jobs, the newest first.

    It is a table on a terminal, and plain columns in a pipe. Where the deployment knows who calls,
    these are the caller's own jobs.

    \b
    Example:
      sluice jobs --status failed --limit 5

    \b
    Exit codes:
      0    listed, also when there is none
      1    the API refused
      2    wrong usage
      3    the API did not answer
      130  interrupted by Ctrl-C (143: terminated)
    """

    async def work(service: Service) -> int:
        found, more = await newest(service.api, limit, file_id, status)
        if as_json:
            for each in found:
                tell(each.told)
        elif found:
            show_rows(_HEADINGS, [_row(each) for each in found])
        else:
            lines.note("There are no such jobs." if file_id or status else "There are no jobs.")
        if more:
            lines.note(f"There are more than {limit}: --limit shows as many as you like.")
        return DONE

    sys.exit(visit(deployment, surroundings.patience, work))


async def newest(
    api: Api, limit: int, file_id: str | None = None, status: str | None = None
) -> tuple[list[Job], bool]:
    """At most `limit` jobs, from as many pages as that takes, and whether there are more. A page
    may be empty and yet not the last."""
    found: list[Job] = []
    cursor: str | None = None
    while True:
        page = await api.jobs(limit - len(found), file_id, status, cursor)
        found += page.jobs
        cursor = page.cursor
        if cursor is None or len(found) >= limit:
            return found[:limit], cursor is not None or len(found) > limit


def _row(job: Job) -> tuple[str, ...]:
    return (job.job_id, job.status, utc(job.created_at), job.format, _result(job), job.file_name)


def _result(job: Job) -> str:
    if job.failure is not None:
        return job.failure.code
    return ", ".join(facts(job.output)) if job.output else ""
