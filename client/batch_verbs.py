"""`sluice batch`, `batch-status` and `batch-cancel`: files that are in S3 already, converted where
the deployment may read them.

They need a deployment that is there, with the option `batchSources`.
"""

from __future__ import annotations

import asyncio
import sys
import uuid
from typing import Any

import click

from client.asking import Asked, conversion_options
from client.batch_run import BatchRun
from client.deployment import Deployment, on_deployment
from client.options import an_id
from client.outcome import SOME_FAILED
from client.service import Service
from client.surroundings import Surroundings, in_surroundings
from client.visit import DONE, lines, tell, visit

_json_option = click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")


@click.command()
@click.argument("source", metavar="S3_URL")
@conversion_options
@click.option(
    "--manifest",
    "is_manifest",
    is_flag=True,
    help="S3_URL is no prefix but a list of files: the manifest.json of an S3 Inventory in CSV, or "
    "a .csv with a bucket and a URL-encoded key a line.",
)
@click.option(
    "--dry-run", is_flag=True, help="Convert nothing; count, and estimate what it would cost."
)
@click.option("--no-wait", is_flag=True, help="Say the batch's id, and leave.")
@_json_option
@on_deployment
@in_surroundings
def batch(
    surroundings: Surroundings,
    source: str,
    conversion: Asked,
    is_manifest: bool,
    dry_run: bool,
    no_wait: bool,
    as_json: bool,
    deployment: Deployment,
) -> None:
    """Convert all files under S3_URL, which is like s3://bucket/prefix/.

    The deployment reads what its option batchSources allows. What is no audio, empty or too large
    is skipped. A file that an earlier batch has made the same of, and that has not changed since,
    is not converted again. Ctrl-C ends the waiting alone: the batch runs on. Who calls is one of
    the deployment's operators.

    \b
    Examples:
      sluice batch s3://archive/talks/ --to mp3 --dry-run
      sluice batch s3://lists/chosen.csv --manifest --to flac --no-wait

    \b
    Exit codes:
      0    every file that is audio is converted, or the batch has begun (--no-wait)
      1    some audio is not converted, the batch failed, or the API refused
      2    wrong usage
      3    the API did not answer
      130  interrupted by Ctrl-C (143: terminated)
    """
    body: dict[str, Any] = {
        "manifest" if is_manifest else "source": source,
        "conversions": [conversion],
        "dryRun": dry_run,
    }

    async def work(service: Service) -> int:
        run = await service.api.create_batch(body, uuid.uuid4().hex)
        if not no_wait:
            lines.note(f"batch {run.batch_id} has begun; sluice batch-status tells of it too")
            run = await _until_over(service, run.batch_id)
        _report(run, as_json)
        return DONE if run.went_well or no_wait else SOME_FAILED

    sys.exit(visit(deployment, surroundings.patience, work))


@click.command("batch-status")
@click.argument("batch_id", metavar="BATCH", type=an_id)
@click.option("--wait", is_flag=True, help="Until it is over.")
@_json_option
@on_deployment
@in_surroundings
def batch_status(
    surroundings: Surroundings, batch_id: str, wait: bool, as_json: bool, deployment: Deployment
) -> None:
    """Say how far BATCH is, and what came of it.

    \b
    Exit codes:
      0    it goes on, or every file that is audio is converted
      1    some audio is not converted, the batch failed or was cancelled, or the API refused
      2    wrong usage
      3    the API did not answer
      130  interrupted by Ctrl-C (143: terminated)
    """

    async def work(service: Service) -> int:
        run = await (_until_over(service, batch_id) if wait else _now(service, batch_id))
        _report(run, as_json)
        return DONE if run.went_well or not run.is_over else SOME_FAILED

    sys.exit(visit(deployment, surroundings.patience, work))


@click.command("batch-cancel")
@click.argument("batch_id", metavar="BATCH", type=an_id)
@_json_option
@on_deployment
@in_surroundings
def batch_cancel(
    surroundings: Surroundings, batch_id: str, as_json: bool, deployment: Deployment
) -> None:
    """Let BATCH feed no further file, but for those that are being fed at this moment. Jobs that
    are there go on; `sluice cancel` ends each.

    \b
    Exit codes:
      0    it is cancelled
      1    it was over, or the API refused
      2    wrong usage
      3    the API did not answer
      130  interrupted by Ctrl-C (143: terminated)
    """

    async def work(service: Service) -> int:
        _report(await service.api.cancel_batch(batch_id), as_json)
        return DONE

    sys.exit(visit(deployment, surroundings.patience, work))


async def _now(service: Service, batch_id: str) -> BatchRun:
    run, _ = await service.steady.batch(batch_id)
    return run


async def _until_over(service: Service, batch_id: str) -> BatchRun:
    """A note each time that more files are done."""
    done = 0
    while True:
        run, wait = await service.steady.batch(batch_id)
        if run.is_over:
            return run
        if run.done > done:
            done = run.done
            lines.note(f"{done} of {run.total} files are done")
        await asyncio.sleep(wait)


def _report(run: BatchRun, as_json: bool) -> None:
    if as_json:
        tell(run.told)
        return
    for line in run.report():
        lines.result(line)
