"""The backends that each contract is run over: a new one adds its name and a fixture of that name.

Every test gets a store that holds nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from conversion.capacity import Slots
from conversion.job_store import JobStore
from conversion.progress import ProgressStore
from conversion.stores import clients
from conversion.stores.jobs import Jobs
from conversion.stores.progress import ProgressTable
from conversion.stores.redis_first import RedisFirst
from conversion.stores.redis_progress import RedisProgress
from conversion.stores.slots import SlotsTable
from conversion.stores.uploads import Uploads
from conversion.uploads import UploadStore
from local.redis import Redis
from tests.contract import pretend, tables


@pytest.fixture(params=["jobs_in_dynamodb"])
def jobs(request: pytest.FixtureRequest) -> JobStore:
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["progress_in_dynamodb", "progress_in_redis"])
def progress(request: pytest.FixtureRequest) -> ProgressStore:
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["uploads_in_dynamodb"])
def uploads(request: pytest.FixtureRequest) -> UploadStore:
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["slots_in_dynamodb"])
def slots_of(request: pytest.FixtureRequest) -> Callable[[int], Slots]:
    """`slots_of(most)`: the same slots each time, under another cap where it is another."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def dynamodb() -> Iterator[Any]:
    with pretend.aws():
        client = clients.dynamodb()
        tables.create_tables(client)
        yield client


@pytest.fixture
def jobs_in_dynamodb(dynamodb: Any) -> Jobs:
    return Jobs(dynamodb, tables.JOBS)


@pytest.fixture
def progress_in_dynamodb(dynamodb: Any) -> ProgressTable:
    return ProgressTable(dynamodb, tables.PROGRESS)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Redis]:
    with Redis() as server:
        yield server


@pytest.fixture
def progress_in_redis(
    redis_server: Redis, progress_in_dynamodb: ProgressTable
) -> Iterator[RedisFirst]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1")  # not on AWS: no TLS
        client = clients.redis(redis_server.host, redis_server.port)
    client.flushall()
    yield RedisFirst(RedisProgress(client), progress_in_dynamodb)
    client.close()


@pytest.fixture
def uploads_in_dynamodb(dynamodb: Any) -> Uploads:
    return Uploads(dynamodb, tables.UPLOADS)


@pytest.fixture
def slots_in_dynamodb(dynamodb: Any) -> Callable[[int], Slots]:
    return lambda most: SlotsTable(dynamodb, tables.SLOTS, most)
