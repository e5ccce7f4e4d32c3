"""Log lines as JSON, one object each, with the job id in every one of them."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

# What every LogRecord has; anything else on a record was given by `extra=`.
_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "taskName"}


class JsonLines(logging.Formatter):
    def __init__(self, job_id: str) -> None:
        super().__init__()
        self._job_id = job_id

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "jobId": self._job_id,
            "logger": record.name,
            "message": record.getMessage(),
            **{name: value for name, value in vars(record).items() if name not in _PLAIN},
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def to_stdout(job_id: str) -> None:
    """CloudWatch keeps a task's standard output; locally the engine does."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines(job_id))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # botocore tells where it found credentials, in every process anew.
    logging.getLogger("botocore").setLevel(logging.WARNING)
