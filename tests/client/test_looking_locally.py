"""The verbs that look, at the pipeline itself: what they read is what it says."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.client.conftest import SLUICE, environment

Sluice = Callable[..., str]


@pytest.fixture(scope="module")
def sluice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sluice]:
    """Run it with these arguments at a local pipeline; its standard output."""
    folder = tmp_path_factory.mktemp("looking")
    running = subprocess.Popen(
        [*SLUICE, "up", "--port", "0"], stdout=subprocess.PIPE, text=True, env=environment()
    )
    assert running.stdout is not None
    ready = running.stdout.readline()
    url = next(word for word in ready.split() if word.startswith("http"))

    def sluice(*arguments: str, code: int = 0) -> str:
        ran = subprocess.run(
            [*SLUICE, *arguments, "--api", url],
            cwd=folder,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert ran.returncode == code, ran.stderr
        return ran.stdout

    yield sluice
    running.terminate()
    assert running.wait(60) in (0, 143)
    running.stdout.close()


@pytest.mark.long
def test_a_job_is_found_watched_downloaded_and_its_story_told(sluice: Sluice) -> None:
    said = sluice("doctor")
    assert {line.split()[0] for line in said.splitlines()} == {"ok"}, said

    (job,) = map(json.loads, sluice("jobs", "--status", "completed", "--json").splitlines())
    assert (job["fileName"], job["deleteAfterDownload"]) == ("sluice-doctor.wav", True)
    assert job["jobId"] in sluice("jobs", "--file", job["fileId"])
    assert sluice("jobs", "--status", "failed") == ""

    assert sluice("watch", job["jobId"]).startswith(f"{job['jobId']}: completed (0:01, ")

    saved = json.loads(sluice("download", job["jobId"], "--out", "out", "--json"))
    assert saved["bytes"] == job["output"]["bytes"]
    assert saved["output"] == str(Path("out") / "sluice-doctor.mp3")

    history = json.loads(sluice("inspect", job["jobId"], "--json"))
    assert history["execution"]["status"] == "SUCCEEDED"
    assert [each["exitCode"] for each in history["attempts"]] == [0]
    assert "Convert" in {each["name"] for each in history["states"]}
    assert "completed" in {each["message"] for each in history["log"]}
    story = sluice("inspect", job["jobId"])
    for title in ("Execution: SUCCEEDED", "States", "Attempts", "Log"):
        assert title in story

    formats = json.loads(sluice("formats", "--json"))["formats"]
    assert {"mp3", "flac", "opus"} <= {each["name"] for each in formats}
    assert sluice("cancel", job["jobId"], code=1) == ""
    assert sluice("inspect", "f" * 32, code=1) == ""
