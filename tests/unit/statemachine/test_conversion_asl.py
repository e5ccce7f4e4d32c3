"""The state machine, read as data: its names are the code's names, its expressions are evaluated.

That it runs is proven by tests/faults/test_flow.py and tests/end_to_end; here is what a run cannot
show: the branches nobody wants to wait for, and names that would drift apart in silence.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from conversion import errors, traces
from conversion.conversion import Conversion as Asked
from conversion.job import Job, Source, Status
from conversion.outcome import Failure, Mode, Output
from conversion.stores.attributes import to_attributes
from tests.unit.statemachine.definitions import expressions, fill
from tests.unit.statemachine.evaluation import Evaluator

PATH = Path(__file__).parents[3] / "statemachine" / "conversion.asl.json"
# The share of Spot is a test's own to choose.
TEXT = fill(PATH.read_text(), keep="SpotPercent")
ASL = json.loads(TEXT)
STATES: dict[str, Any] = ASL["States"]
# An execution's counters: what Begin assigns, and no state but TryAgain changes.
COUNTERS = ("notStarted", "interrupted", "crashed")
FRESH = dict.fromkeys(COUNTERS, 0)


def evaluate(
    node: Any, variables: dict[str, Any] | None = None, redrive: int | None = None, **states: Any
) -> Any:
    """A JSONata template with `$states` and the variables bound, as Step Functions evaluates one.

    Without a redrive the context object may lack its count ("Accessing the Context object").
    """
    execution = {"Id": "e1"} if redrive is None else {"Id": "e1", "RedriveCount": redrive}
    told = {**states, "context": {"Execution": execution}}
    return Evaluator()(node, told, variables or {})


def task(name: str) -> dict[str, Any]:
    return STATES[name]


def codes() -> set[str]:
    found = vars(errors).values()
    return {each.code for each in found if isinstance(each, type) and hasattr(each, "code")}


def stopped_task(exit_code: int | None, stop_code: str = "EssentialContainerExited") -> str:
    """The Cause of a failed runTask.sync: the stopped task, PascalCase, without spaces."""
    container: dict[str, Any] = {"ContainerArn": "arn:c", "Cpu": "0"}
    if exit_code is not None:
        container["ExitCode"] = exit_code
    container |= {"GpuIds": [], "LastStatus": "STOPPED", "Name": "converter"}
    container["NetworkInterfaces"] = [{"AttachmentId": "a1"}]
    task = {"Attachments": [{"Status": "DELETED"}], "Containers": [container]}
    return json.dumps({**task, "StopCode": stop_code}, separators=(",", ":"))


def beside_an_agent(exit_code: int, agents: int) -> str:
    """A task into which the account's GuardDuty has put a container of its own."""
    task = json.loads(stopped_task(exit_code))
    agent = {**task["Containers"][0], "ExitCode": agents, "Name": "aws-guardduty-agent-x"}
    return json.dumps({**task, "Containers": [agent, *task["Containers"], agent]})


def stop_codes() -> list[str]:
    return botocore.session.get_session().get_service_model("ecs").shape_for("TaskStopCode").enum


FAILED = "States.TaskFailed"
NAME_FIRST = json.dumps({"Containers": [{"Name": "converter", "ExitCode": 75}], "StopCode": "x"})
KINDS = [
    ("States.Timeout", "", "timedOut"),
    (FAILED, stopped_task(75), "interrupted"),
    (FAILED, stopped_task(143), "interrupted"),
    (FAILED, NAME_FIRST, "interrupted"),
    (FAILED, stopped_task(137, "SpotInterruption"), "interrupted"),
    (FAILED, stopped_task(137, "UserInitiated"), "interrupted"),
    (FAILED, stopped_task(None, "SpotInterruption"), "interrupted"),
    (FAILED, stopped_task(137), "crashed"),
    (FAILED, stopped_task(1), "crashed"),
    (FAILED, stopped_task(64), "crashed"),
    (FAILED, stopped_task(7), "crashed"),
    (FAILED, stopped_task(750), "crashed"),
    (FAILED, beside_an_agent(1, 143), "crashed"),
    (FAILED, beside_an_agent(75, 0), "interrupted"),
    (FAILED, stopped_task(None, "TaskFailedToStart"), "notStarted"),
    (FAILED, stopped_task(75)[:60], "crashed"),
    (FAILED, stopped_task(None, "TaskFailedToStart")[:-1], "notStarted"),
    (FAILED, "{not JSON}", "crashed"),
    (FAILED, "", "crashed"),
    (FAILED, None, "crashed"),
    ("AmazonECS.Unknown", '{"Failures":[{"Reason":"RESOURCE:FARGATE"}]}', "notStarted"),
    ("ECS.AmazonECSException", "Capacity is unavailable", "notStarted"),
    ("ECS.ThrottlingException", "Rate exceeded", "notStarted"),
    ("ECS.ClientException", "You've reached the limit on the number of tasks", "notStarted"),
    ("ECS.ServerException", "", "notStarted"),
    ("ECS.SdkClientException", "", "notStarted"),
    ("ECS.InvalidParameterException", "", "refused"),
    ("ECS.AccessDeniedException", "", "refused"),
    ("ECS.ClusterNotFoundException", "", "refused"),
    ("States.Permissions", "", "refused"),
    ("States.QueryEvaluationError", "", "refused"),
]


def caught(error: str, cause: str | None, redrive: int | None = None) -> dict[str, Any]:
    output = {"Error": error} if cause is None else {"Error": error, "Cause": cause}
    return evaluate(
        task("Convert")["Catch"][0]["Output"],
        redrive=redrive,
        input={"jobId": "j1"},
        errorOutput=output,
    )


@pytest.mark.parametrize(("error", "cause", "kind"), KINDS)
def test_what_the_task_could_not_say_is_read_from_its_end(
    error: str, cause: str | None, kind: str
) -> None:
    assert caught(error, cause) == {"jobId": "j1", "redrive": 0, "kind": kind}


def test_every_way_ecs_stops_a_task_is_known() -> None:
    kinds = {each: caught(FAILED, stopped_task(137, each))["kind"] for each in stop_codes()}

    assert kinds.pop("TaskFailedToStart") == "notStarted"
    assert kinds.pop("EssentialContainerExited") == "crashed"
    assert set(kinds.values()) == {"interrupted"}


def tried_again(kind: str, variables: dict[str, int]) -> tuple[str, dict[str, Any], dict[str, int]]:
    """Where the Choice leads, with which output, and the counters after it."""
    given = {"jobId": "j1", "redrive": 0, "kind": kind}
    for rule in task("TryAgain")["Choices"]:
        if evaluate(rule["Condition"], variables, input=given):
            output = evaluate(rule["Output"], variables, input=given)
            assigned = evaluate(rule.get("Assign", {}), variables, input=given)
            return rule["Next"], output, {**variables, **assigned}
    raise AssertionError(f"{kind} leads nowhere")


@pytest.mark.parametrize(
    ("kind", "tries", "seconds", "code"),
    [
        ("notStarted", 100, (3 * 3600, 9 * 3600), errors.TaskNotStarted.code),
        ("interrupted", 20, (30 * 60, 75 * 60), errors.ConverterInterrupted.code),
        ("crashed", 3, (14, 30), errors.ConverterCrashed.code),
        ("refused", 0, (0, 0), errors.TaskNotStarted.code),
        ("timedOut", 0, (0, 0), errors.TimedOut.code),
    ],
)
def test_each_kind_is_tried_again_as_often_as_it_may_help_and_then_recorded(
    kind: str, tries: int, seconds: tuple[int, int], code: str
) -> None:
    counters, waited = FRESH, 0
    for number in range(1, tries + 1):
        leads, output, counters = tried_again(kind, counters)
        assert leads == "Pause"
        assert counters == {**FRESH, kind: number}
        assert isinstance(output["seconds"], int)
        assert 1 <= output["seconds"] <= 300
        waited += output["seconds"]
    leads, output, counters = tried_again(kind, counters)

    assert seconds[0] <= waited <= seconds[1]
    assert leads == "RecordFailure"
    assert output["code"] == code
    assert output["message"].endswith(".")
    assert output.keys() == {"jobId", "redrive", "code", "message"}


def test_kinds_are_counted_apart() -> None:
    worn = {"notStarted": 100, "interrupted": 20, "crashed": 2}

    assert tried_again("crashed", worn)[0] == "Pause"
    assert tried_again("interrupted", worn)[0] == "RecordFailure"
    assert tried_again("interrupted", {**worn, "interrupted": 19})[0] == "Pause"


def test_every_kind_that_is_told_apart_leads_somewhere() -> None:
    told = set(re.findall(r"'(\w+)'", task("Convert")["Catch"][0]["Output"]["kind"]))
    kinds = {each for each in told if each[0].islower()}

    assert kinds == {kind for _, _, kind in KINDS}
    for kind in kinds:
        worn = {"notStarted": 1000, "interrupted": 1000, "crashed": 1000}
        assert tried_again(kind, worn)[1]["code"] in codes()


def test_pauses_are_jittered_by_half_their_length() -> None:
    drawn = {
        tried_again("notStarted", {**FRESH, "notStarted": 50})[1]["seconds"] for _ in range(99)
    }

    assert 150 <= min(drawn) < 200  # not once in the lower third of 150: 99 draws, 1 in 10^17
    assert 250 < max(drawn) <= 300


def test_all_tries_fit_into_the_history_many_times_over() -> None:
    """Convert and its task have at most 7 events, TryAgain and Pause 2 each (API_HistoryEvent);
    an execution may have 25,000 (Step Functions service quotas)."""
    tries = 0
    for kind in COUNTERS:
        counters = FRESH
        while (step := tried_again(kind, counters))[0] == "Pause":
            counters, tries = step[2], tries + 1
    retried = sum(
        retry["MaxAttempts"] for state in STATES.values() for retry in state.get("Retry", [])
    )

    assert (tries + 1) * 11 + retried * 3 < 25_000 / 10


def test_begin_counts_from_nothing() -> None:
    assert evaluate(task("Begin")["Assign"]) == FRESH


def job(status: Status, **outcome: Any) -> Job:
    source = Source("bucket", "uploads/f1.wav", "e1", 100, "talk.wav")
    return Job(
        "j1", "f1", source, Asked("mp3", 128), status, "2026-01-01", "2026-01-02", 2_000_000_000,
        attempt=2, **outcome,
    )  # fmt: skip


OUTPUT = Output("conversions/j1/2/output.mp3", 5, "audio/mpeg", "talk.mp3", 1.5, Mode.STREAM)
FAILURE = Failure("TRUNCATED_INPUT", "The file ends early; upload it whole.")


@pytest.mark.parametrize(
    ("record", "goes_to", "when_redriven"),
    [
        (job(Status.COMPLETED, output=OUTPUT), "Completed", "Completed"),
        (job(Status.CANCELLED), "Cancelled", "Cancelled"),
        (job(Status.FAILED, failure=FAILURE), "Failed", "Begin"),
        (None, "Failed", "Begin"),
        (job(Status.PROCESSING), "RecordFailure", "Begin"),
        (job(Status.CREATED), "RecordFailure", "Begin"),
    ],
)
def test_the_record_chooses_the_end_and_a_redrive_converts_again(
    record: Job | None, goes_to: str, when_redriven: str
) -> None:
    outcome = read(record)
    assert choose(outcome, redrive=None) == goes_to
    assert choose(outcome, redrive=0) == goes_to
    assert choose(outcome, redrive=1) == when_redriven
    assert choose({**outcome, "redrive": 1}, redrive=1) == goes_to
    assert outcome["code"] in codes()
    if record and record.failure:
        assert (outcome["code"], outcome["message"]) == (FAILURE.code, FAILURE.message)


def read(record: Job | None) -> Any:
    result = {"Item": to_attributes(record.to_item())} if record else {}
    given = {"jobId": "j1", "redrive": 0}
    return evaluate(task("ReadOutcome")["Output"], input=given, result=result)


def choose(outcome: Any, redrive: int | None) -> str:
    for choice in task("Outcome")["Choices"]:
        if evaluate(choice["Condition"], redrive=redrive, input=outcome):
            return choice["Next"]
    return task("Outcome")["Default"]


def test_a_task_without_an_outcome_is_recorded_as_a_crash_and_cannot_loop() -> None:
    written = evaluate(task("RecordFailure")["Arguments"], input=read(job(Status.PROCESSING)))
    values = written["ExpressionAttributeValues"]
    assert values[":failure"]["M"]["code"] == {"S": errors.ConverterCrashed.code}
    # The condition holds for live jobs alone and the update makes the job terminal.
    assert written["ConditionExpression"] == "#status IN (:created, :processing)"
    assert values[":failed"] == {"S": Status.FAILED.value}
    assert Status(values[":failed"]["S"]).is_terminal
    live = {values[":created"]["S"], values[":processing"]["S"]}
    assert live == {each.value for each in Status if not each.is_terminal}


def test_a_redriven_record_failure_has_a_condition_that_no_job_meets() -> None:
    given = {"jobId": "j1", "redrive": 1, "code": "TIMED_OUT", "message": "Split it."}

    def condition(redrive: int) -> str:
        arguments = task("RecordFailure")["Arguments"]
        return evaluate(arguments, redrive=redrive, input=given)["ConditionExpression"]

    assert condition(1) == "#status IN (:created, :processing)"
    assert condition(2) == "#status IN (:created, :processing) AND #status = :failed"


@pytest.mark.parametrize(("redrive", "redriven"), [(None, False), (1, False), (2, True)])
def test_the_execution_fails_with_the_jobs_code_unless_it_was_redriven(
    redrive: int | None, redriven: bool
) -> None:
    given = {"jobId": "j1", "redrive": 1, "code": "TIMED_OUT", "message": "Split it."}

    payload = evaluate(task("Failed")["Arguments"], redrive=redrive, input=given)["Payload"]

    expected = {"jobId": "j1", "code": "TIMED_OUT", "message": "Split it."}
    assert payload == {**expected, "redriven": redriven}


def test_the_outcome_knows_every_status() -> None:
    asked = " ".join(each["Condition"] for each in task("Outcome")["Choices"])
    terminal = {each.value for each in Status if each.is_terminal}
    assert terminal <= set(re.findall(r"'(\w+)'", asked))


def test_every_code_in_the_flow_is_a_class_of_the_tree() -> None:
    named = set(re.findall(r"[\"']([A-Z]+_[A-Z_]+)[\"']", TEXT))
    assert named - {"FARGATE_SPOT"} <= codes()
    written = {
        errors.TimedOut,
        errors.TaskNotStarted,
        errors.ConverterCrashed,
        errors.ConverterInterrupted,
    }
    assert {each.code for each in written} <= named


def test_every_state_leads_somewhere_and_is_reached() -> None:
    leads = {ASL["StartAt"]}
    for state in STATES.values():
        leads |= {each["Next"] for each in state.get("Catch", []) + state.get("Choices", [])}
        leads |= {state[key] for key in ("Next", "Default") if key in state}
        assert state["Type"] in ("Succeed", "Fail", "Choice") or "Next" in state
    assert leads == set(STATES)


def test_every_expression_reads_only_what_a_state_is_given() -> None:
    found = [text for _, text in expressions(STATES)]
    assert len(found) > 20
    for expression in found:
        used = set(re.findall(r"\$states\.(\w+)", expression))
        assert used <= {"input", "result", "errorOutput", "context"}
        assert not re.search(r"\$(parse|eval)\b", expression)  # fails on what is no JSON


@pytest.mark.parametrize(
    ("counters", "provider"),
    [
        ({}, "FARGATE_SPOT"),
        ({"crashed": 3}, "FARGATE_SPOT"),
        ({"interrupted": 1}, "FARGATE"),
        ({"notStarted": 1}, "FARGATE"),
    ],
)
def test_what_spot_took_or_never_gave_is_converted_on_demand(
    counters: dict[str, int], provider: str
) -> None:
    assert provided(100, counters) == {provider}


def test_without_a_share_for_spot_all_is_converted_on_demand() -> None:
    assert provided(0, {}) == {"FARGATE"}


def test_a_share_is_drawn_by_each_execution() -> None:
    assert provided(50, {}) == {"FARGATE", "FARGATE_SPOT"}
    assert provided(50, {"interrupted": 1}) == {"FARGATE"}


def provided(spot_percent: int, counters: dict[str, int]) -> set[str]:
    """The capacity of 99 executions: with an even chance, all alike once in 10^29 runs."""
    [strategy] = task("Convert")["Arguments"]["CapacityProviderStrategy"]
    strategy = json.loads(json.dumps(strategy).replace("${SpotPercent}", str(spot_percent)))
    return {evaluate(strategy, {**FRESH, **counters})["CapacityProvider"] for _ in range(99)}


@pytest.mark.parametrize(("redrive", "told"), [(None, "0"), (0, "0"), (2, "2")])
def test_the_converter_is_told_which_redrive_it_works_for(redrive: int | None, told: str) -> None:
    [container] = task("Convert")["Arguments"]["Overrides"]["ContainerOverrides"]

    command = evaluate(container["Command"], redrive=redrive, input={"jobId": "j1"})

    assert command == ["j1", told]


@pytest.mark.parametrize("header", [None, "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"])
def test_the_converter_is_told_the_trace_that_its_execution_was_started_in(
    header: str | None,
) -> None:
    """From the execution's own input, which a redrive and every pause keep."""
    [container] = task("Convert")["Arguments"]["Overrides"]["ContainerOverrides"]
    given = {"jobId": "j1"} if header is None else {"jobId": "j1", traces.INPUT: header}
    told = {"input": {"jobId": "j1"}, "context": {"Execution": {"Input": given}}}

    environment = Evaluator()(container["Environment"], told, FRESH)

    assert environment == ([] if header is None else [{"Name": traces.VARIABLE, "Value": header}])
