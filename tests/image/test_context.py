"""What decides that the image is built anew: the files it is made of, and nothing beside them."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_ecr_assets as ecr_assets

from local.image import build
from local.image.build import DOCKERFILE, ROOT

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


def test_the_source_is_one_file_at_every_address() -> None:
    """By its release's name or its SHA-1: the build holds whatever it gets to the SHA-256."""
    [sources] = re.findall(r'^ARG FFMPEG_SOURCES="(.+)"$', (ROOT / DOCKERFILE).read_text(), re.M)
    own, copy, kept = sources.split()
    [release] = re.findall(r"/ffmpeg-([\d.]+)\.tar\.xz$", own)
    assert copy.endswith(f"/ffmpeg_{release}.orig.tar.xz")
    assert re.search(r"^http://snapshot\.debian\.org/file/[0-9a-f]{40}$", kept)


_FETCH = ROOT / "tasks/converter/image/fetch.sh"
needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="no curl on PATH")


def _fetch(digest: str, into: Path, *addresses: Path) -> subprocess.CompletedProcess[str]:
    words = ["sh", str(_FETCH), digest, str(into), *(each.as_uri() for each in addresses)]
    return subprocess.run(words, capture_output=True, text=True)


@needs_curl
def test_the_source_comes_from_the_first_address_that_has_its_bytes(tmp_path: Path) -> None:
    other, right = tmp_path / "other", tmp_path / "right"
    other.write_text("a page that says it moved")
    right.write_text("the release")
    digest = hashlib.sha256(right.read_bytes()).hexdigest()

    done = _fetch(digest, tmp_path / "into", tmp_path / "absent", other, right)

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "into").read_text() == "the release"


@needs_curl
def test_a_source_of_other_bytes_builds_nothing(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("something else")
    digest = hashlib.sha256(b"the release").hexdigest()

    done = _fetch(digest, tmp_path / "into", other)

    assert done.returncode == 1
    assert f"SHA-256 {digest}" in done.stderr


def test_an_engine_that_hangs_is_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = tmp_path / "docker"
    client.write_text("#!/bin/sh\nexec sleep 60\n")
    client.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(build, "DOCKER_SECONDS", 0.1)

    assert not build.docker_answers()
