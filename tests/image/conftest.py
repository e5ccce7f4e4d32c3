"""The image as `make image` builds it: once, and kept for as long as its sources stay the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.child import Engine
from local.errors import NotInstalled
from local.image.build import build
from local.image.container import Image
from local.image.trial import Trial


@pytest.fixture(scope="session")
def image() -> Image:
    try:
        built = build()
        built.run(["python", "--version"], {})
    except NotInstalled as error:
        pytest.skip(str(error))
    return built


@pytest.fixture(scope="session")
def trial(image: Image) -> Iterator[Trial]:
    with Engine() as engine:
        yield Trial(image, engine)
