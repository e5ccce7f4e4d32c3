"""`sluice inspect`: the whole story of one job."""

from __future__ import annotations

import sys

import click

from client.deployment import Deployment, on_deployment
from client.options import an_id
from client.service import Service
from client.story import story
from client.surroundings import Surroundings, in_surroundings
from client.visit import DONE, lines, tell, visit


@click.command("inspect")
@click.argument("job_id", metavar="JOB", type=an_id)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, as the API has it.")
@on_deployment
@in_surroundings
def inspect(surroundings: Surroundings, job_id: str, as_json: bool, deployment: Deployment) -> None:
    """Tell the whole story of a JOB.

    Its error and what to do about it come first; then what it was to do and what it made, its
    estimate and cost, its states and attempts with their seconds, and its log.

    \b
    Example:
      sluice inspect 7c9e6679f7a349c8a1e0f5d2b6c4a813 | less

    \b
    Exit codes:
      0    told, whatever became of the job
      1    there is no such job, or the API refused
      2    wrong usage
      3    the API did not answer
      130  interrupted by Ctrl-C (143: terminated)
    """

    async def work(service: Service) -> int:
        history = await service.api.history(job_id)
        if as_json:
            tell(history.told)
        else:
            for line in story(history):
                lines.result(line)
        return DONE

    sys.exit(visit(deployment, surroundings.patience, work))
