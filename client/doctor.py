"""`sluice doctor`: is this deployment well, and if not, what to do."""

from __future__ import annotations

import sys

import click

from client.deployment import Deployment, on_deployment_or_local
from client.errors import ApiUnreachable, PipelineNotStarted
from client.examine import WRONG, Finding, Found, examine, ffmpeg_finding
from client.outcome import OUT_OF_REACH, SOME_FAILED
from client.pipeline import local_pipeline
from client.surroundings import Surroundings, in_surroundings
from client.visit import DONE, in_loop, lines, tell


@click.command()
@click.option("--quick", is_flag=True, help="Without the conversion.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a check on stdout.")
@on_deployment_or_local
@in_surroundings
def doctor(
    surroundings: Surroundings, quick: bool, as_json: bool, deployment: Deployment | None
) -> None:
    """Say what is wrong, and how to mend it.

    The deployment is asked for its health: S3, DynamoDB, Redis where it has one, Step Functions,
    ECS, and what it has room for. This machine's clock and credentials are held against it. Then a
    second of sound is sent, converted to mp3 by its ffmpeg and brought back, which takes a minute
    or two and costs about a tenth of a cent; --quick leaves that out. Without --api a local
    pipeline is started and examined, and this machine's ffmpeg before it.

    Standard output has a line a check, or with --json an object with check, status (ok, wrong,
    skipped), milliseconds, detail, problem (null, or how to mend it) and code (null, or an
    error's).

    \b
    Examples:
      sluice doctor
      sluice doctor --quick --api https://abc.execute-api.eu-central-1.amazonaws.com

    \b
    Exit codes:
      0    all is well
      1    something is wrong
      2    wrong usage
      3    the API did not answer, or the local pipeline did not start
      130  interrupted by Ctrl-C (143: terminated)
    """

    codes = [DONE]

    def found(finding: Finding) -> None:
        _tell(finding, as_json)
        codes.append(_code(finding))

    async def work() -> int:
        if deployment is not None:
            await examine(deployment, surroundings.patience, quick, found)
        else:
            await _examine_local(surroundings, quick, found)
        return max(codes)

    sys.exit(in_loop(work))


async def _examine_local(surroundings: Surroundings, quick: bool, found: Found) -> None:
    found(await ffmpeg_finding())
    try:
        async with local_pipeline(lines.note, surroundings.local) as url:
            await examine(Deployment(url), surroundings.patience, quick, found)
    except PipelineNotStarted as error:
        found(Finding("local pipeline", WRONG, error.message, error=error))


def _tell(found: Finding, as_json: bool) -> None:
    if as_json:
        tell(found.to_json())
        return
    took = "" if found.milliseconds is None else f" ({found.milliseconds:.0f} ms)"
    lines.result(f"{found.status:<8} {found.check:<15} {found.told}{took}")


def _code(found: Finding) -> int:
    if isinstance(found.error, ApiUnreachable | PipelineNotStarted):
        return OUT_OF_REACH
    return SOME_FAILED if found.status == WRONG else DONE
