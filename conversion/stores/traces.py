"""Segments of our own for X-Ray, which the converter has no daemon to send by.

Permissions: xray:PutTraceSegments. Leaves behind: the segments, 30 days (X-Ray quota).
"""

from __future__ import annotations

import json
from typing import Any

from conversion.fields import Item


class Traces:
    def __init__(self, client: Any) -> None:
        self._client = client

    def put(self, segment: Item) -> bool:
        """Whether X-Ray took it; raises whatever botocore does."""
        answer = self._client.put_trace_segments(TraceSegmentDocuments=[json.dumps(segment)])
        return not answer.get("UnprocessedTraceSegments")
