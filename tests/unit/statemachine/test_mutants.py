"""What the checks of test_definitions.py are worth: each mistake is found by the one named here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.statemachine import playing, services, validator
from tests.unit.statemachine.definitions import DIRECTORY, Definition, fill, read
from tests.unit.statemachine.evaluation import QueryEvaluationError

_PATH = DIRECTORY / "conversion.asl.json"

# Text of the definition, and what somebody might have typed instead.
AGAINST_THE_LANGUAGE = {
    "a target that is not there": ('"Next": "Pause"', '"Next": "Paws"'),
    "a type that is none": ('"Type": "Wait"', '"Type": "Sleep"'),
    "a field of JSONPath's": ('"Seconds":', '"SecondsPath":'),
    "a state nobody reaches": ('"Pause": {', '"Stray": { "Type": "Succeed" }, "Pause": {'),
    "two states of one name": (
        '"Cancelled": { "Type": "Succeed" }',
        '"Cancelled": { "Type": "Parallel", "End": true, "Branches": [{ "StartAt": "Completed", '
        '"States": { "Completed": { "Type": "Succeed" } } }] }',
    ),
    "a rule without errors": ('"ErrorEquals": ["States.ALL"],', ""),
    "a catch that leads nowhere": ('"Next": "TryAgain"', '"Nextt": "TryAgain"'),
}
AGAINST_THE_SERVICE = {
    "an argument misspelt": ('"Cluster":', '"Clusters":'),
    "an argument in the API's own case": ('"TaskDefinition":', '"taskDefinition":'),
    "an argument deep below": ('"AwsvpcConfiguration":', '"AwsVpcConfiguration":'),
    "a required one left out": ('"ConsistentRead": true', '"TableName": "x"'),
    "a value that is none of its kind": ('"${AssignPublicIp}"', '"YES"'),
    "a number as text": ('"Weight": 1', '"Weight": "1"'),
    "text for a flag": ('"ConsistentRead": true', '"ConsistentRead": "yes"'),
    "an action that is none": ("dynamodb:getItem", "dynamodb:readItem"),
    "a service that is none": ("dynamodb:getItem", "dynamo:getItem"),
    "an action in the wrong case": ("dynamodb:getItem", "dynamodb:GetItem"),
    "an error that never comes": ("DynamoDB.ConditionalCheckFailedException", "DynamoDB.NotMet"),
    "an error of another service": ("Lambda.TooManyRequestsException", "ECS.TooManyRequests"),
    "an error asked for in an expression": ("'ECS.BlockedException'", "'ECS.Blocked'"),
    "an error that nobody raises": ("Lambda.TooManyRequestsException", "TooManyOfThem"),
    "a result that is not answered": (
        "$states.result.Item.failure",
        "$states.result.Items.failure",
    ),
}
AGAINST_WHAT_WAS_RECORDED = {
    "an expression that does not parse": ("$notStarted < 100 %}", "$notStarted < %}"),
    "a function that is none": ("$power(1.5", "$pow(1.5"),
    "a field that is not there": ("$states.input.seconds %}", "$states.input.second %}"),
    "a variable that is not there": ("{% $crashed + 1 %}", "{% $crashes + 1 %}"),
    "a condition that is no truth": ("{% $states.input.status = 'completed' %}", "completed"),
    "a wait for a fraction": ("$ceil((0.5", "((0.5"),
    "a number where text is wanted": ("{% $string($max([0", "{% ($max([0"),
    "a variable assigned too late": ('"Assign": { "notStarted": 0,', '"Assign": { "started": 0,'),
    "an exit code forgotten": ("(75|143)", "(75)"),
    "a stop code forgotten": ("TaskFailedToStart", "TaskFailedToBegin"),
    "a cause read as JSON": ("$string($states.errorOutput.C", "$parse($states.errorOutput.C"),
    "an error forgotten": ("'ECS.InvalidParameterException', ", ""),
    "a status forgotten": ("in ['failed', 'missing']", "in ['failed']"),
    "a redrive forgotten": ("RedriveCount]) > $states.input.redrive %}", "RedriveCount]) > 99 %}"),
    "one try too few": ("$interrupted < 20", "$interrupted < 19"),
    "a variable of the environment misspelt": ("'_X_AMZN_TRACE_ID'", "'X_AMZN_TRACE_ID'"),
    "Spot again after Spot": ("$notStarted + $interrupted = 0", "$notStarted = 0"),
}  # fmt: skip


def _mutant(change: tuple[str, str]) -> Definition:
    text = _PATH.read_text()
    assert change[0] in text, f"{change[0]} is no longer in the definition"
    if change[1] == '"TableName": "x"':
        text = text.replace('"TableName": "${JobsTable}",', "")
    return Definition("conversion", fill(text.replace(*change)))


def test_the_language_s_mistakes_are_refused(tmp_path: Path) -> None:
    paths = []
    for name, change in AGAINST_THE_LANGUAGE.items():
        paths.append(tmp_path / f"{name}.json")
        paths[-1].write_text(_mutant(change).text)

    assert set(validator.refused(paths)) == {path.name for path in paths}


@pytest.mark.parametrize("name", AGAINST_THE_SERVICE)
def test_a_mistake_in_a_call_is_a_misfit(name: str) -> None:
    assert list(services.misfits_in(_mutant(AGAINST_THE_SERVICE[name])))


@pytest.mark.parametrize("name", AGAINST_WHAT_WAS_RECORDED)
def test_a_mistake_in_an_expression_leads_some_recording_astray(name: str) -> None:
    assert next(_astray(_mutant(AGAINST_WHAT_WAS_RECORDED[name])), None)


def test_no_recording_is_led_astray_without_a_mistake() -> None:
    assert list(_astray(read(_PATH))) == []


def _astray(definition: Definition) -> Iterator[str]:
    for path in playing.recordings(definition.name):
        told = json.loads(path.read_text())
        try:
            played = playing.play(definition, told)
        except (AssertionError, QueryEvaluationError, KeyError):
            yield path.stem
            continue
        if (played.passed, played.ends) != (told["passes"], told["ends"]):
            yield path.stem
