"""What functions are built from and wired to."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import Duration

from conversion.settings import Settings
from conversion.stores.job_indexes import BY_STATUS
from infra.constructs.function import Functions, Place, PythonFunction
from infra.constructs.permissions import Wildcard, allow
from infra.options import Options
from infra.stacks.conversion import ConversionStack
from infra.stacks.storage import StorageStack

# API Gateway waits 30 s; with ten, a store that hangs can still be answered for.
TIMEOUT = Duration.seconds(10)


@dataclass(frozen=True)
class Around:
    options: Options
    storage: StorageStack
    conversion: ConversionStack
    functions: Functions

    @property
    def operators(self) -> str:
        return operators(self.options)

    @property
    def uploaded(self) -> Wildcard:
        return self.storage.bucket.uploaded

    def make(
        self,
        id: str,
        name: str,
        settings: Settings,
        place: Place | None = None,
        timeout: Duration = TIMEOUT,
    ) -> PythonFunction:
        return self.functions.make(id, name, settings, timeout, place)

    def may_count_waiting(self, function: PythonFunction) -> None:
        allow(function.role, ["dynamodb:GetItem"], self.storage.slots.table_arn)
        waiting = self.storage.jobs.index_arn(BY_STATUS.name)
        allow(function.role, ["dynamodb:Query"], waiting)

    def may_remember_requests(self, function: PythonFunction) -> None:
        may_remember_requests(self.storage, function)


def operators(options: Options) -> str:
    """As the settings of functions that tell callers apart hold them."""
    return ",".join(options.operators)


def may_remember_requests(storage: StorageStack, function: PythonFunction) -> None:
    """The record of an Idempotency-Key (lambdas/idempotency.py)."""
    actions = [f"dynamodb:{each}Item" for each in ("Delete", "Get", "Put", "Update")]
    allow(function.role, actions, storage.idempotency.table_arn)
