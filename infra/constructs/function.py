"""A function of lambdas/: all share one asset; each has its own role, log and environment."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from conversion.settings import Settings
from infra.constructs.logs import log_group
from infra.constructs.permissions import service_role
from infra.options import Architecture

_ARCHITECTURES = {
    Architecture.ARM64: lambda_.Architecture.ARM_64,
    Architecture.X86_64: lambda_.Architecture.X86_64,
}


class PythonFunction(Construct):
    """`name` is the folder in lambdas/; `code` what infra/bundle.py made. The role may write this
    function's own log and nothing more until the stack allows it."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        code: Path,
        architecture: Architecture,
        settings: Settings,
        timeout: Duration,
    ) -> None:
        super().__init__(scope, id)
        self.role = service_role(self, "lambda.amazonaws.com")
        self.timeout = timeout
        logs = log_group(self)
        logs.grant_write(self.role)
        function = lambda_.Function(
            self,
            "Function",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=_ARCHITECTURES[architecture],
            code=lambda_.Code.from_asset(str(code)),
            handler=f"lambdas.{name}.handler.handler",
            environment=settings.to_env(),
            # CPU comes with memory: at 512 MB the imports of a cold start take a third of a core.
            memory_size=512,
            timeout=timeout,
            role=self.role,
            log_group=logs,
        )
        self.function = cast(lambda_.IFunction, function)
