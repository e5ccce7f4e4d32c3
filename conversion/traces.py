"""What ties together, process after process, what one request sets off: X-Ray's trace header.

Lambda gives it to a function by an environment variable; from there it goes into the execution's
input, and from the state machine into the converter's environment, by the same name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

# "Defined runtime environment variables", Lambda guide.
VARIABLE = "_X_AMZN_TRACE_ID"
# Of the execution's input; the state machine reads it there.
INPUT = "traceHeader"

# "Tracing header", X-Ray guide. Other fields (Self, Lineage) are for those who wrote them.
_ROOT = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_PARENT = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class TraceHeader:
    """`parent` is the segment or subsegment that whoever reads this was set off by."""

    root: str
    parent: str
    is_sampled: bool

    @classmethod
    def read(cls, text: str | None) -> Self | None:
        """None where there is none, or where it cannot be read: a trace is never worth a job."""
        parts = (part.strip().partition("=") for part in (text or "").split(";"))
        fields = {name: value for name, _, value in parts}
        root, parent = fields.get("Root", ""), fields.get("Parent", "")
        if not _ROOT.fullmatch(root) or not _PARENT.fullmatch(parent):
            return None
        return cls(root, parent, fields.get("Sampled") == "1")

    def __str__(self) -> str:
        return f"Root={self.root};Parent={self.parent};Sampled={int(self.is_sampled)}"
