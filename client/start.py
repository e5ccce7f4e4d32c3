"""`sluice start`: convert a file that is at the deployment already, once more or into something
else."""

from __future__ import annotations

import sys
import uuid

import click

from client.answers import Job
from client.asking import Asked, conversion_options
from client.deployment import Deployment, on_deployment
from client.errors import ClientError
from client.options import an_id
from client.service import Service
from client.surroundings import Surroundings, in_surroundings
from client.visit import error_json, lines, one_by_one, tell, visit


@click.command()
@click.argument("file_ids", metavar="FILE_ID...", nargs=-1, required=True, type=an_id)
@conversion_options
@click.option(
    "--delete-after-download",
    is_flag=True,
    help="Let the deployment delete the output after the first download, as soon as the link for "
    "that has ended.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file.")
@on_deployment
@in_surroundings
def start(
    surroundings: Surroundings,
    file_ids: tuple[str, ...],
    conversion: Asked,
    delete_after_download: bool,
    as_json: bool,
    deployment: Deployment,
) -> None:
    """Start a conversion of each file that was uploaded before, and say its job's id.

    `sluice upload` told the file's id; `sluice watch` and `sluice download` take the job's.

    \b
    Example:
      sluice start 0f8fad5bd9cb469fa16570867728950e --to flac

    \b
    Exit codes:
      0    every job is started, or waits for its turn
      1    some is not
      2    wrong usage
      3    the API did not answer
      130  interrupted by Ctrl-C (143: terminated)
    """

    # Left out, the API takes what was said with the upload.
    leaves = True if delete_after_download else None

    async def work(service: Service) -> int:
        async def start_one(file_id: str) -> None:
            job = await service.api.create_job(file_id, conversion, leaves, uuid.uuid4().hex)
            _report(file_id, job, as_json)

        return await one_by_one(file_ids, start_one, failed, as_json)

    def failed(file_id: str, error: ClientError) -> None:
        if as_json:
            tell({"fileId": file_id, "jobId": None, "status": None, "error": error_json(error)})
        else:
            lines.note(f"{file_id}: {error.code}: {error.message}")

    sys.exit(visit(deployment, surroundings.patience, work))


def _report(file_id: str, job: Job, as_json: bool) -> None:
    if as_json:
        tell({"fileId": file_id, "jobId": job.job_id, "status": job.status, "error": None})
    else:
        lines.result(f"{file_id} -> job {job.job_id}")
