"""The state machine, read as data: its names are the code's names, its expressions are evaluated.

That it runs is proven by tests/end_to_end; here is what a run cannot show: the branches nobody
wants to wait for, and names that would drift apart in silence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from jsonata import Jsonata

from conversion import errors, events
from conversion.conversion import Conversion as Asked
from conversion.job import Job, Source, Status
from conversion.outcome import Failure, Mode, Output
from conversion.stores.attributes import to_attributes

PATH = Path(__file__).parents[3] / "statemachine" / "conversion.asl.json"
ASL = json.loads(PATH.read_text())
STATES: dict[str, Any] = ASL["States"]


def strings(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for each in node.values():
            yield from strings(each)
    elif isinstance(node, list):
        for each in node:
            yield from strings(each)


def evaluate(node: Any, **states: Any) -> Any:
    """A JSONata template with `$states` bound, as Step Functions evaluates one."""
    if isinstance(node, dict):
        return {name: evaluate(each, **states) for name, each in node.items()}
    if isinstance(node, list):
        return [evaluate(each, **states) for each in node]
    if isinstance(node, str) and node.startswith("{%") and node.endswith("%}"):
        expression = Jsonata(node[2:-2])
        expression.assign("states", states)
        value = expression.evaluate(None)
        assert value is not None, f"{node}: AWS fails a state whose expression is undefined"
        return value
    return node


def task(name: str) -> dict[str, Any]:
    return STATES[name]


def codes() -> set[str]:
    found = vars(errors).values()
    return {each.code for each in found if isinstance(each, type) and hasattr(each, "code")}


def stopped_task(exit_code: int | None, stop_code: str = "EssentialContainerExited") -> str:
    """The Cause of a failed runTask.sync: the stopped task, PascalCase, without spaces."""
    container: dict[str, Any] = {"Name": "converter", "LastStatus": "STOPPED"}
    if exit_code is not None:
        container["ExitCode"] = exit_code
    return json.dumps({"Containers": [container], "StopCode": stop_code}, separators=(",", ":"))


@pytest.mark.parametrize(
    ("error", "cause", "code"),
    [
        ("States.Timeout", "", errors.TimedOut.code),
        ("States.TaskFailed", stopped_task(75), errors.ConverterInterrupted.code),
        ("States.TaskFailed", stopped_task(1), errors.ConverterCrashed.code),
        ("States.TaskFailed", stopped_task(137), errors.ConverterCrashed.code),
        ("States.TaskFailed", stopped_task(None, "TaskFailedToStart"), errors.TaskNotStarted.code),
        ("AmazonECS.Unknown", "RESOURCE:FARGATE", errors.TaskNotStarted.code),
        ("ECS.AmazonECSException", "Capacity is unavailable", errors.TaskNotStarted.code),
    ],
)
def test_what_the_task_could_not_say_becomes_a_code(error: str, cause: str, code: str) -> None:
    caught = evaluate(
        task("Convert")["Catch"][0]["Output"],
        input={"jobId": "j1"},
        errorOutput={"Error": error, "Cause": cause},
    )
    assert caught["jobId"] == "j1"
    assert caught["code"] == code
    assert caught["message"].endswith(".")


def job(status: Status, **outcome: Any) -> Job:
    source = Source("bucket", "uploads/f1.wav", "e1", 100, "talk.wav")
    return Job(
        "j1", "f1", source, Asked("mp3", 128), status, "2026-01-01", "2026-01-02", 2_000_000_000,
        attempt=2, **outcome,
    )  # fmt: skip


OUTPUT = Output("conversions/j1/2/output.mp3", 5, "audio/mpeg", "talk.mp3", 1.5, Mode.STREAM)
FAILURE = Failure("TRUNCATED_INPUT", "The file ends early; upload it whole.")


@pytest.mark.parametrize(
    ("record", "goes_to"),
    [
        (job(Status.COMPLETED, output=OUTPUT), "AnnounceCompleted"),
        (job(Status.FAILED, failure=FAILURE), "AnnounceFailed"),
        (job(Status.CANCELLED), "AnnounceCancelled"),
        (job(Status.PROCESSING), "RecordFailure"),
        (job(Status.CREATED), "RecordFailure"),
        (None, "Failed"),
    ],
)
def test_the_record_chooses_the_end(record: Job | None, goes_to: str) -> None:
    result = {"Item": to_attributes(record.to_item())} if record else {}
    outcome = evaluate(task("ReadOutcome")["Output"], input={"jobId": "j1"}, result=result)
    assert choose(outcome) == goes_to
    assert outcome["code"] in codes()
    announced = json.loads(outcome["detail"])
    assert announced["jobId"] == "j1"
    if record and record.output:
        assert announced["output"]["key"] == OUTPUT.key
        assert announced["output"]["bytes"] == OUTPUT.bytes
    if record and record.failure:
        assert (outcome["code"], outcome["message"]) == (FAILURE.code, FAILURE.message)
        assert announced["error"] == FAILURE.to_item()


def choose(outcome: Any) -> str:
    for choice in task("Outcome")["Choices"]:
        if evaluate(choice["Condition"], input=outcome):
            return choice["Next"]
    return task("Outcome")["Default"]


def test_a_task_without_an_outcome_is_recorded_as_a_crash_and_cannot_loop() -> None:
    result = {"Item": to_attributes(job(Status.PROCESSING).to_item())}
    outcome = evaluate(task("ReadOutcome")["Output"], input={"jobId": "j1"}, result=result)
    written = evaluate(task("RecordFailure")["Arguments"], input=outcome)
    values = written["ExpressionAttributeValues"]
    assert values[":failure"]["M"]["code"] == {"S": errors.ConverterCrashed.code}
    # The condition holds for live jobs alone and the update makes the job terminal.
    assert values[":failed"] == {"S": Status.FAILED.value}
    assert Status(values[":failed"]["S"]).is_terminal
    live = {values[":created"]["S"], values[":processing"]["S"]}
    assert live == {each.value for each in Status if not each.is_terminal}


def test_the_outcome_knows_every_status() -> None:
    asked = " ".join(each["Condition"] for each in task("Outcome")["Choices"])
    terminal = {each.value for each in Status if each.is_terminal}
    assert terminal <= set(re.findall(r"'(\w+)'", asked))


def test_every_code_in_the_flow_is_a_class_of_the_tree() -> None:
    named = set(re.findall(r"'([A-Z][A-Z]+_[A-Z_]+)'", PATH.read_text()))
    assert named - {"FARGATE_SPOT"} <= codes()
    assert {"TIMED_OUT", "TASK_NOT_STARTED", "CONVERTER_CRASHED"} <= named


def test_events_are_announced_under_the_names_of_their_classes() -> None:
    announced = {
        "AnnounceCompleted": events.ConversionCompleted,
        "AnnounceFailed": events.ConversionFailed,
        "AnnounceCancelled": events.ConversionCancelled,
    }
    for name, event in announced.items():
        [entry] = task(name)["Arguments"]["Entries"]
        assert entry["Source"] == "${EventSource}"
        assert entry["DetailType"] == f"${{{event.__name__}}}"  # infra/ fills in the class's own


def test_every_state_leads_somewhere_and_is_reached() -> None:
    leads = {ASL["StartAt"]}
    for state in STATES.values():
        leads |= {each["Next"] for each in state.get("Catch", []) + state.get("Choices", [])}
        leads |= {state[key] for key in ("Next", "Default") if key in state}
        assert state["Type"] in ("Succeed", "Fail", "Choice") or "Next" in state
    assert leads == set(STATES)


def test_every_task_argument_is_one_the_service_knows() -> None:
    session = botocore.session.get_session()
    operations = {
        "arn:aws:states:::ecs:runTask.sync": ("ecs", "RunTask"),
        "arn:aws:states:::dynamodb:updateItem": ("dynamodb", "UpdateItem"),
        "arn:aws:states:::dynamodb:getItem": ("dynamodb", "GetItem"),
        "arn:aws:states:::events:putEvents": ("events", "PutEvents"),
    }
    for name, state in STATES.items():
        if state["Type"] != "Task":
            continue
        service, operation = operations[state["Resource"]]
        shape = session.get_service_model(service).operation_model(operation).input_shape
        unknown = list(misfits(state["Arguments"], shape))
        assert not unknown, f"{name}: {unknown}"
        assert {pascal(each) for each in shape.required_members} <= set(state["Arguments"])


def misfits(value: Any, shape: Any, where: str = "") -> Iterator[str]:
    """Members the service's model lacks; Step Functions spells them in PascalCase."""
    if shape.type_name == "structure" and isinstance(value, dict):
        members = {pascal(name): each for name, each in shape.members.items()}
        for name, each in value.items():
            if name not in members:
                yield f"{where}.{name}"
            else:
                yield from misfits(each, members[name], f"{where}.{name}")
    elif shape.type_name == "list" and isinstance(value, list):
        for each in value:
            yield from misfits(each, shape.member, where + "[]")
    elif shape.type_name == "map" and isinstance(value, dict):
        for name, each in value.items():
            yield from misfits(each, shape.value, f"{where}.{name}")
    elif not isinstance(value, str | int | bool):
        yield where


def pascal(name: str) -> str:
    return name[:1].upper() + name[1:]


def test_every_expression_parses_and_reads_only_what_a_state_is_given() -> None:
    found = [each for each in strings(STATES) if each.startswith("{%")]
    assert len(found) > 20
    for expression in found:
        assert expression.endswith("%}")
        Jsonata(expression[2:-2])
        used = set(re.findall(r"\$states\.(\w+)", expression))
        assert used <= {"input", "result", "errorOutput", "context"}


def test_a_retried_conversion_moves_from_spot_to_on_demand() -> None:
    [strategy] = task("Convert")["Arguments"]["CapacityProviderStrategy"]
    chosen = [
        evaluate(strategy, context={"State": {"RetryCount": count}})["CapacityProvider"]
        for count in (0, 1, 2)
    ]
    assert chosen == ["FARGATE_SPOT", "FARGATE", "FARGATE"]
