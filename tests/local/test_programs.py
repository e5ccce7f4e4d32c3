"""Finding an ffmpeg and a Node that are good enough, among those that are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.errors import NotInstalled
from local.ffmpeg import Ffmpeg, find_ffmpeg, lacks
from local.node import find_node, major_version


def program(directory: Path, name: str, script: str) -> Path:
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def bare_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing but what a test puts there."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("SLUICE_FFMPEG", raising=False)
    monkeypatch.delenv("SLUICE_FFPROBE", raising=False)
    return tmp_path


def test_the_wheels_ffmpeg_is_good_enough_and_found_on_a_bare_machine(bare_path: Path) -> None:
    found = find_ffmpeg()

    assert lacks(found) == ""
    assert found.ffmpeg.parent.name == "binaries"


def test_a_named_ffmpeg_comes_before_all(
    bare_path: Path, monkeypatch: pytest.MonkeyPatch, ffmpeg: Ffmpeg
) -> None:
    link = bare_path / "mine"
    link.symlink_to(ffmpeg.ffmpeg)
    monkeypatch.setenv("SLUICE_FFMPEG", str(link))
    monkeypatch.setenv("SLUICE_FFPROBE", str(ffmpeg.ffprobe))

    assert find_ffmpeg() == Ffmpeg(link, ffmpeg.ffprobe)


def test_one_on_path_that_is_good_enough_comes_before_the_wheels(
    bare_path: Path, ffmpeg: Ffmpeg
) -> None:
    (bare_path / "ffmpeg").symlink_to(ffmpeg.ffmpeg)
    (bare_path / "ffprobe").symlink_to(ffmpeg.ffprobe)

    assert find_ffmpeg().ffmpeg == bare_path / "ffmpeg"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo ffmpeg version 4.4.2-0ubuntu0", "version 5.1"),
        ("exit 1", "a working program"),
        ("echo ffmpeg version n7.1", "aac, alac, flac, ftp, http, libmp3lame"),
    ],
)
def test_one_on_path_that_is_not_good_enough_is_passed_over(
    bare_path: Path, script: str, reason: str
) -> None:
    pair = Ffmpeg(program(bare_path, "ffmpeg", script), program(bare_path, "ffprobe", script))

    assert reason in lacks(pair)
    assert find_ffmpeg().ffmpeg.parent.name == "binaries"


def test_a_named_one_that_is_not_good_enough_is_an_error_that_says_so(
    bare_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = program(bare_path, "old", "echo ffmpeg version 4.4")
    monkeypatch.setenv("SLUICE_FFMPEG", str(old))
    monkeypatch.setenv("SLUICE_FFPROBE", str(old))

    with pytest.raises(NotInstalled, match=r"lacks version 5\.1.*make install"):
        find_ffmpeg()


def test_the_wheels_node_is_found_on_a_bare_machine(bare_path: Path) -> None:
    assert major_version(find_node()) >= 22


def test_a_node_on_path_is_taken_when_it_is_new_enough(bare_path: Path) -> None:
    node = program(bare_path, "node", "echo v24.1.0")
    assert find_node() == node

    program(bare_path, "node", "echo v18.0.0")
    assert find_node() != node


def test_a_node_that_does_not_run_has_no_version(tmp_path: Path) -> None:
    assert major_version(tmp_path / "none") == 0
    assert major_version(program(tmp_path, "node", "echo hello")) == 0
