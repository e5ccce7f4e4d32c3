"""The backends that each contract is run over: a new one adds its name and a fixture of that name.

Every test gets a store that holds nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from conversion.job import JobStore
from conversion.progress import ProgressStore
from conversion.stores import clients
from conversion.stores.jobs import Jobs
from conversion.stores.progress import ProgressTable
from conversion.stores.uploads import Uploads
from conversion.uploads import UploadStore
from tests.contract import pretend, tables


@pytest.fixture(params=["jobs_in_dynamodb"])
def jobs(request: pytest.FixtureRequest) -> JobStore:
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["progress_in_dynamodb"])
def progress(request: pytest.FixtureRequest) -> ProgressStore:
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["uploads_in_dynamodb"])
def uploads(request: pytest.FixtureRequest) -> UploadStore:
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


@pytest.fixture
def uploads_in_dynamodb(dynamodb: Any) -> Uploads:
    return Uploads(dynamodb, tables.UPLOADS)
