"""The converter as a Fargate task: one container, hardened, that may write only to /tmp."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import Duration
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from conversion.settings import ConverterSettings
from infra import nag
from infra.choices import Architecture
from infra.constructs.logs import log_group
from infra.constructs.permissions import service_role

_ROOT = Path(__file__).parents[2]
_CPUS = {
    Architecture.ARM64: (ecs.CpuArchitecture.ARM64, ecr_assets.Platform.LINUX_ARM64),
    Architecture.X86_64: (ecs.CpuArchitecture.X86_64, ecr_assets.Platform.LINUX_AMD64),
}

# The one place the container may write to; Python's tempfile looks there.
SCRATCH = "/tmp"  # noqa: S108 - a volume of this one task, which nobody else sees
# A number, because Fargate does not look names up in the image; 1000 and up are people.
_NOBODY = "10001"
# The most Fargate gives a container between SIGTERM and SIGKILL (ECS, stopTimeout).
_GRACE = Duration.seconds(120)


class ConverterTask(Construct):
    """`role` is what the code acts with; the execution role only pulls the image and logs."""

    container_name = "converter"

    def __init__(
        self, scope: Construct, id: str, *, architecture: Architecture, settings: ConverterSettings
    ) -> None:
        super().__init__(scope, id)
        cpu, platform = _CPUS[architecture]
        self.role = service_role(self, "ecs-tasks.amazonaws.com")
        self.definition = ecs.FargateTaskDefinition(
            self,
            "Definition",
            cpu=settings.task_cpu,
            memory_limit_mib=settings.task_memory,
            ephemeral_storage_gib=settings.task_disk,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=cpu, operating_system_family=ecs.OperatingSystemFamily.LINUX
            ),
            task_role=self.role,
            volumes=[ecs.Volume(name="scratch")],
        )
        self.execution_role = self.definition.obtain_execution_role()
        nag.acknowledge(
            self.execution_role,
            "IAM5[Resource::*]",
            'GetAuthorizationToken takes no resource ("Actions defined by Amazon ECR").',
        )
        nag.acknowledge(
            self.definition,
            "ECS2",
            "The environment holds names of resources and limits: no secret, and nothing that a "
            "parameter would keep from anybody who may see the task.",
        )
        self.logs = log_group(self)
        container = self._container(platform, settings)
        container.add_mount_points(
            ecs.MountPoint(container_path=SCRATCH, source_volume="scratch", read_only=False)
        )

    def _container(
        self, platform: ecr_assets.Platform, settings: ConverterSettings
    ) -> ecs.ContainerDefinition:
        return self.definition.add_container(
            self.container_name,
            # What of the repository is its context, and all that its hash goes by: .dockerignore.
            image=ecs.ContainerImage.from_asset(
                str(_ROOT), file="tasks/converter/Dockerfile", platform=platform
            ),
            environment=settings.to_env(),
            user=_NOBODY,
            readonly_root_filesystem=True,
            linux_parameters=self._linux(),
            stop_timeout=_GRACE,
            logging=ecs.LogDrivers.aws_logs(stream_prefix=self.container_name, log_group=self.logs),
        )

    def _linux(self) -> ecs.LinuxParameters:
        # An init process, because a child that outlives ffmpeg's group has nobody else to reap it.
        linux = ecs.LinuxParameters(self, "Linux", init_process_enabled=True)
        linux.drop_capabilities(ecs.Capability.ALL)
        return linux
