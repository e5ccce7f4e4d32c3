"""What can be wrong with a deployment, or between it and here: each thing asked, one finding each.

A finding says how to mend what it found. They come in the order in which things hang on each other:
an API that is not reached hides all the rest.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from client.deployment import Deployment
from client.errors import ClientError, NotAllowed
from client.health import Health
from client.pipeline import ROOT
from client.retry import Patience
from client.service import Service, serving
from client.trial import MOST_SECONDS, Trial

OK, WRONG, SKIPPED = "ok", "wrong", "skipped"

# A signature further from AWS's clock is refused (IAM user guide, "Signing AWS API requests"); a
# clock that is a minute off soon will be.
MOST_SECONDS_OFF = 300.0
WARN_SECONDS_OFF = 60.0
# Which ffmpeg local/ would run, as JSON; it says itself what is missing.
FFMPEG = (sys.executable, "-m", "local.ffmpeg")


@dataclass(frozen=True)
class Finding:
    """`told` is how it is, or how to mend it."""

    check: str
    status: str
    told: str
    milliseconds: float | None = None
    error: ClientError | None = None

    def to_json(self) -> dict[str, Any]:
        is_wrong = self.status == WRONG
        return {
            "check": self.check,
            "status": self.status,
            "milliseconds": self.milliseconds,
            "detail": None if is_wrong else self.told,
            "problem": self.told if is_wrong else None,
            "code": self.error and self.error.code,
        }


Found = Callable[[Finding], None]


async def examine(deployment: Deployment, patience: Patience, quick: bool, found: Found) -> None:
    hurried = replace(
        patience, full=min(patience.full, 60.0), job_appears=min(patience.job_appears, 120.0)
    )
    async with serving(deployment, hurried) as service:
        answered, health = await _api(service, deployment)
        found(answered)
        for each in _clock(service.api.clock_ahead):
            found(each)
        if health is None:
            return
        admitted = await _authentication(service, deployment)
        for each in (admitted, *_checks(health), _capacity(health)):
            found(each)
        if not quick:
            can_be_tried = health.status != "down" and admitted.status == OK
            found(await _conversion(service) if can_be_tried else _NOT_TRIED)


async def ffmpeg_finding(command: Sequence[str] = FFMPEG) -> Finding:
    """This machine's, which a local pipeline runs."""
    child = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await child.communicate()
    if child.returncode:
        why = complained.decode("utf-8", "replace").strip() or f"exit code {child.returncode}"
        return Finding("ffmpeg", WRONG, why.splitlines()[-1])
    found = json.loads(said)
    return Finding("ffmpeg", OK, f"{found['ffmpeg']}, with all that the converter asks of it")


async def _api(service: Service, deployment: Deployment) -> tuple[Finding, Health | None]:
    began = time.monotonic()
    try:
        health = await service.api.health()
    except NotAllowed as error:
        return Finding("authentication", WRONG, error.message, error=error), None
    except ClientError as error:
        return Finding("api", WRONG, error.message, error=error), None
    took = 1000 * (time.monotonic() - began)
    return Finding("api", OK, f"{deployment.url} answers: {health.status}", took), health


def _clock(ahead: float | None) -> Iterator[Finding]:
    """Of an answer that does not tell the time nothing is said."""
    if ahead is None:
        return
    off = f"{abs(ahead):.0f} s {'behind' if ahead > 0 else 'ahead of'} the deployment's"
    if abs(ahead) >= MOST_SECONDS_OFF:
        mend = "AWS refuses signatures 5 minutes off. Set it by NTP (timedatectl set-ntp true)."
        yield Finding("clock", WRONG, f"This machine's clock is {off}: {mend}")
    elif abs(ahead) >= WARN_SECONDS_OFF:
        yield Finding("clock", OK, f"{off}; let NTP set it: AWS refuses 5 minutes")
    else:
        yield Finding("clock", OK, "agrees with the deployment's")


async def _authentication(service: Service, deployment: Deployment) -> Finding:
    began = time.monotonic()
    try:
        await service.api.jobs(1)
    except ClientError as error:
        return Finding("authentication", WRONG, error.message, error=error)
    took = 1000 * (time.monotonic() - began)
    how = "none is asked for" if deployment.auth is None else "we are let in"
    return Finding("authentication", OK, how, took)


def _checks(health: Health) -> Iterator[Finding]:
    for each in health.checks:
        if each.is_ok:
            yield Finding(each.name, OK, "answers", each.milliseconds)
        else:
            told = each.problem or "It does not answer; the function check_health has logged why."
            yield Finding(each.name, WRONG, told, each.milliseconds)


def _capacity(health: Health) -> Finding:
    told = {name: _use(health, name) for name in ("RunningJobs", "WaitingJobs", "OpenUploads")}
    known = {name: use for name, use in told.items() if use is not None}
    if not known:
        return Finding("capacity", SKIPPED, "the deployment does not tell it")
    detail = ", ".join(f"{_NAMES[name]} {used} of {most}" for name, (used, most) in known.items())
    full = [name for name, (used, most) in known.items() if used >= most]
    if refusing := [name for name in full if name != "RunningJobs"]:
        mend = " and ".join(_MEND[each] for each in refusing)
        return Finding("capacity", WRONG, f"{detail}: more are refused. {mend}")
    waits = "; new jobs wait for a place" if full else ""
    return Finding("capacity", OK, detail + waits)


_NAMES = {"RunningJobs": "running", "WaitingJobs": "waiting", "OpenUploads": "open uploads"}
_MEND = {
    "WaitingJobs": "Wait, cancel what nobody needs (sluice jobs --status created), or deploy with "
    "more of -c maxRunningJobs and -c maxWaitingJobs.",
    "OpenUploads": "An upload counts until it is a day old, or until whoever began it ends it "
    "(DELETE /v1/uploads/{fileId}): wait, or deploy with more of -c maxOpenUploads.",
}


def _use(health: Health, name: str) -> tuple[int, int] | None:
    """How much of it is taken, and how much there is."""
    used = health.capacity.get(name[0].lower() + name[1:])
    most = health.capacity.get(f"most{name}")
    return None if used is None or most is None else (used, most)


async def _conversion(service: Service) -> Finding:
    began = time.monotonic()
    trial = Trial(service)
    try:
        proved = await trial.run()
    except ClientError as error:
        told = f"{error.message} That was {trial.where}."
        return Finding("conversion", WRONG, told, error=error)
    except TimeoutError:
        told = f"It was not over after {MOST_SECONDS / 60:.0f} minutes; that was {trial.where}."
        return Finding("conversion", WRONG, told)
    return Finding("conversion", OK, proved, 1000 * (time.monotonic() - began))


_NOT_TRIED = Finding("conversion", SKIPPED, "not tried: mend what is wrong first")
