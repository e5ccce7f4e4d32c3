"""How a failed job fails its execution: see lambdas/fail_execution/handler.py."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from conversion.errors import TruncatedInput
from lambdas.fail_execution.handler import handler
from tests.contract.examples import JOB_ID

MESSAGE = "The file ends early; upload it whole."
EVENT = {"jobId": JOB_ID, "code": TruncatedInput.code, "message": MESSAGE, "redriven": False}


Log = Callable[[], list[dict[str, Any]]]


class Context(LambdaContext):
    _function_name = "fail_execution"
    _memory_limit_in_mb = 512
    _invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:fail_execution"
    _aws_request_id = "r1"


def test_it_raises_what_lambda_reports_under_the_jobs_code() -> None:
    """errorType is the name of the class, errorMessage what it says ("Lambda function handler in
    Python", exceptions); Step Functions takes the first for the error's name."""
    with pytest.raises(Exception, match="ends early") as raised:
        handler(EVENT, Context())

    assert (type(raised.value).__name__, str(raised.value)) == ("TRUNCATED_INPUT", MESSAGE)


def test_it_returns_for_a_redrive() -> None:
    assert handler({**EVENT, "redriven": True}, Context()) is None


@pytest.mark.parametrize("redriven", [False, True])
def test_it_logs_which_job_and_why(log: Log, redriven: bool) -> None:
    with nullcontext() if redriven else pytest.raises(Exception, match="ends early"):
        handler({**EVENT, "redriven": redriven}, Context())

    assert {(each["jobId"], each["code"]) for each in log()} == {(JOB_ID, TruncatedInput.code)}
    assert MESSAGE not in str(log())


def test_it_imports_no_aws_client() -> None:
    code = "import lambdas.fail_execution.handler, sys; print('boto3' in sys.modules)"

    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert answer.stdout.strip() == "False"
