"""A deployment on AWS, named by the environment; without one its tests are skipped, and say why.

SLUICE_API is its address, and SLUICE_CLUSTER its ECS cluster, if a task may be stopped in it.
Callers are let in by SLUICE_TOKEN, or by the AWS credentials that the AWS CLI would take; for a
domain name of your own SLUICE_REGION says which region they sign for.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from client.deployment import Bearer, Deployment, region_in
from client.options import api_url
from client.signing import signature

_ROOT = Path(__file__).parents[2]
_SLUICE = [sys.executable, "-m", "client"]
_MOST_SECONDS = 3600


@dataclass(frozen=True)
class Deployed:
    """`steps` are those of one `sluice smoke`, by name, as its --json tells them."""

    url: str
    steps: dict[str, dict[str, Any]]


@pytest.fixture(scope="session")
def deployment() -> Deployment:
    """As `sluice --api` would find it."""
    if not (named := os.environ.get("SLUICE_API")):
        pytest.skip("SLUICE_API names no deployment: docs/deploy.md says how to try one")
    url = api_url(named)
    if token := os.environ.get("SLUICE_TOKEN"):
        return Deployment(url, Bearer(lambda: token))
    if (region := os.environ.get("SLUICE_REGION") or region_in(url)) is None:
        return Deployment(url)
    signs = signature(None, region)
    if signs is None:
        pytest.skip("there are no AWS credentials to sign requests with, and no SLUICE_TOKEN")
    return Deployment(url, signs)


@pytest.fixture(scope="session")
def api(deployment: Deployment) -> str:
    """Its URL, which ends in /v1."""
    return deployment.url


@pytest.fixture(scope="session")
def deployed(api: str) -> Deployed:
    """After one acceptance, which all the tests look at."""
    cluster = os.environ.get("SLUICE_CLUSTER")
    more = ["--cluster", cluster] if cluster else []
    command = [*_SLUICE, "smoke", "--json", "--users", "10", "--api", api, *more]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=_ROOT, timeout=_MOST_SECONDS)
    told = [json.loads(line) for line in ran.stdout.splitlines()]
    assert told, ran.stderr
    return Deployed(api, {each["step"]: each for each in told})


@pytest.fixture(scope="session")
def nobody(api: str) -> Iterator[httpx.Client]:
    """A caller without credentials, at the deployment's origin."""
    with httpx.Client(base_url=str(httpx.URL(api).join("/")), timeout=35.0) as client:
        yield client
