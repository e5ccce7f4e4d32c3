"""Step Functions: an execution lives on, though the engine under it ends and starts again.

AWS: "Execution state internally persists between state transitions" of a standard workflow
("Execution guarantees"). ministack: an execution is a thread. While the engine shuts down it takes
the end of its task for a failure and goes on, with services that are no longer there; and what was
RUNNING when state was saved is FAILED with States.ServiceRestart after it is loaded, without the
state machine's own Retry and Catch being asked.

Here it makes no step once the engine closes, is saved as RUNNING, and goes on when the engine
serves: in the state it was in (walk.py), which is run anew. So each state must bear being run
twice, as it must on AWS when it is retried; TimeoutSeconds begin anew.
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
    with responses.request_scope(account, region):
        states.run_execution(arn)
