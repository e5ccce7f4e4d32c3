"""The assembly is made once for each state of its inputs, whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from local import synth
from local.errors import SynthFailed

# Stands in for app.py: what it does with CDK_OUTDIR and the context is all that matters here.
APP = """
import json, os, pathlib
made = pathlib.Path(os.environ["CDK_OUTDIR"])
made.mkdir()
runs = pathlib.Path("runs")
runs.write_text(str(int(runs.read_text()) + 1 if runs.exists() else 1))
(made / "manifest.json").write_text(os.environ["CDK_CONTEXT_JSON"])
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "cdk.json").write_text('{"app": "python app.py", "context": {"stage": "dev"}}')
    (tmp_path / "infra").mkdir()
    (tmp_path / "infra" / "stack.py").write_text("1")
    monkeypatch.setattr(synth, "ROOT", tmp_path)
    monkeypatch.setattr(synth, "CACHE", tmp_path / "build" / "synth")
    return tmp_path


def test_an_assembly_is_made_with_the_context_of_cdk_json_and_our_options(project: Path) -> None:
    context = json.loads((synth.synthesise() / "manifest.json").read_text())

    assert context == {"stage": "dev", **synth.OPTIONS}


def test_the_same_inputs_are_synthesised_once(project: Path) -> None:
    (project / "infra" / "__pycache__").mkdir()
    first = synth.synthesise()
    (project / "infra" / "__pycache__" / "stack.pyc").write_text("no input")

    assert synth.synthesise() == first
    assert (project / "runs").read_text() == "1"


def test_a_cap_keeps_two_hundred_jobs_from_swamping_a_laptop() -> None:
    cores = os.cpu_count() or 1
    assert synth.OPTIONS["maxRunningJobs"] == 2 * cores


def test_another_choice_is_another_assembly(project: Path) -> None:
    plain, chosen = synth.synthesise(), synth.synthesise({"progressStore": "redis"})

    assert plain != chosen
    context = json.loads((chosen / "manifest.json").read_text())
    assert context == {"stage": "dev", **synth.OPTIONS, "progressStore": "redis"}
    assert synth.synthesise() == plain
    assert (project / "runs").read_text() == "2"


@pytest.mark.parametrize("change", ["app.py", "infra/stack.py", "infra/new.py"])
def test_a_change_is_synthesised_anew_and_going_back_is_not(project: Path, change: str) -> None:
    first = synth.synthesise()
    before = (project / change).read_text() if (project / change).exists() else None
    (project / change).write_text((before or "") + "\n# changed")

    assert synth.synthesise() != first
    if before is None:
        (project / change).unlink()
    else:
        (project / change).write_text(before)
    assert synth.synthesise() == first
    assert (project / "runs").read_text() == "2"


def test_only_the_last_few_are_kept(project: Path) -> None:
    for number in range(synth.KEPT + 3):
        (project / "infra" / "stack.py").write_text(str(number))
        last = synth.synthesise()

    kept = [each for each in (project / "build" / "synth").iterdir() if each.is_dir()]
    assert (len(kept), last in kept) == (synth.KEPT, True)


def test_a_failing_app_says_what_it_said_and_leaves_nothing(project: Path) -> None:
    (project / "app.py").write_text("import sys; print('made'); sys.exit('no such construct')")

    with pytest.raises(SynthFailed, match=r"(?s)code 1:.*no such construct"):
        synth.synthesise()

    assert [each.name for each in (project / "build" / "synth").iterdir()] == ["lock"]
