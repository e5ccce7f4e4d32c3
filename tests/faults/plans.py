"""What may go wrong with one request, and plans of when it does."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    CUT_REQUEST = "the connection breaks after a part of the request"
    REFUSE = "503 SlowDown, 500 InternalError or a throttling answer, and nothing is done"
    LOSE = "the request is carried out and not a byte of its answer arrives"
    CUT_ANSWER = "the answer breaks off somewhere"
    SHORTEN = "fewer bytes than asked for, under a Content-Length that fits them"
    ERROR_IN_200 = "status 200 and an error in the body, as S3 may end a long operation"
    DELAY = "the answer is late"
    HANG = "the request is taken and nothing ever comes back"
    WHOLE = "status 200 and the whole object, whatever range was asked for"


@dataclass(frozen=True)
class Fault:
    """`at` is where a cut falls, from 0 (nothing) to 1 (all); `reset`: by RST instead of FIN."""

    kind: Kind
    at: float = 0.5
    reset: bool = False


@dataclass(frozen=True)
class Request:
    """`operation` is "GetObject", "UploadPart" …, or "UpdateItem jobs" for a table `jobs-…`;
    `ordinal` counts those of one operation from 1."""

    operation: str
    ordinal: int

    def __str__(self) -> str:
        return f"{self.operation} {self.ordinal}"


_OF_ONE_OPERATION = {Kind.SHORTEN: "GetObject", Kind.ERROR_IN_200: "CompleteMultipartUpload"}


def kinds(operation: str) -> list[Kind]:
    """Those that can happen to this operation at any time. Not silence, which costs a timeout, nor
    a store that ignores ranges, which is no passing fault: both have their own tests."""
    able = [each for each in Kind if each not in (Kind.HANG, Kind.WHOLE)]
    return [each for each in able if _OF_ONE_OPERATION.get(each, operation) == operation]


@dataclass(frozen=True)
class Dice:
    """A plan by chance that can be thrown again: luck hangs on the seed and on which request of
    its kind this is, never on the order in which threads happened to ask."""

    seed: int
    rate: float
    spared: tuple[str, ...] = ()

    def __call__(self, request: Request) -> Fault | None:
        luck = random.Random(f"{self.seed}/{request}")
        if request.operation in self.spared or luck.random() > self.rate:
            return None
        return Fault(luck.choice(kinds(request.operation)), luck.random(), luck.random() < 0.5)


@dataclass(frozen=True)
class Certain:
    """What `then` says, but for one request, which surely meets this fault."""

    operation: str
    ordinal: int
    fault: Fault
    then: Callable[[Request], Fault | None]

    def __call__(self, request: Request) -> Fault | None:
        if request == Request(self.operation, self.ordinal):
            return self.fault
        return self.then(request)


@dataclass(frozen=True)
class Outage:
    """From its `first` request on, this operation is not to be had any more."""

    operation: str
    first: int
    fault: Fault

    def __call__(self, request: Request) -> Fault | None:
        is_out = request.operation == self.operation and request.ordinal >= self.first
        return self.fault if is_out else None
