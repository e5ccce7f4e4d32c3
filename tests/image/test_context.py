"""What decides that the image is built anew: the files it is made of, and nothing beside them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_ecr_assets as ecr_assets

from local.image.build import DOCKERFILE, ROOT, SOURCES

_ROOMS = ("conversion", "tasks", "docs", "tests/image")
_FILES = (".dockerignore", "README.md", "pyproject.toml")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy to edit, of what is let in and of some that is not."""
    copy = tmp_path_factory.mktemp("repository") / "sluice"
    for room in _ROOMS:
        shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    for file in _FILES:
        shutil.copy(ROOT / file, copy / file)
    return copy


def _hash(repository: Path) -> str:
    """The CDK's, which names the image in ECR."""
    asset = ecr_assets.DockerImageAsset(
        Stack(App(), "Stack"), "Image", directory=str(repository), file=DOCKERFILE
    )
    return asset.asset_hash


@pytest.fixture(scope="module")
def before(repository: Path) -> str:
    return _hash(repository)


@pytest.mark.parametrize(
    "path", ["README.md", "pyproject.toml", "docs/new.md", "tests/image/test_new.py"]
)
def test_an_edit_beside_the_image_builds_none(repository: Path, before: str, path: str) -> None:
    assert _edited(repository, path) == before


def test_bytecode_that_a_run_left_builds_none(repository: Path, before: str) -> None:
    assert _edited(repository, "conversion/__pycache__/job.cpython-311.pyc") == before


@pytest.mark.parametrize(
    "path",
    [
        "conversion/formats.py",
        "conversion/stores/jobs.py",
        "tasks/converter/encode.py",
        "tasks/converter/requirements.txt",
        "tasks/converter/image/components",
        DOCKERFILE,
    ],
)
def test_an_edit_of_what_is_in_it_builds_another(repository: Path, before: str, path: str) -> None:
    assert _edited(repository, path) != before


def _edited(repository: Path, path: str) -> str:
    """The hash with a line more in that file, which is as it was afterwards."""
    edited = repository / path
    held = edited.read_bytes() if edited.exists() else None
    edited.parent.mkdir(exist_ok=True)
    edited.write_bytes((held or b"") + b"\n# edited\n")
    try:
        return _hash(repository)
    finally:
        edited.unlink() if held is None else edited.write_bytes(held)


def test_what_an_output_is_made_by_is_pinned() -> None:
    said = (ROOT / DOCKERFILE).read_text()
    assert re.search(r"^ARG BASE=\S+@sha256:[0-9a-f]{64}$", said, re.M)
    assert re.search(r"^ARG FFMPEG_SHA256=[0-9a-f]{64}$", said, re.M)
    libraries = re.findall(r"\blib(?:mp3lame|ogg|opus|vorbis)-dev\S*", said)
    assert len(libraries) == 4
    assert all("=" in each for each in libraries)


def test_the_source_is_taken_from_where_the_dockerfile_says_if_that_answers() -> None:
    """`make image` knows Debian's copy of the same file too."""
    [source] = re.findall(r"^ARG FFMPEG_SOURCE=(\S+)$", (ROOT / DOCKERFILE).read_text(), re.M)
    version = re.search(r"-([\d.]+)\.tar", source)
    assert version is not None
    assert SOURCES[0].format(version=version[1]) == source
