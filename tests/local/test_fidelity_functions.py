"""Lambda functions that raise, as AWS has them: see local/fidelity/functions.py."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from local.child import Engine
from tests.local.conftest import Machines

# Counts the invocations of its process, and raises an error of its own class when told to.
SOURCE = """
count = 0

class QueueFull(Exception):
    pass

def handler(event, context):
    global count
    count += 1
    if event.get("raise"):
        raise QueueFull("no room")
    return count
"""


def test_a_function_that_raises_reports_its_class_message_and_stack(
    engine: Engine, function: Callable[..., str]
) -> None:
    answer = invoke(engine, function(SOURCE), {"raise": True})

    assert answer["FunctionError"] == "Unhandled"
    error = answer["Payload"]
    assert (error["errorType"], error["errorMessage"]) == ("QueueFull", "no room")
    assert "in handler" in error["stackTrace"][0]
    assert "main.py" in error["stackTrace"][0]


def test_a_function_that_raises_keeps_its_process(
    engine: Engine, function: Callable[..., str]
) -> None:
    name = function(SOURCE)

    invoke(engine, name, {"raise": True})

    assert invoke(engine, name, {})["Payload"] == 2


def test_a_state_machine_catches_the_class_a_function_raised(
    machines: Machines, function: Callable[..., str]
) -> None:
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": function(SOURCE), "Payload": {"raise": True}},
        "Catch": [{"ErrorEquals": ["QueueFull"], "Next": "Caught", "Output": "full"}],
        "End": True,
    }

    assert machines.run({"Ask": task, "Caught": {"Type": "Succeed"}})["output"] == '"full"'


def test_functions_of_the_same_code_share_it_unpacked(
    engine: Engine, function: Callable[..., str]
) -> None:
    source = "import os\ndef handler(e, c): return [os.getcwd(), os.path.realpath('main.py')]"

    one, two = (invoke(engine, function(source), {})["Payload"] for _ in range(2))

    assert one[0] != two[0]
    assert one[1] == two[1]


def test_what_a_function_logs_is_in_the_tail_of_its_log(
    engine: Engine, function: Callable[..., str]
) -> None:
    name = function("def handler(event, context): print('seen', event['n'])")
    client = engine.client("lambda")

    for number in range(3):
        event = json.dumps({"n": number})
        answer = client.invoke(FunctionName=name, Payload=event, LogType="Tail")
        assert f"seen {number}" in base64.b64decode(answer["LogResult"]).decode()


def test_a_function_sees_nothing_of_the_project_but_its_code(
    engine: Engine, function: Callable[..., str]
) -> None:
    source = (
        "import importlib.util, os\n"
        "def handler(event, context):\n"
        "    found = [n for n in ('local', 'conversion') if importlib.util.find_spec(n)]\n"
        "    return {'found': found, 'sluice': [n for n in os.environ if n == 'SLUICE_FFMPEG']}\n"
    )

    assert invoke(engine, function(source), {})["Payload"] == {"found": [], "sluice": []}


def invoke(engine: Engine, name: str, event: dict[str, Any]) -> dict[str, Any]:
    answer = engine.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    return {**answer, "Payload": json.loads(answer["Payload"].read())}
