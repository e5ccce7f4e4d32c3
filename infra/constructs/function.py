"""A function of lambdas/: all share one asset; each has its own role, log and environment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from aws_cdk import Duration
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from conversion.metrics import NAMESPACE
from conversion.settings import Settings
from infra import nag
from infra.choices import Architecture
from infra.constructs.figures import deployment
from infra.constructs.logs import log_group
from infra.constructs.permissions import TRACES_TAKE_NO_RESOURCE, allow, anywhere, service_role
from infra.options import Options
from infra.third_party import runtime

_ARCHITECTURES = {
    Architecture.ARM64: lambda_.Architecture.ARM_64,
    Architecture.X86_64: lambda_.Architecture.X86_64,
}

_RUNTIMES = {
    "3.11": lambda_.Runtime.PYTHON_3_11,
    "3.12": lambda_.Runtime.PYTHON_3_12,
    "3.13": lambda_.Runtime.PYTHON_3_13,
    "3.14": lambda_.Runtime.PYTHON_3_14,
}

# What a function in a VPC must be allowed: Lambda makes its network interfaces by its role.
_INTERFACES = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
]
_INTERFACES_EVERYWHERE = (
    "What describes takes no resource, and which interfaces the others are for is Lambda's to say "
    '("Giving Lambda functions access to resources in an Amazon VPC", required IAM permissions). A '
    "policy beside this denies them to the function's code."
)


# What Lambda's X-Ray daemon sends by the function's role.
_TRACES = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]


@dataclass(frozen=True)
class Place:
    """Where in a VPC a function runs, which has no way out but what that VPC gives it."""

    vpc: ec2.Vpc
    subnets: list[ec2.ISubnet]
    group: ec2.SecurityGroup


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
        options: Options,
        settings: Settings,
        timeout: Duration,
        place: Place | None = None,
    ) -> None:
        super().__init__(scope, id)
        self.role = service_role(self, "lambda.amazonaws.com")
        self.timeout = timeout
        logs = log_group(self)
        logs.grant_write(self.role)
        function = lambda_.Function(
            self,
            "Function",
            runtime=_RUNTIMES[runtime()],
            architecture=_ARCHITECTURES[options.architecture],
            code=lambda_.Code.from_asset(str(code)),
            handler=f"lambdas.{name}.handler.handler",
            environment={**_observed(options), **settings.to_env()},
            tracing=lambda_.Tracing.ACTIVE,
            # CPU comes with memory: at 512 MB the imports of a cold start take a third of a core.
            memory_size=512,
            timeout=timeout,
            role=self.role,
            log_group=logs,
            vpc=cast(ec2.IVpc, place.vpc) if place else None,
            vpc_subnets=ec2.SubnetSelection(subnets=place.subnets) if place else None,
            security_groups=[cast(ec2.ISecurityGroup, place.group)] if place else None,
        )
        if place:
            self._make_interfaces(function)
        allow(self.role, _TRACES, anywhere(TRACES_TAKE_NO_RESOURCE))
        nag.acknowledge(
            function,
            "L1",
            "The Python that compiled the bytecode and ran the tests, by decision 0023.",
        )
        self.function = cast(lambda_.IFunction, function)

    def _make_interfaces(self, function: lambda_.Function) -> None:
        """Lambda makes them by the function's role, and its code may not, as the Lambda guide has
        it ("Giving Lambda functions access to resources in an Amazon VPC", security best practice).
        That is a policy of its own: the function waits for the role's, which would wait for it."""
        allow(self.role, _INTERFACES, anywhere(_INTERFACES_EVERYWHERE))
        by_its_code = {"ArnEquals": {"lambda:SourceFunctionArn": function.function_arn}}
        denied = iam.PolicyStatement(
            effect=iam.Effect.DENY, actions=_INTERFACES, resources=["*"], conditions=by_its_code
        )
        iam.Policy(self, "NoInterfaces", statements=[denied], roles=[self.role])


def _observed(options: Options) -> dict[str, str]:
    """Powertools' own variables: the name of its lines and metrics, and where the metrics go."""
    return {
        "POWERTOOLS_SERVICE_NAME": deployment(options),
        "POWERTOOLS_METRICS_NAMESPACE": NAMESPACE,
    }


class Functions:
    """The functions of one stack; `made` holds each by its id."""

    def __init__(self, scope: Construct, *, code: Path, options: Options) -> None:
        self.made: dict[str, PythonFunction] = {}
        self._scope = scope
        self._code = code
        self._options = options

    def make(
        self,
        id: str,
        name: str,
        settings: Settings,
        timeout: Duration,
        place: Place | None = None,
    ) -> PythonFunction:
        self.made[id] = PythonFunction(
            self._scope,
            id,
            name=name,
            code=self._code,
            options=self._options,
            settings=settings,
            timeout=timeout,
            place=place,
        )
        return self.made[id]
