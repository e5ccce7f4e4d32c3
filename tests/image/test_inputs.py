"""The image's own ffmpeg reads what a whole ffmpeg does: every recipe of the converter's tests."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from local.ffmpeg import Ffmpeg, find_ffmpeg
from local.image.container import Image, Unpacked
from tests.converter.judge import judge
from tests.converter.recipes import RECIPES
from tests.converter.sounds import Sounds

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Sounds:
    """Made by the whole one, which has encoders for them."""
    return Sounds(find_ffmpeg(), tmp_path_factory.mktemp("sounds"))


@pytest.fixture(scope="module")
def own(image: Image) -> Ffmpeg:
    """Outside the container, next to the tests' gate; where its C library is this machine's."""
    if not isinstance(image, Unpacked):
        pytest.skip("the image is in Docker's store: its programs cannot be run outside")
    programs = image.root / "usr" / "bin"
    pair = Ffmpeg(programs / "ffmpeg", programs / "ffprobe")
    if subprocess.run([pair.ffmpeg, "-version"], capture_output=True).returncode != 0:
        pytest.skip("the image's ffmpeg does not run on this machine's C library")
    return pair


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_the_image_reads(name: str, own: Ffmpeg, sounds: Sounds) -> None:
    data = Path(sounds.path(name)).read_bytes()

    here, whole = judge(own, data), judge(sounds.ffmpeg, data)

    assert (here.code, here.samples) == (whole.code, whole.samples)
