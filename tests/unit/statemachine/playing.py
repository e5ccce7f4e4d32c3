"""Plays a recorded execution: what each call answered is told, all else the definition decides.

A recording is a file of tests/events/states/: an execution's input, what its Task and Map states
were answered after their Retry, one after the other, the states it passes and how it ends. An
answer with a `redrive` stands for a redrive of the execution, which enters its last state again;
one with `asked` tells arguments that the call must have had; `times` says how often it came.
"""

from __future__ import annotations

import copy
import json
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.unit.statemachine import services
from tests.unit.statemachine.definitions import Definition
from tests.unit.statemachine.evaluation import Evaluator

RECORDINGS = Path(__file__).parents[2] / "events" / "states"
# API_HistoryEvent, TaskFailedEventDetails.
_LONGEST_CAUSE = 32_768
# "Maximum wait time" of a Wait state's Seconds (Amazon States Language, Wait).
_LONGEST_WAIT = 99_999_999


class Uncaught(Exception):
    """Ends the execution."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(f"{error}: {cause}")
        self.error, self.cause = error, cause


@dataclass
class Played:
    """`evaluated`: the places, in the file, of the expressions that were."""

    passed: list[str] = field(default_factory=list[str])
    evaluated: set[str] = field(default_factory=set[str])
    ends: str = ""
    output: Any = None


def recordings(name: str = "*") -> list[Path]:
    return sorted(RECORDINGS.glob(f"{name}_*.json"))


def play(definition: Definition, recording: dict[str, Any]) -> Played:
    played = Played()
    run = _Run(deque(_told(recording)), played, recording["input"])
    try:
        played.output = run.machine(definition.asl, "", recording["input"])
        played.ends = "Succeeded"
    except Uncaught as failure:
        played.ends = failure.error
    assert not run.answers, f"never asked for: {list(run.answers)}"
    return played


def _told(recording: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in recording["answers"] for _ in range(each.get("times", 1))]


class _Run:
    def __init__(self, answers: deque[dict[str, Any]], played: Played, given: Any) -> None:
        self.answers, self._played = answers, played
        self._evaluate = Evaluator(played.evaluated.add)
        self._variables: dict[str, Any] = {}
        self._context: dict[str, Any] = {
            "Execution": {
                "Id": "arn:aws:states:eu-west-1:123456789012:execution:flow:e1",
                "Input": given,
                "Name": "e1",
                "StartTime": "2026-11-22T09:00:00.000Z",
            },
            "StateMachine": {"Id": "arn:aws:states:eu-west-1:123456789012:stateMachine:flow"},
            "State": {},
        }

    def machine(self, asl: dict[str, Any], where: str, given: Any) -> Any:
        name: str | None = asl["StartAt"]
        while name is not None:
            self._played.passed.append(name)
            self._context["State"] = {"Name": name, "RetryCount": 0}
            name, given = self._state(asl["States"][name], f"{where}/States/{name}", given)
        return given

    def _state(self, state: dict[str, Any], where: str, given: Any) -> tuple[str | None, Any]:
        """Where it leads, None for the end, and with what."""
        states = {"input": given, "context": self._context}
        kind = state["Type"]
        if kind == "Fail":
            raise Uncaught(*(self._of(state, key, where, states) for key in ("Error", "Cause")))
        if kind == "Choice":
            return self._choice(state, where, states)
        if kind == "Wait":
            seconds = self._of(state, "Seconds", where, states)
            assert isinstance(seconds, int), f"{where}: {seconds!r} is no whole number"
            assert 0 <= seconds <= _LONGEST_WAIT
        if kind in ("Task", "Map"):
            return self._asked(state, where, states)
        return self._left(state, where, states, given), self._result

    def _choice(
        self, state: dict[str, Any], where: str, states: dict[str, Any]
    ) -> tuple[str | None, Any]:
        for number, rule in enumerate(state["Choices"]):
            at = f"{where}/Choices/{number}"
            holds = self._of(rule, "Condition", at, states)
            assert isinstance(holds, bool), f"{at}: a condition is true or false, not {holds!r}"
            if holds:
                return self._left(rule, at, states, states["input"]), self._result
        assert "Default" in state, f"{where}: States.NoChoiceMatched for {states['input']}"
        rule = {**state, "Next": state["Default"]}
        return self._left(rule, where, states, states["input"]), self._result

    def _asked(
        self, state: dict[str, Any], where: str, states: dict[str, Any]
    ) -> tuple[str | None, Any]:
        arguments = self._call(state, where, states)
        assert self.answers, f"{where}: the recording ends before this call"
        answer = self.answers.popleft()
        assert where.endswith(f"/{answer['state']}"), f"{where}: recorded was {answer['state']}"
        asked = answer.get("asked", {})
        assert {name: arguments[name] for name in asked} == asked
        for number, item in enumerate(answer.get("items", [])):
            self._item(state, where, states, number, item)
        if "error" not in answer:
            states["result"] = answer["output"]
            return self._left(state, where, states, answer["output"]), self._result
        return self._caught(state, where, states, answer)

    def _call(self, state: dict[str, Any], where: str, states: dict[str, Any]) -> dict[str, Any]:
        """Evaluates what a call is made with, and holds it to the service's model."""
        made_with: dict[str, Any] = {}
        self._of(state.get("ResultWriter", {}), "Arguments", f"{where}/ResultWriter", states)
        reader = state.get("ItemReader", {})
        for part, at in ((state, where), (reader, f"{where}/ItemReader")):
            if "Arguments" in part:
                arguments = self._of(part, "Arguments", at, states)
                refused = services.refused(part, arguments)
                assert not refused, f"{at}: {refused}"
                made_with |= arguments
        for key in ("Items", "MaxConcurrency", "ToleratedFailurePercentage", "TimeoutSeconds"):
            self._of(state, key, where, states)
        self._of(state.get("ItemReader", {}), "ReaderConfig", f"{where}/ItemReader", states)
        self._of(state, "ItemBatcher", where, states)
        return made_with

    def _item(
        self, state: dict[str, Any], where: str, states: dict[str, Any], number: int, item: Any
    ) -> None:
        """One item of a Map, by the processor's own states and recorded answers."""
        outer = copy.deepcopy(self._context)
        self._context["Map"] = {"Item": {"Index": number, "Value": item["value"]}}
        given = item["value"]
        if "ItemSelector" in state:
            of_item = {**states, "context": self._context}
            given = self._of(state, "ItemSelector", where, of_item)
        if "ItemBatcher" in state:
            batch = self._of(state, "ItemBatcher", where, states)
            given = {"Items": [given], **{k: v for k, v in batch.items() if k == "BatchInput"}}
        inner = _Run(deque(_told(item)), self._played, given)
        inner._context = copy.deepcopy(self._context)
        try:
            inner.machine(state["ItemProcessor"], f"{where}/ItemProcessor", given)
            ends = "Succeeded"
        except Uncaught as failure:
            ends = failure.error
        assert ends == item["ends"], f"{where}: item {number} ends {ends}"
        assert not inner.answers, f"{where}: never asked for: {list(inner.answers)}"
        self._context = outer

    def _caught(
        self, state: dict[str, Any], where: str, states: dict[str, Any], answer: dict[str, Any]
    ) -> tuple[str | None, Any]:
        cause = _cause(answer)
        for number, rule in enumerate(state.get("Catch", [])):
            if not _matches(rule["ErrorEquals"], answer["error"]):
                continue
            states["errorOutput"] = {"Error": answer["error"], "Cause": cause}
            at = f"{where}/Catch/{number}"
            return self._left(rule, at, states, states["errorOutput"]), self._result
        if self.answers and "redrive" in self.answers[0]:
            self._context["Execution"]["RedriveCount"] = self.answers[0]["redrive"]
            self._played.passed.append(where.rpartition("/")[2])
            return self._asked(state, where, states)
        raise Uncaught(answer["error"], cause)

    def _left(
        self, rule: dict[str, Any], where: str, states: dict[str, Any], otherwise: Any
    ) -> str | None:
        """Evaluates Output and Assign, both by the variables as they were; where it leads."""
        output = self._of(rule, "Output", where, states)
        assigned = self._of(rule, "Assign", where, states) or {}
        self._result = output if "Output" in rule else otherwise
        self._variables = {**self._variables, **assigned}
        return rule.get("Next")

    def _of(self, node: dict[str, Any], key: str, where: str, states: dict[str, Any]) -> Any:
        if key not in node:
            return None
        return self._evaluate(node[key], states, self._variables, f"{where}/{key}")


def _cause(answer: dict[str, Any]) -> str:
    """As Step Functions writes one: compact, sorted, and of at most so many characters."""
    cause = answer.get("cause", "")
    text = (
        cause
        if isinstance(cause, str)
        else json.dumps(cause, separators=(",", ":"), sort_keys=True)
    )
    return text[:_LONGEST_CAUSE]


def _matches(names: list[str], error: str) -> bool:
    return (
        error in names
        or ("States.ALL" in names and error not in ("States.Runtime", "States.DataLimitExceeded"))
        or ("States.TaskFailed" in names and error != "States.Timeout")
    )
