"""README's HTTP examples, as they are written there but for the address: a shell, and curl."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from local.child import ROOT
from local.ffmpeg import Ffmpeg
from tests.end_to_end import journey
from tests.end_to_end.conftest import Pipeline

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")

_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ADDRESS = re.compile(r"^API=http://127\.0\.0\.1:8787/v1$", re.MULTILINE)
# A problem of ours has a code, an answer of API Gateway's own a message, and S3's are XML.
_REFUSAL = re.compile(r'"(code|message)"\s*:|<Error>')
# What each of them leaves in its shell, for the tests to look at.
_TOLD = 'echo "$JOB" > job; echo "$FILE" > file'


@dataclass(frozen=True)
class Walked:
    """The folder in which the examples were typed, the API they spoke to, and what they said."""

    folder: Path
    api: str
    said: str

    def told(self, name: str) -> str:
        return (self.folder / name).read_text().strip()


def examples(api: str) -> str:
    """One after the other in one shell, since the later ones use what the earlier ones set; sent to
    this pipeline's port, since anything may listen on the usual one."""
    blocks = _BLOCK.findall((ROOT / "README.md").read_text())
    text, addresses = _ADDRESS.subn(f"API={api}", "".join(x for x in blocks if "curl " in x))
    assert addresses == 1, "the examples do not say once where `make up` has the API"
    return text


@pytest.fixture(scope="module")
def walked(
    pipeline: Pipeline,
    music: dict[str, Path],
    concert: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Walked:
    folder = tmp_path_factory.mktemp("readme")
    shutil.copy(music["wav"], folder / "talk.wav")
    shutil.copy(concert, folder / "concert.wav")
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", f"{examples(pipeline.api)}\n{_TOLD}"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=3 * journey.PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return Walked(folder, pipeline.api, done.stdout + done.stderr)


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
    kept = {each.name: each.read_text() for each in walked.folder.glob("*.json")}
    assert {"upload.json", "job.json", "signed.json"} <= kept.keys()
    told = kept | {"the terminal": walked.said}
    assert {name: text for name, text in told.items() if _REFUSAL.search(text)} == {}
