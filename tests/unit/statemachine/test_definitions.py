"""Every state machine of statemachine/: what can be said of it without running it on AWS.

asl-validator knows the language, botocore's models the services, and the recordings of
tests/events/states what a state is told: each finds what the others miss (test_mutants.py).
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.statemachine import playing, services, validator
from tests.unit.statemachine.definitions import PATHS, expressions, read

_NAMES = [path.name.removesuffix(".asl.json") for path in PATHS]
_RECORDINGS = playing.recordings()


def test_there_is_a_definition_and_it_is_recorded() -> None:
    assert "conversion" in _NAMES
    assert len(_RECORDINGS) > 20


def test_the_language_is_kept_to(tmp_path: Path) -> None:
    filled = [tmp_path / path.name for path in PATHS]
    for path, copy in zip(PATHS, filled, strict=True):
        copy.write_text(read(path).text)

    assert validator.refused(filled) == {}


@pytest.mark.parametrize("path", PATHS, ids=_NAMES)
def test_every_call_is_one_that_its_service_knows(path: Path) -> None:
    assert list(services.misfits_in(read(path))) == []


@pytest.mark.parametrize("recording", _RECORDINGS, ids=[each.stem for each in _RECORDINGS])
def test_what_was_recorded_goes_the_way_it_should(recording: Path) -> None:
    """Each call on it is held to the service's model as well, with the values it is made with."""
    told = json.loads(recording.read_text())

    played = playing.play(_definition_of(recording), told)

    assert played.passed == told["passes"]
    assert played.ends == told["ends"]


@pytest.mark.parametrize("path", PATHS, ids=_NAMES)
def test_every_expression_is_evaluated_on_something_recorded(path: Path) -> None:
    definition = read(path)
    evaluated: set[str] = set()
    for recording in playing.recordings(definition.name):
        evaluated |= playing.play(definition, json.loads(recording.read_text())).evaluated

    assert {where for where, _ in expressions(definition.asl)} - evaluated == set()


@pytest.mark.parametrize("path", PATHS, ids=_NAMES)
def test_every_state_is_passed_by_something_recorded(path: Path) -> None:
    definition = read(path)
    passed: set[str] = set()
    for recording in playing.recordings(definition.name):
        passed |= set(playing.play(definition, json.loads(recording.read_text())).passed)

    assert set(definition.states) - passed == set()


def _definition_of(recording: Path) -> services.Definition:
    (path,) = (
        path for path, name in zip(PATHS, _NAMES, strict=True)
        if recording.name.startswith(f"{name}_")
    )  # fmt: skip
    return read(path)
