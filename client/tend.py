"""The verbs that tend to a deployment: cancel a job, clean up what nobody needs any more.

They need a deployment that is there: a pipeline started for the call would have nothing to tend.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import click
import httpx
from rich.filesize import decimal

from client.answers import Cleaned, Tally
from client.api import Api, api_client
from client.errors import ApiUnreachable, ClientError
from client.options import api_url
from client.outcome import CONVERTED, OUT_OF_REACH, SOME_FAILED
from client.retry import Patience
from client.show import Lines
from client.surroundings import Surroundings, in_surroundings

DONE = CONVERTED
# What comes from afar is printed, but nothing in it moves a cursor.
_lines = Lines(())

_api_option = click.option(
    "--api",
    metavar="URL",
    type=api_url,
    envvar="SLUICE_API",
    show_envvar=True,
    required=True,
    help="A Sluice API, such as http://127.0.0.1:8787.",
)
_json_option = click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")


@click.command()
@click.argument("job_ids", metavar="JOB_ID...", nargs=-1, required=True)
@_json_option
@_api_option
@in_surroundings
def cancel(surroundings: Surroundings, job_ids: tuple[str, ...], as_json: bool, api: str) -> None:
    """Cancel each job, in whatever state it is, unless it is over.

    At once for everybody who asks for it; its converter is stopped within seconds, and what it has
    written is removed. To cancel a job twice is no error; one that has completed or failed stays as
    it is, which is exit code 1.

    \b
    Exit codes:
      0    every job is cancelled
      1    some job is not
      2    wrong usage
      3    the API did not answer
    """

    async def work(service: Api) -> int:
        codes = [await _cancel(service, each, as_json) for each in job_ids]
        return max(codes)

    sys.exit(_run(api, surroundings.patience, work))


async def _cancel(service: Api, job_id: str, as_json: bool) -> int:
    """The exit code. Raises ApiUnreachable: the other jobs would not be reached either."""
    try:
        job = await service.cancel(job_id)
    except ApiUnreachable:
        raise
    except ClientError as error:
        if as_json:
            _tell({"jobId": job_id, "status": None, "error": _error(error)})
        else:
            _lines.note(f"{job_id}: {error.code}: {error.message}")
        return SOME_FAILED
    if as_json:
        _tell({"jobId": job.job_id, "status": job.status, "error": None})
    else:
        _lines.result(f"{job.job_id}: {job.status}")
    return DONE


@click.command()
@click.option("--dry-run", is_flag=True, help="Remove nothing; say what would be removed.")
@_json_option
@_api_option
@in_surroundings
def cleanup(surroundings: Surroundings, dry_run: bool, as_json: bool, api: str) -> None:
    """Remove expired jobs and uploads, and what is left in the bucket that nobody needs.

    A deployment does the same every hour by itself. A job that is not over is never removed, nor
    what it needs.

    \b
    Exit codes:
      0    done, or as far as can be done at once: a note says so
      1    something could not be removed, or the API refused
      2    wrong usage
      3    the API did not answer
    """

    async def work(service: Api) -> int:
        cleaned, error = await _clean_up(service, dry_run)
        if as_json:
            _tell({"dryRun": dry_run, **cleaned.to_json()})
        else:
            _report(cleaned, dry_run)
        if error:
            raise error
        return SOME_FAILED if cleaned.failures else DONE

    sys.exit(_run(api, surroundings.patience, work))


async def _clean_up(service: Api, dry_run: bool) -> tuple[Cleaned, ClientError | None]:
    """A call ends when its time is up, and the next goes on behind what it has removed. So a dry
    run is one call, and a call that removed nothing is the last: the next would do as it did.

    What an error ends is told with it: the calls before have removed things. Raises the first's."""
    cleaned = latest = await service.clean_up(dry_run)
    while not dry_run and not latest.complete and latest.count:
        try:
            latest = await service.clean_up(dry_run)
        except ClientError as error:
            return cleaned, error
        cleaned += latest
    return cleaned, None


def _report(cleaned: Cleaned, dry_run: bool) -> None:
    verb = "Would remove" if dry_run else "Removed"
    for kind, tally in cleaned.removed.items():
        if tally.count:
            _lines.result(f"{verb} {_NAMES.get(kind, kind)}: {_figures(tally)}")
    if not cleaned.count:
        _lines.result("There is nothing to remove.")
    if not cleaned.complete:
        more = "at least" if dry_run else "so far; the deployment goes on by itself, every hour"
        _lines.note(f"That is {more}: there is more than one call can look at.")
    if cleaned.failures:
        _lines.note(f"{cleaned.failures} could not be removed; the function's log says why.")


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


def _run(url: str, patience: Patience, work: Callable[[Api], Awaitable[int]]) -> int:
    """The exit code of what is done with the API at this address."""

    async def run() -> int:
        async with api_client(url, httpx.create_ssl_context()) as http:
            return await work(Api(http, patience))

    try:
        return asyncio.run(run())
    except ClientError as error:
        _lines.note(f"{error.code}: {error.message}")
        return OUT_OF_REACH if isinstance(error, ApiUnreachable) else SOME_FAILED


def _tell(what: dict[str, Any]) -> None:
    _lines.result(json.dumps(what))


def _error(error: ClientError) -> dict[str, str]:
    return {"code": error.code, "message": error.message}
