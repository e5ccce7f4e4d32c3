"""Step Functions: an execution lives on, though the engine under it ends and starts again.

AWS: "Execution state internally persists between state transitions" of a standard workflow
("Execution guarantees"). ministack: an execution is a thread. While the engine shuts down it takes
the end of its task for a failure and goes on, with services that are no longer there; and what was
RUNNING when state was saved is FAILED with States.ServiceRestart after it is loaded, without the
state machine's own Retry and Catch being asked.

Here it makes no step once the engine closes, is saved as RUNNING, and is run again when the engine
serves: from its start state, for the engine keeps nothing of where it was. So each of its states
must bear being run twice, as they must on AWS when they are retried; its TimeoutSeconds begins
anew. Its history goes on with ExecutionRedriven, the name AWS has for an execution that is started
again (API_HistoryEvent); on AWS it is a person who does that.
"""

from __future__ import annotations

import threading
from importlib import import_module
from typing import Any

from local.fidelity import states

stepfunctions: Any = import_module("ministack.services.stepfunctions")
responses: Any = import_module("ministack.core.responses")

_load = stepfunctions.load_persisted_state
_interrupted: list[dict[str, Any]] = []


def install() -> None:
    stepfunctions.load_persisted_state = load_persisted_state


def close() -> None:
    """From now on no execution makes a step; to be called before anything they use is ended."""
    states.closing.set()


def load_persisted_state(data: dict[str, Any]) -> None:
    """Keep what is running apart until the other services have their state as well.

    A synchronous execution is not among it: its caller's request has ended with the engine.
    """
    loaded: Any = data.get("executions") or responses.AccountRegionScopedDict()
    running = [each for each in loaded.all_values() if each["status"] == "RUNNING"]
    running = [each for each in running if not each.get("sync")]
    _load(data)
    for execution in running:
        for name in ("error", "cause"):
            execution.pop(name, None)
        execution.update(status="RUNNING", stopDate=None)
    _interrupted.extend(running)


def resume() -> None:
    """Run again what was interrupted; to be called when the engine serves."""
    while _interrupted:
        threading.Thread(target=_run_again, args=(_interrupted.pop(),), daemon=True).start()


def _run_again(execution: dict[str, Any]) -> None:
    arn: str = execution["executionArn"]
    _, _, _, region, account, *_ = arn.split(":")
    before = [event["type"] for event in execution["events"]].count("ExecutionRedriven")
    details = {"executionRedrivenEventDetails": {"redriveCount": before + 1}}
    with responses.request_scope(account, region):
        states.add_event(execution, "ExecutionRedriven", details)
        states.run_execution(arn)
