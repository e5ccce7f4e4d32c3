"""The verbs that tend to a deployment: cancel a job, clean up what nobody needs any more.

They need a deployment that is there: a pipeline started for the call would have nothing to tend.
"""

from __future__ import annotations

import sys

import click
from rich.filesize import decimal

from client.api import Api
from client.cleaned import Cleaned, Tally
from client.deployment import Deployment, on_deployment
from client.errors import ClientError
from client.options import an_id
from client.outcome import SOME_FAILED
from client.service import Service
from client.surroundings import Surroundings, in_surroundings
from client.visit import DONE, error_json, lines, one_by_one, tell, visit

_json_option = click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")


@click.command()
@click.argument("job_ids", metavar="JOB...", nargs=-1, required=True, type=an_id)
@_json_option
@on_deployment
@in_surroundings
def cancel(
    surroundings: Surroundings, job_ids: tuple[str, ...], as_json: bool, deployment: Deployment
) -> None:
    """Cancel each JOB that is not over.

    It is cancelled at once for everybody who asks for it; its converter is stopped within seconds,
    and what it has written is removed. To cancel a job twice is no error; one that has completed or
    failed stays as it is, which is exit code 1.

    \b
    Example:
      sluice cancel 7c9e6679f7a349c8a1e0f5d2b6c4a813

    \b
    Exit codes:
      0    every job is cancelled
      1    some job is not
      2    wrong usage
      3    the API did not answer
      130  interrupted by Ctrl-C (143: terminated)
    """

    async def work(service: Service) -> int:
        async def cancel_one(job_id: str) -> None:
            job = await service.api.cancel(job_id)
            if as_json:
                tell({"jobId": job.job_id, "status": job.status, "error": None})
            else:
                lines.result(f"{job.job_id}: {job.status}")

        return await one_by_one(job_ids, cancel_one, failed, as_json)

    def failed(job_id: str, error: ClientError) -> None:
        if as_json:
            tell({"jobId": job_id, "status": None, "error": error_json(error)})
        else:
            lines.note(f"{job_id}: {error.code}: {error.message}")

    sys.exit(visit(deployment, surroundings.patience, work))


@click.command()
@click.option("--dry-run", is_flag=True, help="Remove nothing; say what would be removed.")
@_json_option
@on_deployment
@in_surroundings
def cleanup(
    surroundings: Surroundings, dry_run: bool, as_json: bool, deployment: Deployment
) -> None:
    """Remove what nobody needs any more.

    That is expired jobs and uploads, and what else is left in the bucket. A deployment does the
    same every hour by itself. A job that is not over is never removed, nor what it needs.

    \b
    Example:
      sluice cleanup --dry-run

    \b
    Exit codes:
      0    done, or as far as can be done at once: a note says so
      1    something could not be removed, or the API refused
      2    wrong usage
      3    the API did not answer
      130  interrupted by Ctrl-C (143: terminated)
    """

    async def work(service: Service) -> int:
        cleaned, error = await _clean_up(service.api, dry_run)
        if as_json:
            tell({"dryRun": dry_run, **cleaned.to_json()})
        else:
            _report(cleaned, dry_run)
        if error:
            raise error
        return SOME_FAILED if cleaned.failures else DONE

    sys.exit(visit(deployment, surroundings.patience, work))


async def _clean_up(api: Api, dry_run: bool) -> tuple[Cleaned, ClientError | None]:
    """A call ends when its time is up, and the next goes on behind what it has removed. So a dry
    run is one call, and a call that removed nothing is the last: the next would do as it did.

    What an error ends is told with it: the calls before have removed things. Raises the first's."""
    cleaned = latest = await api.clean_up(dry_run)
    while not dry_run and not latest.complete and latest.count:
        try:
            latest = await api.clean_up(dry_run)
        except ClientError as error:
            return cleaned, error
        cleaned += latest
    return cleaned, None


def _report(cleaned: Cleaned, dry_run: bool) -> None:
    verb = "Would remove" if dry_run else "Removed"
    for kind, tally in cleaned.removed.items():
        if tally.count:
            lines.result(f"{verb} {_NAMES.get(kind, kind)}: {_figures(tally)}")
    if not cleaned.count:
        lines.result("There is nothing to remove.")
    if not cleaned.complete:
        more = "at least" if dry_run else "so far; the deployment goes on by itself, every hour"
        lines.note(f"That is {more}: there is more than one call can look at.")
    if cleaned.failures:
        lines.note(f"{cleaned.failures} could not be removed; the function's log says why.")


def _figures(tally: Tally) -> str:
    return f"{tally.count} ({decimal(tally.bytes)})" if tally.bytes else str(tally.count)


_NAMES = {
    "jobs": "expired jobs",
    "outputs": "their outputs",
    "uploads": "expired uploads",
    "sources": "their files",
    "dropped": "files dropped into the bucket",
    "losers": "outputs of attempts that did not win",
    "orphans": "outputs of jobs that are gone",
    "parts": "uploads left open",
}
