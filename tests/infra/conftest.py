"""One synthesis for all tests here: starting the CDK takes seconds, reading its templates none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from infra import bundle
from infra.options import Options
from local.node import find_node
from tests.infra.assembly import Assembly

os.environ.setdefault("JSII_NODE", str(find_node()))  # before anything imports the CDK


@pytest.fixture(scope="session")
def functions() -> Path:
    return bundle.ensure()


@pytest.fixture(scope="session")
def assembly(functions: Path, tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """With no option given; the CDK's own rules for templates are applied too."""
    return synthesise(functions, tmp_path_factory.mktemp("default") / "cdk.out", {})


@pytest.fixture(scope="session")
def other_assembly(functions: Path, tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """With every option given, none of them the default."""
    context = {
        "stage": "prod",
        "architecture": "x86_64",
        "auth": "none",
        "retentionDays": "30",
        "removal": "destroy",
        "defaultConversions": "archive-flac",
        "progressStore": "redis",
        "maxRunningJobs": "20",
        "maxWaitingJobs": "50",
        "webhookUrl": "https://example.com/sluice",
        "alarmTopic": "arn:aws:sns:eu-west-1:123456789012:operators",
        "alarmEmail": "on-call@example.com",
        "maxUploadBytes": "1000000",
        "maxConversions": "3",
        "maxOpenUploads": "7",
        "maxRequestsPerSecond": "40",
        "allowedOrigins": "https://example.com,http://localhost:5173",
        "egress": "nat",
        "logRetentionDays": "90",
        "taskCpu": "2048",
        "taskMemory": "4096",
        "spotPercent": "50",
        "maxOutputBytes": str(100 * 1024**3),
        "maxDurationSeconds": "7200",
        "urlSeconds": "600",
        "zones": "us-east-1b,us-east-1c",
    }
    return synthesise(functions, tmp_path_factory.mktemp("other") / "cdk.out", context)


@pytest.fixture(scope="session")
def token_assembly(functions: Path, tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """Where tokens are checked that somebody else issues."""
    context = {
        "auth": "jwt",
        "jwtIssuer": "https://login.example.com/",
        "jwtAudience": "sluice,sluice-batch",
        "operators": "olga,arn:aws:iam::123456789012:role/Operators",
    }
    return synthesise(functions, tmp_path_factory.mktemp("token") / "cdk.out", context)


@pytest.fixture(scope="session")
def users_assembly(functions: Path, tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """Where tokens are checked of users of its own."""
    context = {"auth": "jwt", "removal": "destroy"}
    return synthesise(functions, tmp_path_factory.mktemp("users") / "cdk.out", context)


def synthesise(
    functions: Path, directory: Path, context: dict[str, str], *, nagged: bool = False
) -> Assembly:
    """`nagged`: held to cdk-nag's rules as well, as by `cdk synth`."""
    import app as cdk_app
    from infra import nag

    app = cdk_app.new_app(str(directory))
    for name, value in context.items():
        app.node.set_context(name, value)
    cdk_app.build(app, Options.from_context(app.node.try_get_context), functions)
    if nagged:
        nag.hold(app)
    app.synth()
    return Assembly(directory)
