"""`sluice smoke`: does this deployment keep its promises?"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import click

from client.columns import show_rows
from client.deployment import Deployment, on_deployment_or_local, region_in
from client.errors import ApiUnreachable, NoCredentials
from client.outcome import OUT_OF_REACH, SOME_FAILED
from client.pipeline import local_ready
from client.smoke.acceptance import accept
from client.smoke.ecs import LOCAL_REGION, Cluster, named
from client.smoke.run import Result, Run
from client.surroundings import Surroundings, in_surroundings
from client.visit import DONE, in_loop, lines, tell

_NO_CLUSTER = "--cluster names none in which a task could be stopped"


@click.command()
@click.option(
    "--users",
    default=10,
    show_default=True,
    type=click.IntRange(1, 100),
    help="How many convert side by side in the last part.",
)
@click.option(
    "--cluster",
    metavar="NAME|ARN",
    help="The ECS cluster of the deployment: a task of ours is stopped in it, to see its job "
    "completed by another. Wants AWS credentials that may ecs:ListTasks, DescribeTasks, StopTask.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a step on stdout.")
@on_deployment_or_local
@in_surroundings
def smoke(
    surroundings: Surroundings,
    users: int,
    cluster: str | None,
    as_json: bool,
    deployment: Deployment | None,
) -> None:
    """Try all that a deployment promises, and report.

    Files are sent by one PUT and in parts (17.6 MB), every format is made and looked into, one
    output fetched by ranges; a job is cancelled, another loses its task, no audio and cut-off audio
    are refused as they should be; then several users convert side by side. All the while no
    percentage may fall. On AWS it takes some five minutes and costs about three cents. What it
    makes goes by itself.

    Without --api a local pipeline is started and tried. ffmpeg and ffprobe on PATH are used to play
    what came back; without them its own headers are read.

    Standard output has a table, or with --json an object with step, status (passed, failed,
    skipped), seconds, detail and code (null, or an error's).

    \b
    Example:
      sluice smoke --api https://abc.execute-api.eu-central-1.amazonaws.com --users 10

    \b
    Exit codes:
      0    nothing failed (what was skipped says why)
      1    something failed
      2    wrong usage
      3    the API did not answer, or the local pipeline did not start
      130  interrupted by Ctrl-C (143: terminated); its jobs are cancelled
    """
    there = _at(deployment, _in(cluster, deployment), surroundings)

    def over(result: Result) -> None:
        if as_json:
            tell(result.to_json())
        else:
            lines.note(f"{result.status}: {result.step} ({result.seconds:.1f} s)")

    async def work() -> int:
        async with there as (at, its_cluster):
            run = await accept(at, surroundings.patience, users, its_cluster, over)
        if not as_json:
            _show(run)
        return _code(run)

    sys.exit(in_loop(work))


def _in(cluster: str | None, deployment: Deployment | None) -> Cluster | str:
    """The one that was named, or why a task cannot be stopped. Raises UsageError."""
    if cluster is None:
        return _NO_CLUSTER
    if deployment is None:
        raise click.UsageError("--cluster is of the deployment that --api names: give both.")
    told = click.get_current_context().params
    try:
        return named(cluster, told["region"] or region_in(deployment.url), told["profile"])
    except NoCredentials as error:
        raise click.UsageError(error.message) from error


@asynccontextmanager
async def _at(
    deployment: Deployment | None, cluster: Cluster | str, surroundings: Surroundings
) -> AsyncGenerator[tuple[Deployment, Cluster | str]]:
    """What was named, or a pipeline of this call's own."""
    if deployment is not None:
        yield deployment, cluster
        return
    async with local_ready(lines.note, surroundings.local) as ready:
        if ready.cluster and ready.engine:
            cluster = Cluster(ready.cluster, LOCAL_REGION, None, ready.engine)
        yield Deployment(ready.api), cluster


def _show(run: Run) -> None:
    rows = [(each.step, each.status, f"{each.seconds:.1f}", each.told) for each in run.results]
    show_rows(("STEP", "STATUS", "SECONDS", "WHAT"), rows)


def _code(run: Run) -> int:
    if isinstance(run.results[0].error, ApiUnreachable):
        return OUT_OF_REACH
    return DONE if run.passed else SOME_FAILED
