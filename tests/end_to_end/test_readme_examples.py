"""README's HTTP examples, exactly as they are written there: a shell, and curl."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from local.child import ROOT
from local.errors import PortInUse
from local.ffmpeg import Ffmpeg
from local.gateway import Gateway, listen
from tests.end_to_end import journey
from tests.end_to_end.conftest import Pipeline

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")

_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ADDRESS = re.compile(r"^API=(http://127\.0\.0\.1:(\d+)/v1)$", re.MULTILINE)
# What each of them leaves in its shell, for the tests to look at.
_TOLD = 'echo "$JOB" > job; echo "$FILE" > file'


@dataclass(frozen=True)
class Walked:
    """The folder in which the examples were typed, the address they named, and what they said."""

    folder: Path
    api: str
    said: str

    def told(self, name: str) -> str:
        return (self.folder / name).read_text().strip()


def examples() -> str:
    """One after the other in one shell, since the later ones use what the earlier ones set."""
    blocks = _BLOCK.findall((ROOT / "README.md").read_text())
    return "".join(each for each in blocks if "curl " in each)


@pytest.fixture(scope="module")
def address(pipeline: Pipeline) -> Generator[str]:
    """The pipeline, at the address that README names."""
    found = _ADDRESS.search(examples())
    assert found, "the examples do not say where the API is"
    [api] = pipeline.client("apigatewayv2").get_apis()["Items"]
    try:
        listener = listen(int(found[2]))
    except PortInUse:
        pytest.skip(f"something else listens on port {found[2]}")
    with listener, Gateway(listener, pipeline.engine, api["ApiId"]):
        yield found[1]


@pytest.fixture(scope="module")
def walked(
    address: str,
    music: dict[str, Path],
    concert: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Walked:
    folder = tmp_path_factory.mktemp("readme")
    shutil.copy(music["wav"], folder / "talk.wav")
    shutil.copy(concert, folder / "concert.wav")
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", f"{examples()}\n{_TOLD}"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=3 * journey.PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return Walked(folder, address, done.stdout + done.stderr)


def test_a_small_file_goes_up_by_one_put_and_comes_down_converted(
    walked: Walked, ffmpeg: Ffmpeg
) -> None:
    job = httpx.get(f"{walked.api}/jobs/{walked.told('job')}", timeout=30).json()
    assert (job["status"], job["output"]["fileName"]) == ("completed", "talk.mp3")
    output = walked.folder / "talk.mp3"
    assert output.stat().st_size == job["output"]["bytes"]
    assert journey.decoded_seconds(ffmpeg, output) == pytest.approx(5, abs=0.1)


def test_a_large_file_goes_up_in_parts_and_is_converted(walked: Walked) -> None:
    [job] = journey.jobs_of(walked.api, walked.told("file"))
    done = journey.finished(walked.api, job["jobId"])
    assert (done["status"], done["fileName"]) == ("completed", "concert.wav")
    assert done["source"]["bytes"] == (walked.folder / "concert.wav").stat().st_size


def test_no_request_of_the_examples_is_refused(walked: Walked) -> None:
    assert '"code"' not in walked.said
    assert "<Error>" not in walked.said
