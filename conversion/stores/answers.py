"""What it means when AWS gives no answer: the service is away for now, and the caller is told so.

botocore has tried again by then. Access and validation errors stay as they are, they are ours.
"""

from __future__ import annotations

from collections.abc import Generator, Set
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from conversion.errors import TransientError


def code_of(error: ClientError) -> str:
    return error.response["Error"]["Code"]


@contextmanager
def outages(
    service: str, raised: type[TransientError], passing: Set[str], *, numbers: bool = False
) -> Generator[None]:
    """Raise `raised` for what passes by itself: the codes in `passing`, a status of 5xx, no
    connection, and an answer that breaks off.

    What is looked up in an answer is looked up inside the block, where its absence has a meaning:
    http.client takes half a head for a whole one. `numbers`: an error whose code is its status has
    lost its reason on the way, and passes too.
    """
    try:
        yield
    except ClientError as error:
        code, status = code_of(error), error.response["ResponseMetadata"]["HTTPStatusCode"]
        if code in passing or status >= 500 or (numbers and code == str(status)):
            raise raised(f"{service} is not answering ({code}); try again.") from error
        raise
    except ParamValidationError:
        raise
    except KeyError as error:
        raise raised(f"The answer of {service} broke off: it has no {error}.") from error
    except BotoCoreError as error:
        raise raised(f"{service} cannot be reached ({error}); try again.") from error
