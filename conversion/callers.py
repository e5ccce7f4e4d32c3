"""Who calls the API, and what of it all is theirs to see.

Where callers have an identity, each sees the files and jobs that it asked for and nothing of the
others', which are as good as not there. Objects dropped into the bucket have no owner. Operators,
and everybody where nobody is asked who they are, see all.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

# The session's name is the last part of an assumed role's ARN ("IAM identifiers", IAM user guide):
# one role's callers are one, whatever each session is called.
_SESSION = re.compile(r"(arn:[^:]+:sts::\d+:assumed-role/[^/]+)/.+")
_ROLE = re.compile(r"arn:([^:]+):iam::(\d+):role/(?:.+/)?([^/]+)")


@dataclass(frozen=True)
class Caller:
    """`identity`: the ARN of an IAM user or of an assumed role, without its session, the id of an
    identity pool's user, or the subject of a token; None where nobody is asked. It is what a
    record's `owner` says."""

    identity: str | None
    sees_all: bool

    def may_see(self, owner: str | None) -> bool:
        return self.sees_all or (self.identity is not None and owner == self.identity)

    @classmethod
    def identified(cls, identity: str, operators: Collection[str]) -> Caller:
        """`operators` are identities, of roles also as IAM writes them (`…:role/Name`)."""
        identity = _principal(identity)
        return cls(identity, sees_all=identity in {_principal(each) for each in operators})


ANYBODY = Caller(identity=None, sees_all=True)


def _principal(arn: str) -> str:
    """A role is called in one way, whether by its own ARN or by that of a session."""
    if session := _SESSION.fullmatch(arn):
        return session[1]
    if role := _ROLE.fullmatch(arn):
        return f"arn:{role[1]}:sts::{role[2]}:assumed-role/{role[3]}"
    return arn
