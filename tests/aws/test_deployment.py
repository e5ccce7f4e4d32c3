"""The acceptance of a deployment on AWS: all of `sluice smoke`, and that strangers stay outside.

It costs about three cents and takes some minutes:
`SLUICE_API=https://… python -m pytest -m aws tests/aws`.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time

import httpx
import pytest

from client.answers import Job
from client.deployment import Deployment
from client.retry import Patience
from client.service import serving
from conversion.formats import FORMATS
from tests.aws.conftest import Deployed

pytestmark = [pytest.mark.aws, pytest.mark.long]

_STEPS = (
    *("health", "formats", "upload", "upload in parts", "download", "sent twice", "cancel"),
    *("killed task", "no audio", "cut off", "refusals", "users", "progress"),
    *("dry clean-up", "tidy"),
)


@pytest.mark.parametrize("step", [*_STEPS, *(f"convert to {each}" for each in FORMATS)])
def test_a_step_of_the_acceptance_passes(deployed: Deployed, step: str) -> None:
    told = deployed.steps[step]
    if told["status"] == "skipped":
        pytest.skip(told["detail"])
    assert told["status"] == "passed", told["detail"]


def test_the_acceptance_has_no_step_that_is_not_looked_at_here(deployed: Deployed) -> None:
    assert set(deployed.steps) == {*_STEPS, *(f"convert to {each}" for each in FORMATS)}


def test_the_doctor_finds_nothing(api: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "client", "doctor", "--quick", "--json", "--api", api],
        capture_output=True,
        text=True,
    )
    wrong = [line for line in map(json.loads, ran.stdout.splitlines()) if line["status"] == "wrong"]
    assert (ran.returncode, wrong) == (0, [])


@pytest.mark.parametrize("path", ["v1/jobs", "v1/uploads/none", "api/jobs/none", "v1/formats"])
def test_a_stranger_is_not_let_in(nobody: httpx.Client, path: str) -> None:
    """By any route, unless the deployment takes everybody (`auth=none`)."""
    if nobody.get("v1/jobs").status_code == 200:
        pytest.skip("the deployment lets everybody in (auth=none)")
    assert nobody.get(path).status_code in (401, 403)


def test_a_stranger_can_read_nothing_in_the_bucket(
    deployment: Deployment, deployed: Deployed
) -> None:
    """The address of an output, without the signature that came with it."""
    if httpx.URL(deployment.url).host in ("127.0.0.1", "localhost"):
        pytest.skip("a local engine lets everybody read its buckets")
    link = asyncio.run(_link(deployment))
    assert httpx.get(link, headers={"range": "bytes=0-0"}).status_code == 206
    assert httpx.get(link.partition("?")[0]).status_code == 403


def test_what_is_to_go_with_its_download_expires_with_the_link(
    deployment: Deployment, deployed: Deployed
) -> None:
    """Which is good for hours; `retentionDays` are a day at least. Its clean-up comes later than
    anybody would wait here."""
    asyncio.run(_link(deployment))
    job = asyncio.run(_completed(deployment))
    assert job.told["expiresAt"] - time.time() < 13 * 3600


async def _link(deployment: Deployment) -> str:
    """To an output of the acceptance's."""
    job = await _completed(deployment)
    async with serving(deployment, Patience()) as service:
        return await service.api.url_of(job.job_id)


async def _completed(deployment: Deployment) -> Job:
    """The newest, which is one of the acceptance's."""
    async with serving(deployment, Patience()) as service:
        page = await service.api.jobs(1, status="completed")
        return page.jobs[0]
